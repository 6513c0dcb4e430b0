"""Segments as networks, and NICs as ports.

Every NIC of a machine has exactly one port, from the machine's making on, called after machine and NIC: where it is says which
segment the NIC is on. One that is on none is on the *parking network*, which all labs of the installation share; a port there
is administratively down, so that nothing gets from one to the other.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rackless.model.errors import CapacityError, ProviderError
from rackless.model.family import NicRole
from rackless.model.places import Rewiring
from rackless.model.plan import MachineSpec, NicSpec, SegmentSpec
from rackless.providers.contract import Kept
from rackless.providers.openstack.cloud import Cloud, project, status_of
from rackless.providers.openstack.marks import Marks

INTERNAL = "128.0.0.0/16"
"""The internal network of a router (docs/reference/internal-protocol.md)."""
MANAGEMENT = "management"
"""The network of a lab's fxp0 addresses, where the place has none for them: not the plan's, and gone with the last machine."""
NOWHERE = "198.18.0.0/15"
"""Addresses of ports that need none, for Nova refuses a port without one; for tests of networks only (RFC 2544)."""

_TRIAL = "02:00:5e:10:00:02"
"""A MAC that no machine of ours has."""


@dataclass(frozen=True, kw_only=True)
class Network:
    id: str
    name: str
    mtu: int
    lab: str = ""
    """Its sandbox."""


@dataclass(frozen=True, kw_only=True)
class Port:
    id: str
    machine: str
    nic: int
    network: str
    mac: str
    server: str
    up: bool
    sandbox: str = ""
    addresses: tuple[str, ...] = ()
    bound: bool = True
    """A switch has it; also where Neutron does not say."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """Of the NIC whose port is `parent`; `subports` are ports of the segments behind it."""

    id: str
    parent: str
    subports: tuple[str, ...]


class Networks:
    def __init__(self, cloud: Cloud, marks: Marks) -> None:
        self._cloud = cloud
        self._marks = marks
        self._place = cloud.place
        self._shared: dict[str, Network] = {}
        self._sharing = asyncio.Lock()
        """Neutron takes two networks of a name, so they are made one after the other."""

    async def segments(self, sandbox: str | None = None) -> dict[tuple[str, str], Network]:
        """By sandbox and name."""
        prefix = self._marks.description("")
        asked = {} if sandbox is None else {"description": self._marks.description(sandbox)}

        def listed(cloud: Any) -> list[Any]:
            return list(cloud.network.networks(**project(cloud), **asked))

        found: dict[tuple[str, str], Network] = {}
        for one in sorted(await self._cloud.call("listing networks", listed), key=lambda one: str(one.id)):
            description = str(one.description or "")
            if not description.startswith(prefix):
                continue
            lab = description.removeprefix(prefix)
            name = str(one.name).removeprefix(self._marks.name(lab, ""))
            found.setdefault((lab, name), Network(id=str(one.id), name=name, mtu=int(one.mtu or 0), lab=lab))
        return found

    async def segment(self, sandbox: str, name: str) -> Network | None:
        return (await self.segments(sandbox)).get((sandbox, name))

    async def make(self, spec: SegmentSpec) -> Network:
        """A network with port security off, and a subnet without gateway or DHCP.

        Raises:
            ProviderError: it would carry less than the internal network needs, or its number is taken.
        """
        inner = spec.kind == "internal"
        there = await self.segment(spec.sandbox, spec.name)
        if there is None or not await self._has_subnet(there.id):
            title = self._marks.name(spec.sandbox, spec.name)
            there = await self._network(title, self._marks.description(spec.sandbox), INTERNAL if inner else NOWHERE, spec)
        if inner and there.mtu < self._place.internal_mtu:
            await self.remove(there)
            raise ProviderError(
                f"The network {spec.name} has an MTU of {there.mtu} at {self._place.name}, "
                f"and the internal network of a router needs {self._place.internal_mtu}.",
                hint="Raise global_physnet_mtu and path_mtu of its Neutron: VXLAN takes 50 octets of them.",
            )
        if not inner and self._place.rewiring is Rewiring.TRUNK and there.mtu > (most := (await self.parking()).mtu):
            # Neutron has no subport whose MTU is above that of its trunk.
            await self._cloud.call(
                f"setting the MTU of {spec.name}", lambda cloud: cloud.network.update_network(there.id, mtu=most)
            )
        return there

    async def _has_subnet(self, network: str) -> bool:
        def look(cloud: Any) -> bool:
            return bool(cloud.network.get_network(network).subnet_ids)

        return await self._cloud.call("looking at a network", look)

    async def _network(self, title: str, description: str, cidr: str, spec: SegmentSpec | None = None) -> Network:
        def make(cloud: Any) -> Any:
            found = [one for one in cloud.network.networks(name=title, **project(cloud)) if one.description == description]
            network = min(found, key=lambda one: str(one.id)) if found else None
            if network is None:
                network = cloud.network.create_network(
                    name=title, description=description, is_port_security_enabled=False, **(self.provided(spec) if spec else {})
                )
            if not network.subnet_ids:
                cloud.network.create_subnet(
                    network_id=network.id, name=title, description=description, ip_version=4, cidr=cidr,
                    gateway_ip=None, is_dhcp_enabled=False,
                )  # fmt: skip
            return network

        try:
            made = await self._cloud.call(f"making the network {title}", make)
        except ProviderError as error:
            if spec is not None and spec.number is not None and status_of(error.__cause__ or error) == 409:
                raise await self._taken(title, description, spec) from error
            raise self._may_not_choose(error) from error
        return Network(id=str(made.id), name=title, mtu=int(made.mtu or 0))

    async def _taken(self, title: str, description: str, spec: SegmentSpec) -> ProviderError:
        """The number is another network's: perhaps of this very segment, which another of our projects made (administrators see
        the networks of all)."""
        number = f"{self._place.segment_type.upper()} {spec.number} of {self._place.name}"

        def look(cloud: Any) -> bool:
            return any(one.description == description for one in cloud.network.networks(name=title))

        if await self._cloud.call(f"looking for the networks {title}", look):
            return ProviderError(
                f"{number} is this wire's network in another project of the cloud, and Neutron gives a number to one network.",
                hint="Put both ends in one project, and take `fabric` from one of the two places.",
            )
        return ProviderError(
            f"{number} is taken by another network.",
            hint="Take it out of the place's numbers in site.yaml, or remove the network.",
        )

    def _may_not_choose(self, error: ProviderError) -> ProviderError:
        """A refusal of what only administrators may say of a network, as that."""
        if status_of(error.__cause__ or error) != 403 or not self._place.segment_type:
            return error
        return ProviderError(
            f"At {self._place.name} this user may not choose the type or number of a network: {error.message}",
            hint="Leave `segment-type` and `numbers` out of the place, or have Neutron's policy let the project do it.",
        )

    def provided(self, spec: SegmentSpec | None = None) -> dict[str, object]:
        """The provider attributes of a segment's network; Neutron's own choice where the place says nothing."""
        place = self._place
        values: dict[str, object] = {}
        if place.segment_type:
            values["provider_network_type"] = place.segment_type
            if place.physical_network:
                values["provider_physical_network"] = place.physical_network
            if spec is not None and spec.number is not None:
                values["provider_segmentation_id"] = spec.number
        return values

    async def most_mtu(self) -> int:
        """Of an internal network. Neutron says it of a network only, so one is made for a moment."""
        title = self._marks.name("", "mtu")

        def probe(cloud: Any) -> int:
            made = cloud.network.create_network(
                name=title, description=self._marks.tag, is_admin_state_up=False, **self.provided()
            )
            try:
                return int(made.mtu)
            finally:
                cloud.network.delete_network(made.id)

        try:
            return await self._cloud.call("asking for the MTU", probe)
        except ProviderError as error:
            raise self._may_not_choose(error) from error

    async def remove(self, network: Network) -> None:
        await self._cloud.call(f"removing the network {network.name}", lambda cloud: cloud.network.delete_network(network.id))

    async def parking(self) -> Network:
        async with self._sharing:
            if "parking" not in self._shared:
                # Marked as the installation's, not as a lab's: it stays.
                self._shared["parking"] = await self._network(self._marks.name("", "parking"), self._marks.tag, NOWHERE)
            return self._shared["parking"]

    async def kept(self) -> tuple[Kept, ...]:
        """The parking network, if it is there."""
        title = self._marks.name("", "parking")

        def look(cloud: Any) -> list[tuple[str, int]]:
            found = [one for one in cloud.network.networks(name=title, **project(cloud)) if one.description == self._marks.tag]
            return [(str(one.id), len(list(cloud.network.ports(network_id=one.id)))) for one in found]

        found = await self._cloud.call("looking at the parking network", look)
        return tuple(
            Kept(kind="network", name=title, id=network, used=f"{ports} ports" if ports else "") for network, ports in found
        )

    async def drop_parking(self, network: str) -> None:
        async with self._sharing:
            self._shared.pop("parking", None)
            await self._cloud.call("removing the parking network", lambda cloud: cloud.network.delete_network(network))

    async def management(self, sandbox: str) -> Network:
        """The place's, which labs share, or one of the lab's own."""
        async with self._sharing:
            return await self._management(sandbox)

    async def _management(self, sandbox: str) -> Network:
        if not self._place.management_network:
            title = self._marks.name(sandbox, MANAGEMENT)
            return await self._network(title, self._marks.description(sandbox), self._place.management_subnet)
        if "management" in self._shared:
            return self._shared["management"]
        name = self._place.management_network
        found = await self._cloud.call(f"looking for the network {name}", lambda cloud: cloud.network.find_network(name))
        if found is None:
            raise ProviderError(f"There is no network {name} at {self._place.name}.", hint="Name another as management-network.")
        self._shared["management"] = Network(id=str(found.id), name=name, mtu=int(found.mtu or 0))
        return self._shared["management"]

    async def ports(self, sandbox: str | None = None) -> list[Port]:
        prefix = self._marks.description("")
        asked = {} if sandbox is None else {"description": self._marks.description(sandbox)}

        def listed(cloud: Any) -> list[Any]:
            return list(cloud.network.ports(**project(cloud), **asked))

        mine = [one for one in await self._cloud.call("listing ports", listed) if str(one.description or "").startswith(prefix)]
        found = [self._port(one) for one in mine]
        return sorted(found, key=lambda port: (port.sandbox, port.machine, port.nic, port.id))

    async def ports_of(self, sandbox: str, machine: str) -> list[Port]:
        return [port for port in await self.ports(sandbox) if port.machine == machine]

    def _port(self, one: Any) -> Port:
        lab = str(one.description).removeprefix(self._marks.description(""))
        machine, _, nic = str(one.name).removeprefix(self._marks.name(lab, "")).rpartition("-nic")
        return Port(
            id=str(one.id), machine=machine, nic=int(nic) if nic.isdigit() else -1, network=str(one.network_id), sandbox=lab,
            mac=str(one.mac_address), server=str(one.device_id or ""), up=bool(one.is_admin_state_up),
            addresses=tuple(str(fixed["ip_address"]) for fixed in one.fixed_ips or ()),
            bound=str(one.status or "ACTIVE") == "ACTIVE",
        )  # fmt: skip

    async def make_ports(self, spec: MachineSpec, where: Iterable[tuple[NicSpec, Network]]) -> list[Port]:
        """Several at once, in one request. Nobody else makes ports of this machine meanwhile."""
        wanted = [self._wanted(spec, nic, network) for nic, network in where]
        if not wanted:
            return []

        def make(cloud: Any) -> list[Any]:
            names = {(str(one["name"]), str(one["network_id"])) for one in wanted}
            old = cloud.network.ports(description=self._marks.description(spec.sandbox), **project(cloud))
            there = [one for one in old if (one.name, one.network_id) in names]
            have = {(one.name, one.network_id) for one in there}
            missing = [one for one in wanted if (one["name"], one["network_id"]) not in have]
            return [*there, *(cloud.network.create_ports(missing) if missing else ())]

        try:
            made = await self._cloud.call(f"making ports of {spec.name}", make)
        except ProviderError as error:
            raise self._may_not_address(error) from error
        return [self._port(one) for one in made]

    def _may_not_address(self, error: ProviderError) -> ProviderError:
        """A refusal of what only the owner of a network may say of its ports, as that."""
        if status_of(error.__cause__ or error) != 403 or isinstance(error, CapacityError):
            return error
        return ProviderError(
            f"At {self._place.name} this user may not make ports with addresses of ours: {error.message}",
            hint="The network of `management-network` has to be the project's own; leave it out for one of each lab's.",
        )

    async def trial(self, network: Network) -> None:
        """Make a port as those of fxp0 are, and remove it; one that an earlier trial left goes too."""
        title = self._marks.name("", "check")

        def make(cloud: Any) -> None:
            wanted = {"name": title, "description": self._marks.tag, "network_id": network.id, "mac_address": _TRIAL}
            try:
                cloud.network.create_port(**wanted, port_security_enabled=False, security_groups=[], admin_state_up=False)
            finally:
                for one in list(cloud.network.ports(name=title, **project(cloud))):
                    cloud.network.delete_port(one)

        try:
            await self._cloud.call("making a port", make)
        except ProviderError as error:
            raise self._may_not_address(error) from error

    def _wanted(self, spec: MachineSpec, nic: NicSpec, network: Network) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "name": self._marks.port(spec.sandbox, spec.name, nic.index),
            "description": self._marks.description(spec.sandbox),
            "network_id": network.id,
            "mac_address": nic.mac,
            "admin_state_up": True,
            "port_security_enabled": False,
            "security_groups": [],
        }
        if nic.role is not NicRole.TRAFFIC and nic.address is not None:
            wanted["fixed_ips"] = [{"ip_address": str(ipaddress.ip_interface(nic.address).ip)}]
        return wanted

    async def switch(self, port: Port, up: bool) -> None:
        await self._cloud.call(
            f"switching a port of {port.machine}", lambda cloud: cloud.network.update_port(port.id, is_admin_state_up=up)
        )

    async def remove_port(self, port: Port) -> None:
        await self._cloud.call(f"removing a port of {port.machine}", lambda cloud: cloud.network.delete_port(port.id))

    async def give_floating(self, port: Port, network: str) -> None:
        """A floating address for the port, once."""

        def give(cloud: Any) -> None:
            if list(cloud.network.ips(port_id=port.id)):
                return
            description = self._marks.description(port.sandbox)
            # One that a try before made, and that came to no port.
            free = next((one for one in cloud.network.ips(description=description, **project(cloud)) if not one.port_id), None)
            if free is not None:
                cloud.network.update_ip(free, port_id=port.id)
                return
            outside = cloud.network.find_network(network, ignore_missing=False)
            cloud.network.create_ip(floating_network_id=outside.id, port_id=port.id, description=description)

        try:
            await self._cloud.call(f"giving {port.machine} a floating address", give)
        except ProviderError as error:
            if status_of(error.__cause__ or error) != 404:
                raise
            raise ProviderError(
                error.message,
                hint=f"There must be a router between {network} and the network of fxp0: name that as `management-network`.",
            ) from error

    async def floating(self, sandbox: str | None = None) -> dict[str, str]:
        """Floating addresses by port; none where the place has no network for them."""
        if not self._place.floating_network:
            return {}
        prefix = self._marks.description("")
        asked = {} if sandbox is None else {"description": self._marks.description(sandbox)}

        def listed(cloud: Any) -> list[Any]:
            return list(cloud.network.ips(**project(cloud), **asked))

        found = await self._cloud.call("listing floating addresses", listed)
        mine = [one for one in found if str(one.description or "").startswith(prefix) and one.port_id]
        return {str(one.port_id): str(one.floating_ip_address) for one in mine}

    async def take_floating(self, sandbox: str, ports: list[Port]) -> None:
        """Those of the ports, and those of the sandbox that have no port any more."""
        ids = {port.id for port in ports}

        def take(cloud: Any) -> None:
            for one in list(cloud.network.ips(description=self._marks.description(sandbox), **project(cloud))):
                if not one.port_id or str(one.port_id) in ids:
                    cloud.network.delete_ip(one.id)

        await self._cloud.call("taking floating addresses back", take)

    async def make_trunk(self, spec: MachineSpec, parent: Port) -> None:
        """One for the NIC's port. Before its server is made: the hypervisor plugs the NIC into the trunk's own bridge."""
        title = self._marks.port(spec.sandbox, spec.name, parent.nic)

        def make(cloud: Any) -> None:
            if not list(cloud.network.trunks(port_id=parent.id)):
                cloud.network.create_trunk(name=title, description=self._marks.description(spec.sandbox), port_id=parent.id)

        await self._cloud.call(f"making a trunk of {spec.name}", make)

    async def trunk(self, parent: Port) -> Trunk | None:
        def ask(cloud: Any) -> list[Any]:
            return list(cloud.network.trunks(port_id=parent.id))

        found = await self._cloud.call(f"looking at a trunk of {parent.machine}", ask)
        if not found:
            return None
        subports = tuple(str(one["port_id"]) for one in found[0].sub_ports or ())
        return Trunk(id=str(found[0].id), parent=parent.id, subports=subports)

    async def join(self, trunk: Trunk, port: Port, tag: int) -> None:
        """The port becomes what the NIC's frames with this tag go to."""
        entry = {"port_id": port.id, "segmentation_type": "vlan", "segmentation_id": tag}
        await self._cloud.call(f"wiring {port.machine}", lambda cloud: cloud.network.add_trunk_subports(trunk.id, [entry]))

    async def part(self, trunk: Trunk, ports: Iterable[str]) -> None:
        entries = [{"port_id": port} for port in ports]
        await self._cloud.call("unwiring a trunk", lambda cloud: cloud.network.delete_trunk_subports(trunk.id, entries))

    async def remove_trunks(self, ports: list[Port]) -> None:
        """Those of the ports, whose server is gone: Neutron keeps a port that is part of one."""
        ids = {port.id for port in ports}

        def remove(cloud: Any) -> None:
            for one in list(cloud.network.trunks(**project(cloud))):
                if str(one.port_id) in ids:
                    cloud.network.delete_trunk(one.id)

        await self._cloud.call("removing trunks", remove)
