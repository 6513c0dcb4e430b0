"""This machine as a provider: QEMU guests, their disks and wires. The contract's eight verbs and its abilities."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from rackless.ether import links
from rackless.ether.pcap import Fifo
from rackless.images import uses
from rackless.model.calendar import UNLIMITED, Amounts
from rackless.model.errors import AbsentError, InputError, Problem, ProviderError, StateError
from rackless.model.family import NicRole
from rackless.model.impairment import Impairment
from rackless.model.plan import DiskSpec, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Begun, Finding, Kept, Likeness, Power, ProviderInfo, Ref, RefKind, Spec, Stream
from rackless.providers.impairing import Impaired
from rackless.providers.local import admission, doctor
from rackless.providers.local.impairing import Impairments
from rackless.providers.local.layout import Layout
from rackless.providers.local.machines import Machines
from rackless.providers.local.management import ADDRESS, Management, management_nic
from rackless.providers.local.plugging import pluggable
from rackless.providers.local.records import Boot, Network, Records
from rackless.providers.local.snapshots import Snapshots
from rackless.providers.local.streams import open_stream
from rackless.providers.local.usage import Meter
from rackless.providers.local.warmth import Warmth
from rackless.providers.measuring import Usage
from rackless.qemu import disks, process
from rackless.qemu.accelerator import Accelerator
from rackless.qemu.command import BootImage, machine_uuid, nic_port
from rackless.settings import Settings


class LocalProvider:
    """`find` gives the image of a name, or raises; RACKLESS_ACCELERATOR and RACKLESS_MANAGEMENT (auto by default) choose."""

    def __init__(self, settings: Settings, site: Site, find: Callable[[str], BootImage]) -> None:
        self._find = find
        self._settings, self._site = settings, site
        self._images = settings.images
        self._layout = Layout(settings)
        self._records = Records(self._layout)
        self._management = Management(self._layout, self._records, site.management_network)
        wanted = os.environ.get("RACKLESS_ACCELERATOR", "auto")
        self._accelerator = Accelerator(settings.state / "accelerator.json", wanted)
        self._warmth = Warmth(self._layout, self._records, site, images=settings.images, on=_warm(site))
        self._machines = Machines(self._layout, self._records, self._management, self._accelerator, self._warmth)
        self._snapshots = Snapshots(
            self._layout, self._records, self._machines, self._management, self._accelerator, images=settings.images
        )
        self._meter = Meter(f"{self._layout.site}/")
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._impairments = Impairments(self._records, self._machines, self._locks)

    @property
    def info(self) -> ProviderInfo:
        choice = self._management.choice
        notes = [f"Management: {choice.mode}, because {choice.why}."]
        finding = self._accelerator.finding
        if finding is not None:
            notes.append(f"Accelerator: {finding.how.name}, because {finding.why}.")
        return ProviderInfo(
            name="local",
            live_rewire=True,
            carrier=True,
            capture=True,
            host_channel=True,
            management=choice.mode,
            accelerator=finding.how.name if finding else "",
            notes=tuple(notes),
        )

    def capacity(self) -> Amounts:
        """Memory is this machine's. Processors are shared by time, so nothing limits them here (site.yaml can)."""
        taken = sum(admission.DISK_MIB for _ in self._layout.state.glob("labs/*/disks/*.qcow2"))
        return replace(UNLIMITED, memory=admission.all_memory(), disk=taken + (shutil.disk_usage(self._layout.state).free >> 20))

    def wanted(self, plan: Plan) -> Amounts:
        return Amounts(
            memory=sum(map(admission.memory_of, plan.machines)),
            processors=sum(machine.vcpus for machine in plan.machines),
            disk=sum(admission.DISK_MIB for machine in plan.machines for _ in machine.disks),
        )

    def examine(self) -> AsyncIterator[Finding]:
        return doctor.examine(self._settings, self._site, self._find)

    def spec(self, sandbox: str, machine: str) -> MachineSpec | None:
        """What a machine was made of; None when there is none of ours."""
        try:
            return self._records.machine(sandbox, machine)
        except ProviderError:
            return None

    def segment(self, sandbox: str, name: str) -> SegmentSpec | None:
        """As it was ensured last; None when there is none of ours."""
        return self._records.segment(sandbox, name)

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        """Also finds the accelerator, so that `info` tells it and no machine waits for that (10 s at most, once a boot)."""
        owned = {ref.name: ref for ref in await self.owned(plan.sandbox) if ref.kind is RefKind.MACHINE}
        running = frozenset(name for name, ref in owned.items() if ref.running)
        there = frozenset(self._records.disks(plan.sandbox))
        problems = await asyncio.to_thread(admission.problems, plan, self._layout, self._find, running, there)
        if problems or not plan.machines:
            known = self._accelerator.finding
            return (*problems, *admission.virtualization_missing(plan, known.how.name if known else ""))
        found = (await self._accelerator.find(self._find(plan.machines[0].image).kernel)).how.name
        return (*admission.virtualization_missing(plan, found), *admission.flags_missing(plan, found))

    async def ensure(self, spec: Spec) -> Ref:
        if isinstance(spec, DiskSpec):
            path, image = self._layout.disk(spec.sandbox, spec.name), self._find(spec.image)
            build = await asyncio.to_thread(disks.backing, path) or image.disk
            async with uses.using(build.parent, self._user(spec.sandbox)):
                await disks.overlay(path, image.disk)
            return Ref(kind=RefKind.DISK, sandbox=spec.sandbox, name=spec.name)
        if isinstance(spec, SegmentSpec):
            before = self._records.segment(spec.sandbox, spec.name)
            self._records.add_segment(spec)
            if before is not None and before.ports[0] == spec.ports[0]:
                await self._drop_peers(before, spec)
            return Ref(kind=RefKind.SEGMENT, sandbox=spec.sandbox, name=spec.name)
        async with self._lock(spec.sandbox, spec.name):
            if self._records.machine(spec.sandbox, spec.name) is None:
                network, image = self._first_network(spec), self._find(spec.image)
                boot = Boot(kernel=image.kernel, initrd=image.initrd, append=image.append)
                async with uses.using(image.disk.parent, self._user(spec.sandbox)):
                    self._records.add_machine(spec, boot, network)
        return self._ref(spec, process.find(self._machines.mark(spec.sandbox, spec.name)))

    async def _drop_peers(self, before: SegmentSpec, now: SegmentSpec) -> None:
        """The centre of a segment lets go of the ports that are not in it any more."""
        centre, gone = before.ports[0], tuple(port for port in before.ports if port not in now.ports)
        spec = self._records.machine(centre.sandbox, centre.machine) if gone else None
        if spec is None:
            return
        async with self._lock(spec.sandbox, spec.name), self._machines.talk_if_running(spec) as monitor:
            if monitor is not None:
                await self._machines.plugging.unplug(monitor, centre, replace(before, ports=(centre, *gone)))

    def _user(self, sandbox: str) -> uses.User:
        layout = self._layout
        return uses.User(site=layout.site, lab=sandbox, state=layout.state, folder=layout.lab(sandbox))

    def _first_network(self, spec: MachineSpec) -> Network:
        """Internal NICs are plugged in from the start; a port of a wire waits for its attach."""
        for disk in spec.disks:
            if not self._layout.disk(disk.sandbox, disk.name).exists():
                raise AbsentError(f"Machine {spec.name} needs the disk {disk.name}, which is not there.", hint="Make it first.")
        attached = {nic.index: nic.segment for nic in spec.nics if nic.segment is not None and nic.role is NicRole.INTERNAL}
        for name in attached.values():
            if self._records.segment(spec.sandbox, name) is None:
                raise AbsentError(f"Machine {spec.name} needs the segment {name}, which is not there.", hint="Make it first.")
        return Network(attached=attached)

    async def power(self, machine: Ref, to: Power) -> None:
        spec = self._records.need_machine(machine.sandbox, machine.name)
        async with self._lock(spec.sandbox, spec.name):
            if to is Power.OFF:
                await self._machines.stop(spec.sandbox, spec.name)
            elif to is Power.RESET:
                await self._machines.reset(spec)
            else:
                await self._machines.start(spec)

    async def stay_cold(self, machine: Ref, why: str) -> None:
        async with self._lock(machine.sandbox, machine.name):
            self._warmth.stay_cold(machine.sandbox, machine.name, why)

    async def begun(self, machine: Ref) -> Begun:
        return self._warmth.begun(machine.sandbox, machine.name)

    async def wanting(self) -> None:
        await self._warmth.wanted.wait()

    async def make_next(self) -> str:
        return await self._warmth.make_next()

    async def make_ready(self, plan: Plan) -> tuple[str, ...]:
        made = []
        for spec in plan.machines:
            image = self._find(spec.image)
            boot = Boot(kernel=image.kernel, initrd=image.initrd, append=image.append)
            how = (await self._accelerator.find(image.kernel)).how
            lacking = await self._warmth.lacking(spec, image.disk, boot, how)
            if lacking is not None:
                made.append((await self._warmth.make(lacking, gently=False)).kind.title)
        return tuple(made)

    async def likenesses(self, plan: Plan) -> Mapping[str, Likeness]:
        images = {spec.name: self._find(spec.image) for spec in plan.machines}
        boots = {name: Boot(kernel=image.kernel, initrd=image.initrd, append=image.append) for name, image in images.items()}
        return await self._snapshots.likenesses(plan.machines, self._site, boots)

    async def save_state(self, plan: Plan, folder: Path) -> None:
        async with self._all_locked(plan):
            off = [spec.name for spec in plan.machines if self._machines.find(spec) is None]
            if off:
                raise StateError(f"Not running: {', '.join(off)}.", hint=f"`rackless up` or `restart` of {plan.sandbox} first.")
            await self._snapshots.save(plan.machines, folder)

    async def take_up(self, plan: Plan, folder: Path) -> None:
        async with self._all_locked(plan):
            builds = {name: like.facts["its image"] for name, like in (await self.likenesses(plan)).items()}
            await self._snapshots.take_up(plan.machines, folder, builds)

    @asynccontextmanager
    async def _all_locked(self, plan: Plan) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            for name in sorted(spec.name for spec in plan.machines):
                await held.enter_async_context(self._lock(plan.sandbox, name))
            yield

    async def kept(self) -> tuple[Kept, ...]:
        return await asyncio.to_thread(self._warmth.kept)

    async def drop(self, one: Kept) -> None:
        await asyncio.to_thread(self._warmth.drop, one.id)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        spec = self._records.need_machine(port.sandbox, port.machine)
        kept = self._records.segment(segment.sandbox, segment.name)
        if kept is None:
            raise AbsentError(f"There is no segment {segment.name} in {segment.sandbox}.", hint="Make it first.")
        if port.nic not in pluggable(spec):
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic} to wire.", hint="Ask `rackless show` for its ports.")
        if port not in kept.ports:
            raise ProviderError(f"Port {port} is not one of segment {segment.name}'s ports.", hint="Ensure the segment anew.")
        async with self._lock(spec.sandbox, spec.name):
            network = self._records.network(spec.sandbox, spec.name)
            old = network.attached.get(port.nic)
            left = self._records.segment(spec.sandbox, old) if old is not None and old != segment.name else None
            async with self._machines.talk_if_running(spec) as monitor:
                # In this order a crash anywhere is healed by doing it again: the record names what may be plugged in.
                if left is not None and monitor is not None:
                    await self._machines.plugging.unplug(monitor, port, left)
                network.attached[port.nic] = segment.name
                network.carrier.pop(port.nic, None)
                self._records.write_network(spec.sandbox, spec.name, network)
                if monitor is not None:
                    await self._machines.plugging.plug(monitor, port, kept)
                    await self._machines.plugging.carrier(monitor, port.nic, True)

    async def detach(self, port: PortRef) -> None:
        spec = self._records.machine(port.sandbox, port.machine)
        if spec is None or port.nic not in pluggable(spec):
            return
        async with self._lock(spec.sandbox, spec.name):
            if self._records.machine(port.sandbox, port.machine) is None:
                return  # Removed while we waited.
            network = self._records.network(spec.sandbox, spec.name)
            old = network.attached.get(port.nic)
            left = self._records.segment(spec.sandbox, old) if old is not None else None
            try:
                async with self._machines.talk_if_running(spec) as monitor:
                    if monitor is not None:
                        await self._machines.plugging.carrier(monitor, port.nic, False)
                        if left is not None:
                            await self._machines.plugging.unplug(monitor, port, left)
            except AbsentError:
                pass  # It ended meanwhile, and everything plugged in with it.
            network.attached.pop(port.nic, None)
            network.carrier.pop(port.nic, None)
            self._records.write_network(spec.sandbox, spec.name, network)

    async def carrier(self, port: PortRef, up: bool) -> None:
        spec = self._records.need_machine(port.sandbox, port.machine)
        if port.nic not in pluggable(spec):
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic} to wire.", hint="Ask `rackless show` for its ports.")
        async with self._lock(spec.sandbox, spec.name):
            network = self._records.network(spec.sandbox, spec.name)
            network.carrier[port.nic] = up
            self._records.write_network(spec.sandbox, spec.name, network)
            async with self._machines.talk_if_running(spec) as monitor:
                if monitor is not None:
                    await self._machines.plugging.carrier(monitor, port.nic, up)

    async def console(self, machine: Ref) -> Stream:
        spec = self._records.need_machine(machine.sandbox, machine.name)
        return await self._open(spec, "console", self._layout.console(spec))

    async def channel(self, machine: Ref) -> Stream:
        spec = self._records.need_machine(machine.sandbox, machine.name)
        return await self._open(spec, "channel", self._layout.socket(spec.sandbox, spec.name, "channel"))

    async def _open(self, spec: MachineSpec, device: str, path: Path) -> Stream:
        async with self._lock(spec.sandbox, spec.name):
            found = self._machines.need_running(spec)
            async with self._machines.talk(spec, found) as monitor:
                return await open_stream(monitor, device, path, found.pid, f"{device} of {spec.name}")

    async def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        spec = self._records.need_machine(port.sandbox, port.machine)
        if all(nic.index != port.nic for nic in spec.nics):
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic}.", hint="Ask `rackless show` for its ports.")
        found = self._machines.need_running(spec)
        token = f"{port.nic}-{os.urandom(4).hex()}"
        fifo = Fifo(self._layout.socket(spec.sandbox, spec.name, f"pcap{token}"))
        watcher = asyncio.create_task(process.gone(found))
        watcher.add_done_callback(lambda _: fifo.end())
        try:
            async with self._lock(spec.sandbox, spec.name), self._machines.talk(spec, found) as monitor:
                what = {"qom-type": "filter-dump", "id": f"cap{token}", "netdev": nic_port(port.nic), "file": str(fifo.path)}
                await monitor.execute("object-add", what)
            async for chunk in fifo.read():
                yield chunk
        finally:
            watcher.cancel()
            try:
                async with self._lock(spec.sandbox, spec.name), self._machines.talk(spec, found) as monitor:
                    await monitor.attempt("object-del", {"id": f"cap{token}"}, "not found")
            except AbsentError:
                pass  # The machine ended, and its capture with it.
            finally:
                fifo.close()

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        layout = self._layout
        alive = {found.mark: found for found in process.marked(f"{layout.site}/")}
        machines: list[Ref] = []
        others: list[Ref] = []
        for name in self._records.sandboxes() if sandbox is None else [sandbox]:
            stems = set()
            for spec in self._records.machines(name):
                machines.append(self._ref(spec, alive.pop(self._machines.mark(name, spec.name), None)))
                stems.add(layout.stem(name, spec.name))
            others += [Ref(kind=RefKind.DISK, sandbox=name, name=disk) for disk in self._records.disks(name)]
            others += [Ref(kind=RefKind.SEGMENT, sandbox=name, name=segment) for segment in self._records.segments(name)]
            loose = [path for path in _files(layout.sockets(name)) if path.name.partition(".")[0] not in stems]
            others += [Ref(kind=RefKind.FILE, sandbox=name, name=str(path)) for path in loose + self._records.leftovers(name)]
        for found in alive.values():
            _, owner, kind, name = found.mark.split("/", 3)
            if sandbox is None or owner == sandbox:
                ref = Ref(
                    kind=RefKind(kind), sandbox=owner, name=name, running=True, since=found.since, detail=f"pid {found.pid}"
                )
                (machines if kind == "machine" else others).append(ref)
        for link in await asyncio.to_thread(links.marked, f"rackless:{layout.site}:"):
            owner = link.mark.split(":")[2]
            if sandbox is None or owner == sandbox:
                others.append(Ref(kind=RefKind.INTERFACE, sandbox=owner, name=link.name, detail=link.mark))
        return tuple(machines + others)

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        """One look at all processes, whatever the number of sandboxes."""
        found: dict[str, set[str]] = {name: set() for name in sandboxes}
        for one in await asyncio.to_thread(lambda: list(process.marked(f"{self._layout.site}/"))):
            _, sandbox, kind, name = one.mark.split("/", 3)
            if kind == "machine" and sandbox in found:
                found[sandbox].add(name)
        return {name: frozenset(runs) for name, runs in found.items()}

    async def impair(self, sandbox: str, segment: str, how: Impairment | None) -> None:
        await self._impairments.set(sandbox, segment, how)

    async def impaired(self, sandbox: str) -> Mapping[str, Impaired]:
        return await self._impairments.of(sandbox)

    async def usage(self) -> Mapping[tuple[str, str], Usage]:
        return await self._meter.read()

    async def remove(self, ref: Ref) -> None:
        if ref.kind is RefKind.MACHINE:
            async with self._lock(ref.sandbox, ref.name):
                await self._machines.remove(ref.sandbox, ref.name)
        elif ref.kind is RefKind.DISK:
            self._remove_disk(ref)
        elif ref.kind is RefKind.SEGMENT:
            await self._remove_segment(ref)
        elif ref.kind is RefKind.PROCESS:
            found = process.find(self._layout.mark(ref.sandbox, "process", ref.name))
            if found is not None:
                await process.end(found)
        elif ref.kind is RefKind.INTERFACE:
            await self._remove_interface(ref)
        else:
            self._remove_file(ref)
        self._layout.tidy(ref.sandbox)
        if not self._layout.lab(ref.sandbox).exists():
            await asyncio.to_thread(uses.release, self._images, self._user(ref.sandbox))

    def _remove_disk(self, ref: Ref) -> None:
        for spec in self._records.machines(ref.sandbox):
            if any(disk.name == ref.name for disk in spec.disks):
                raise ProviderError(f"Disk {ref.name} belongs to machine {spec.name}.", hint="Remove the machine first.")
        self._layout.disk(ref.sandbox, ref.name).unlink(missing_ok=True)

    async def _remove_segment(self, ref: Ref) -> None:
        segment = self._records.segment(ref.sandbox, ref.name)
        for port in segment.ports if segment is not None else ():
            if self._records.network(port.sandbox, port.machine).attached.get(port.nic) == ref.name:
                await self.detach(port)
        if segment is not None and self._records.impairment(ref.sandbox, ref.name) is not None:
            await self._impairments.drop(segment)
        self._layout.segment(ref.sandbox, ref.name).unlink(missing_ok=True)

    async def _remove_interface(self, ref: Ref) -> None:
        link = next((each for each in await asyncio.to_thread(links.marked, "") if each.name == ref.name), None)
        if link is None:
            return
        if not link.mark.startswith(f"rackless:{self._layout.site}:{ref.sandbox}:"):
            raise ProviderError(f"The interface {ref.name} does not carry our mark.", hint="Remove it with its owner's tools.")
        await asyncio.to_thread(links.remove, link.name, link.mark)

    def _remove_file(self, ref: Ref) -> None:
        """Only what `owned` lists as a left-over."""
        path = Path(ref.name)
        if path not in [*_files(self._layout.sockets(ref.sandbox)), *self._records.leftovers(ref.sandbox)]:
            if path.exists():
                raise ProviderError(f"{path} does not carry our mark.", hint="Look whose it is.")
            return
        if path in (self._layout.lab(ref.sandbox), self._layout.sockets(ref.sandbox)):
            return  # Our caller takes it away if it is empty.
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _lock(self, sandbox: str, machine: str) -> asyncio.Lock:
        return self._locks[sandbox, machine]

    def _ref(self, spec: MachineSpec, found: process.Found | None) -> Ref:
        return Ref(
            kind=RefKind.MACHINE,
            sandbox=spec.sandbox,
            name=spec.name,
            running=found is not None,
            endpoints=self._endpoints(spec) if found is not None else {},
            since=found.since if found is not None else 0.0,
            detail=f"pid {found.pid}" if found is not None else "",
            uuid=machine_uuid(self._layout.mark(spec.sandbox, "machine", spec.name)),
        )

    def _endpoints(self, spec: MachineSpec) -> dict[str, str]:
        nic = management_nic(spec)
        own = self._records.network(spec.sandbox, spec.name).management == ADDRESS
        ends = {"console": str(self._layout.console(spec))}
        for forward in spec.forwards:
            if own and nic is not None and nic.address is not None:
                ends[forward.service] = f"{ipaddress.IPv4Interface(nic.address).ip}:{forward.guest_port}"
            else:
                ends[forward.service] = f"127.0.0.1:{forward.host_port}"
        return ends


def _warm(site: Site) -> bool:
    """RACKLESS_WARM, or what the site says."""
    wanted = os.environ.get("RACKLESS_WARM", "auto")
    if wanted not in {"auto", "yes", "no"}:
        raise InputError(f"RACKLESS_WARM is {wanted}.", hint="Use auto, yes or no.")
    return site.warm if wanted == "auto" else wanted == "yes"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
