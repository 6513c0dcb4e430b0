"""An OpenStack project as a provider: the contract's eight verbs.

What there is, is asked of the cloud each time, by our marks; this object remembers nothing but its connection.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from rackless.model.errors import AbsentError, NotFoundError, Problem, ProviderError, RacklessError
from rackless.model.family import NicRole, Role
from rackless.model.places import OpenStackPlace, Rewiring
from rackless.model.plan import DiskSpec, MachineSpec, NicSpec, Plan, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Finding, Kept, Power, ProviderInfo, Ref, RefKind, Spec, Stream, served
from rackless.providers.openstack import examining
from rackless.providers.openstack.cloud import Cloud
from rackless.providers.openstack.images import DiskImage, Images, Record
from rackless.providers.openstack.marks import Marks
from rackless.providers.openstack.networks import MANAGEMENT, Network, Networks, Port
from rackless.providers.openstack.parking import Parking
from rackless.providers.openstack.serial import SerialLine
from rackless.providers.openstack.servers import IDENTITY, Server, Servers
from rackless.providers.openstack.wiring import Wiring
from rackless.providers.site_id import site_id
from rackless.settings import Settings

_WAYS = {
    Rewiring.TRUNK: "a wire changes behind the NIC of the running machine, which tags its frames",
    Rewiring.HOTPLUG: "a wire changes by plugging a NIC into the running machine, with the MAC it always has",
    Rewiring.POWER_CYCLE: "a wire changes by switching the machine off and on again",
}


class OpenStackProvider:
    """`images`: what the catalogue gives for a name, or raises. `connect` for tests that have a connection of their own."""

    def __init__(
        self,
        place: OpenStackPlace,
        settings: Settings,
        site: Site,
        images: Callable[[str], DiskImage],
        connect: Callable[[OpenStackPlace], Any] | None = None,
    ) -> None:
        settings.make()
        self.cloud = Cloud(place, connect)
        self._place = place
        self._find = images
        marks = Marks(site_id(settings.state / "site-id"))
        self._images = Images(self.cloud, marks, images)
        self._networks = Networks(self.cloud, marks)
        self._servers = Servers(self.cloud, marks)
        self._parking = Parking(self._networks)
        self._wiring = Wiring(place.rewiring, self._networks, self._servers, self._parking)
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._most_mtu: int | None = None
        self._reached: dict[tuple[str, str], str] = {}

    @property
    def info(self) -> ProviderInfo:
        way = self._place.rewiring
        return ProviderInfo(
            name="openstack",
            live_rewire=way is not Rewiring.POWER_CYCLE,
            carrier=False,
            capture=False,
            host_channel=False,
            management="address",
            management_ipv6=True,
            notes=(f"Wires: {_WAYS.get(way, way.value)}.",),
            rewiring=way.value,
            most_nics=26,
            numbered=bool(self._place.segment_type),
            segment_most_mtu=self._most_mtu,
            smbios=False,
        )

    def examine(self) -> AsyncIterator[Finding]:
        return examining.examine(self.cloud, self._networks, self._servers, self._images)

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        """Also finds the largest MTU, so that `info` tells it."""
        problems = [problem for name in sorted({machine.image for machine in plan.machines}) for problem in self._image(name)]
        problems += self._untold(plan)
        try:
            if self._most_mtu is None:
                self._most_mtu = await self._networks.most_mtu()
            if any(segment.kind == "internal" for segment in plan.segments) and self._most_mtu < self._place.internal_mtu:
                problems.append(
                    Problem(
                        message=f"Networks of {self._place.name} have an MTU of {self._most_mtu}, "
                        f"and the internal network of a router needs {self._place.internal_mtu}.",
                        hint="Raise global_physnet_mtu and path_mtu of its Neutron: VXLAN takes 50 octets of them.",
                    )
                )
            problems += await self._quota(plan)
        except RacklessError as error:
            problems.append(Problem(message=error.message, hint=error.hint))
        return tuple(problems)

    def _untold(self, plan: Plan) -> list[Problem]:
        """Machines that would not know of the tag on their NICs."""
        if self._place.rewiring is not Rewiring.TRUNK:
            return []
        return [
            Problem(
                message=f"{machine.name} ({machine.family}) does not take the tag of {self._place.name}'s trunks off its frames.",
                hint="Set `rewiring: power-cycle` for the place, or a second place of the same cloud with it.",
            )
            for machine in plan.machines
            if any(nic.role is NicRole.TRAFFIC and nic.segment is None for nic in machine.nics)
            and not any(file.path == IDENTITY for file in machine.config_drive)
            and machine.role is not Role.CONTROLLER
        ]

    def _image(self, name: str) -> list[Problem]:
        try:
            self._find(name)
        except NotFoundError as error:
            return [Problem(message=error.message, hint=error.hint)]
        return []

    async def _quota(self, plan: Plan) -> list[Problem]:
        limits = (await self.cloud.call("asking for the quota", lambda cloud: cloud.compute.get_limits())).absolute
        there = {server.machine for server in await self._servers.all(plan.sandbox)}
        coming = [machine for machine in plan.machines if machine.name not in there]
        wanted = (
            ("servers", len(coming), limits.instances, limits.instances_used),
            ("processors", sum(machine.vcpus for machine in coming), limits.total_cores, limits.total_cores_used),
            ("MiB of memory", sum(machine.memory for machine in coming), limits.total_ram, limits.total_ram_used),
        )
        return [
            Problem(
                message=f"The plan takes {need} {what} of {self._place.name}, which has {most - (used or 0)} of {most} left.",
                hint="End other labs there, or ask for a larger quota.",
            )
            for what, need, most, used in wanted
            if most is not None and most >= 0 and need > most - (used or 0)
        ]

    async def ensure(self, spec: Spec) -> Ref:
        async with self._lock(spec.sandbox, spec.name):
            if isinstance(spec, DiskSpec):
                if await self._images.record(spec.sandbox, RefKind.DISK, spec.name) is None:
                    self._images.coming += 1
                    try:
                        await self._images.keep(spec, await self._images.base(spec.image))
                    finally:
                        self._images.coming -= 1
                return Ref(kind=RefKind.DISK, sandbox=spec.sandbox, name=spec.name)
            if isinstance(spec, SegmentSpec):
                await self._networks.make(spec)
                return Ref(kind=RefKind.SEGMENT, sandbox=spec.sandbox, name=spec.name)
            if await self._images.record(spec.sandbox, RefKind.MACHINE, spec.name) is None:
                await self._make(spec)
            return await self._ref(spec)

    async def _make(self, spec: MachineSpec) -> None:
        """Its ports, and then the record that says it is there."""
        disks = {record.name for record in await self._images.records(spec.sandbox) if record.kind is RefKind.DISK}
        for disk in spec.disks:
            if disk.name not in disks:
                raise AbsentError(f"Machine {spec.name} needs the disk {disk.name}, which is not there.", hint="Make it first.")
        segments = await self._networks.segments(spec.sandbox)
        where: list[tuple[NicSpec, Network]] = []
        for nic in spec.nics:
            if nic.role is NicRole.MANAGEMENT and nic.address is not None:
                where.append((nic, await self._networks.management(spec.sandbox)))
            elif nic.segment is not None:
                network = segments.get((spec.sandbox, nic.segment))
                if network is None:
                    raise AbsentError(
                        f"Machine {spec.name} needs the segment {nic.segment}, which is not there.", hint="Make it first."
                    )
                where.append((nic, network))
            else:
                where.append((nic, await self._networks.parking()))
        ports = await self._networks.make_ports(spec, where)
        if self._place.rewiring is Rewiring.TRUNK:
            traffic = {nic.index for nic in spec.nics if nic.role is NicRole.TRAFFIC}
            await asyncio.gather(*(self._networks.make_trunk(spec, port) for port in ports if port.nic in traffic))
        await self._images.keep(spec)

    async def power(self, machine: Ref, to: Power) -> None:
        async with self._lock(machine.sandbox, machine.name):
            spec = await self._need(machine.sandbox, machine.name)
            server = await self._servers.find(machine.sandbox, machine.name)
            if server is not None:
                # A list may have what is gone already; of a single server Nova knows.
                server = await self._servers.get(server.id, machine.name)
            if server is not None and server.status == "ERROR":
                await self._servers.delete(server.id, machine.name)  # A start that failed; its record and ports are whole.
                server = None
            if to is Power.OFF:
                if server is not None and server.status != "SHUTOFF":
                    await self._servers.stop(server)
            elif server is None:
                await self._boot(spec)
            elif server.status == "SHUTOFF":
                async with self._parking.starting(machine.sandbox, machine.name):
                    await self._servers.start(server)
            elif to is Power.RESET:
                async with self._parking.starting(machine.sandbox, machine.name):
                    await self._servers.reset(server)
            elif not server.settled:
                await self._servers.settle(server.id, machine.name, wanted="ACTIVE")

    async def _boot(self, spec: MachineSpec) -> None:
        disks = {record.name: record for record in await self._images.records(spec.sandbox) if record.kind is RefKind.DISK}
        if not spec.disks or spec.disks[0].name not in disks:
            raise AbsentError(f"Machine {spec.name} has no disk.", hint="Make it first.")
        base = disks[spec.disks[0].name].base
        await self._images.suit(base, spec)
        size = await self.cloud.call("looking at an image", lambda cloud: int(cloud.image.get_image(base).min_disk or 1))
        flavor = await self._servers.flavor(spec, size)
        parking = await self._networks.parking()
        ports = self._plugged(await self._networks.ports_of(spec.sandbox, spec.name), parking)
        # Nova waits for every port to come up, so the parked ones are until it has made the machine.
        parked = [port for port in ports if port.network == parking.id]
        await asyncio.gather(*(self._networks.switch(port, True) for port in parked if not port.up))
        server = await self._servers.boot(spec, base, flavor, ports)
        await self._parking.shut(parked)
        await self._float(spec, server)

    def _plugged(self, ports: list[Port], parking: Network) -> list[Port]:
        """One a NIC, in their order. Of a NIC that is a trunk, the port of its segment is none of the server's."""
        trunks = {port.nic for port in ports if port.network == parking.id} if self._place.rewiring is Rewiring.TRUNK else set()
        return [port for port in ports if port.nic not in trunks or port.network == parking.id]

    async def _float(self, spec: MachineSpec, server: Server) -> None:
        """The second address of fxp0, from the floating network."""
        name = self._place.floating_network
        nic = next((nic for nic in spec.nics if nic.role is NicRole.MANAGEMENT and nic.address is not None), None)
        if not name or nic is None:
            return  # A card has such a NIC too, which is on no network.
        port = next(port for port in await self._networks.ports_of(spec.sandbox, spec.name) if port.nic == nic.index)
        await self._networks.give_floating(port, name)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        async with self._lock(port.sandbox, port.machine):
            spec = await self._need(port.sandbox, port.machine)
            nic = next((nic for nic in spec.nics if nic.index == port.nic and nic.role is not NicRole.MANAGEMENT), None)
            if nic is None:
                raise AbsentError(
                    f"Machine {port.machine} has no NIC {port.nic} to wire.", hint="Ask `rackless show` for its ports."
                )
            if port not in segment.ports:
                raise ProviderError(f"{port} is not one of the ports of {segment.name}.", hint="Make the segment with that port.")
            network = await self._networks.segment(segment.sandbox, segment.name)
            if network is None:
                raise AbsentError(f"There is no segment {segment.name}.", hint="Make it first.")
            await self._wiring.move(spec, nic, network)

    async def detach(self, port: PortRef) -> None:
        async with self._lock(port.sandbox, port.machine):
            record = await self._images.record(port.sandbox, RefKind.MACHINE, port.machine)
            spec = record.spec if record is not None else None
            nic = next((nic for nic in spec.nics if nic.index == port.nic), None) if spec is not None else None
            if spec is None or nic is None or nic.role is NicRole.MANAGEMENT:
                return
            await self._wiring.move(spec, nic, await self._networks.parking())

    async def console(self, machine: Ref) -> Stream:
        spec = await self._need(machine.sandbox, machine.name)
        first = await self._servers.find(machine.sandbox, machine.name)
        if first is None or not first.running:
            raise AbsentError(f"Machine {spec.name} does not run, so it has no console.", hint="Switch it on.")
        server = first.id

        async def address() -> str | None:
            now = await self._servers.get(server, spec.name)
            if now is not None and now.status in ("REBOOT", "HARD_REBOOT"):
                now = await self._servers.settle(server, spec.name, wanted="ACTIVE")  # A reset drops the line, and is no end.
            if now is None or not now.running:
                return None
            return await self._servers.serial_address(server, spec.name)

        line = SerialLine(spec.name, address)
        await line.open()
        return line

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        unended: list[tuple[str, str]] = []
        if sandbox is None:
            unended = await self._images.unended()
        records, servers, segments, ports, floating = await asyncio.gather(
            self._images.records(sandbox),
            self._servers.all(sandbox),
            self._networks.segments(sandbox),
            self._networks.ports(sandbox),
            self._networks.floating(sandbox),
        )
        by_name = {(server.sandbox, server.machine): server for server in reversed(servers)}
        machines: dict[tuple[str, str], Ref] = {}
        others: dict[Ref, None] = {}
        for record in records:
            if record.spec is not None:
                own = [port for port in ports if (port.sandbox, port.machine) == (record.sandbox, record.name)]
                server = by_name.pop((record.sandbox, record.name), None)
                machines.setdefault((record.sandbox, record.name), self._machine(record.spec, server, own, record.id, floating))
            else:
                others.setdefault(Ref(kind=RefKind.DISK, sandbox=record.sandbox, name=record.name))
        for (lab, name), found in by_name.items():
            # A server whose record is gone: a removal that was cut short.
            machines[lab, name] = Ref(
                kind=RefKind.MACHINE, sandbox=lab, name=name, running=found.running, since=found.since, uuid=found.id
            )
        inhabited = {lab for lab, _ in machines}
        for lab, name in segments:
            if name == MANAGEMENT and lab in inhabited:
                continue
            others.setdefault(Ref(kind=RefKind.SEGMENT, sandbox=lab, name=name))
        for port in ports:
            if (port.sandbox, port.machine) not in machines:
                others.setdefault(
                    Ref(kind=RefKind.INTERFACE, sandbox=port.sandbox, name=port.id, detail=f"{port.machine} {port.nic}")
                )
        for name, image in unended:
            others.setdefault(Ref(kind=RefKind.FILE, sandbox="", name=name, detail="an upload that did not end", uuid=image))
        return (*machines.values(), *others)

    async def kept(self) -> tuple[Kept, ...]:
        """Uploaded builds, flavors that we made, and the parking network."""
        images, flavors, machines, parking = await asyncio.gather(
            self._images.kept(), self._servers.made_flavors(), self._servers.all(), self._networks.kept()
        )
        used = f"{len(machines)} machines" if machines else ""
        return (*images, *(replace(one, used=used) for one in flavors), *parking)

    async def drop(self, one: Kept) -> None:
        if one.kind == "image":
            await self._images.drop(one.id)
        elif one.kind == "flavor":
            await self._servers.drop_flavor(one.id)
        else:
            await self._networks.drop_parking(one.id)

    async def reached(self, machine: Ref) -> str:
        """The floating address. It stays as long as the machine does, so it is asked for once."""
        if not self._place.floating_network:
            return ""
        key = (machine.sandbox, machine.name)
        if key not in self._reached:
            record = await self._images.record(machine.sandbox, RefKind.MACHINE, machine.name)
            ref = await self._ref(record.spec) if record is not None and record.spec is not None else None
            address = ref.endpoints.get("management", "") if ref is not None else ""
            if not address:
                return ""
            self._reached[key] = address
        return self._reached[key]

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {name: set() for name in sandboxes}
        for server in await self._servers.all():
            if server.running and server.sandbox in found:
                found[server.sandbox].add(server.machine)
        return {name: frozenset(runs) for name, runs in found.items()}

    async def remove(self, ref: Ref) -> None:
        async with self._lock(ref.sandbox, ref.name):
            if ref.kind is RefKind.MACHINE:
                await self._remove_machine(ref)
            elif ref.kind is RefKind.DISK:
                await self._remove_disk(ref)
            elif ref.kind is RefKind.SEGMENT:
                await self._remove_segment(ref)
            elif ref.kind is RefKind.FILE:
                for name, image in await self._images.unended():
                    if name == ref.name:
                        await self._images.drop(image)
            elif ref.kind is RefKind.INTERFACE:
                for port in await self._networks.ports(ref.sandbox):
                    if port.id == ref.name:
                        await self._networks.remove_trunks([port])
                        await self._networks.remove_port(port)

    async def _remove_machine(self, ref: Ref) -> None:
        """The record goes last: it says that there may be something left."""
        self._reached.pop((ref.sandbox, ref.name), None)
        server = await self._servers.find(ref.sandbox, ref.name)
        if server is not None:
            await self._servers.delete(server.id, ref.name)
        ports = await self._networks.ports_of(ref.sandbox, ref.name)
        if self._place.floating_network:
            await self._networks.take_floating(ref.sandbox, ports)
        if self._place.rewiring is Rewiring.TRUNK:
            await self._networks.remove_trunks(ports)
        await asyncio.gather(*(self._networks.remove_port(port) for port in ports))
        await self._forget(ref)
        if not self._place.management_network and not any(
            record.kind is RefKind.MACHINE for record in await self._images.records(ref.sandbox)
        ):
            await self._remove_segment(Ref(kind=RefKind.SEGMENT, sandbox=ref.sandbox, name=MANAGEMENT))

    async def _forget(self, ref: Ref) -> None:
        while (record := await self._images.record(ref.sandbox, ref.kind, ref.name)) is not None:
            await self._images.forget(record)

    async def _remove_disk(self, ref: Ref) -> None:
        for record in await self._images.records(ref.sandbox):
            if record.spec is not None and any(disk.name == ref.name for disk in record.spec.disks):
                raise ProviderError(f"Disk {ref.name} belongs to machine {record.name}.", hint="Remove the machine first.")
        await self._forget(ref)

    async def _remove_segment(self, ref: Ref) -> None:
        network = await self._networks.segment(ref.sandbox, ref.name)
        if network is None:
            return
        specs: dict[str, Record] = {record.name: record for record in await self._images.records(ref.sandbox) if record.spec}
        for port in await self._networks.ports(ref.sandbox):
            if port.network != network.id:
                continue
            record = specs.get(port.machine)
            if record is None or not port.server:
                await self._leave(record, port)
            else:
                await self.detach(PortRef(sandbox=ref.sandbox, machine=port.machine, nic=port.nic))
        await self._networks.remove(network)

    async def _leave(self, record: Record | None, port: Port) -> None:
        """A port of no server goes; its machine, if there is one, has it parked."""
        spec = record.spec if record is not None else None
        if spec is not None and any(nic.index == port.nic and nic.role is NicRole.TRAFFIC for nic in spec.nics):
            await self.detach(PortRef(sandbox=port.sandbox, machine=port.machine, nic=port.nic))
        else:
            await self._networks.remove_port(port)

    async def _need(self, sandbox: str, machine: str) -> MachineSpec:
        record = await self._images.record(sandbox, RefKind.MACHINE, machine)
        if record is None or record.spec is None:
            raise AbsentError(f"There is no machine {machine} in {sandbox} at {self._place.name}.", hint="Make it first.")
        return record.spec

    def _lock(self, sandbox: str, name: str) -> asyncio.Lock:
        return self._locks[sandbox, name]

    async def _ref(self, spec: MachineSpec) -> Ref:
        server, ports, floating = await asyncio.gather(
            self._servers.find(spec.sandbox, spec.name),
            self._networks.ports_of(spec.sandbox, spec.name),
            self._networks.floating(spec.sandbox),
        )
        return self._machine(spec, server, ports, "", floating)

    def _machine(
        self, spec: MachineSpec, server: Server | None, ports: list[Port], record: str, floating: Mapping[str, str]
    ) -> Ref:
        running = server is not None and server.running
        return Ref(
            kind=RefKind.MACHINE,
            sandbox=spec.sandbox,
            name=spec.name,
            running=running,
            endpoints=_endpoints(spec, server, ports, floating) if server is not None and running else {},
            since=server.since if server is not None and running else 0.0,
            detail=server.status if server is not None else "never switched on",
            uuid=server.id if server is not None else record,
        )


def _endpoints(spec: MachineSpec, server: Server, ports: list[Port], floating: Mapping[str, str]) -> dict[str, str]:
    ends = {"console": f"nova:{server.id}"}
    nic = next((nic for nic in spec.nics if nic.role is NicRole.MANAGEMENT), None)
    port = next((port for port in ports if nic is not None and port.nic == nic.index), None)
    if port is not None and port.addresses:
        address = floating.get(port.id, port.addresses[0])
        ends |= {forward.service: served(address, forward.guest_port) for forward in spec.forwards}
        if port.id in floating:
            ends["management"] = address
    return ends
