"""Segments as port groups: of a distributed switch, or of a standard switch on each host of the cluster."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

from pyVmomi import vim

from rackless.model.errors import AbsentError, ProviderError
from rackless.model.places import Numbers
from rackless.providers.vsphere import properties
from rackless.providers.vsphere.faults import RefusedError
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.tasks import Tasks

CHANGE = 120.0
"""Seconds for a change of a switch."""

Vlan = int | Numbers
"""An access port group's VLAN, or those that a trunk port group lets through tagged. 0: untagged."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A port group. `entity` is the network in the inventory. `vlans` of it: (first, last)."""

    name: str
    entity: Any
    description: str = ""
    vlans: tuple[tuple[int, int], ...] = ()
    machines: tuple[Any, ...] = ()


class Switch(Protocol):
    async def find(self, name: str) -> Any:
        """The network of this name, or None."""
        ...

    async def make(self, name: str, description: str, vlan: Vlan, *, blocked: bool = False) -> Any:
        """The network, made if it is not there (on each host). `blocked`: no frame goes through."""
        ...

    async def look(self, name: str) -> Group | None:
        """The port group of this name, with the machines on it."""
        ...

    async def remove(self, group: Group) -> None: ...

    async def groups(self) -> tuple[Group, ...]:
        """All port groups of the switch, ours or not."""
        ...

    async def wanted(self) -> Any:
        """What to read, in one request with other things, for `read`."""
        ...

    def read(self, said: list[tuple[Any, dict[str, Any]]]) -> tuple[Group, ...]: ...

    def backing(self, network: Any, name: str) -> Any:
        """Of a NIC on that network."""
        ...


def backed_by(device: Any) -> str:
    """The network that a NIC is on, as `key_of` has it: a port group's id, or a standard network's name."""
    backing = device.backing
    if isinstance(backing, vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo):
        return str(backing.port.portgroupKey)
    return str(getattr(backing, "deviceName", ""))


def key_of(network: Any, name: str) -> str:
    return str(network._moId) if isinstance(network, vim.dvs.DistributedVirtualPortgroup) else name


class Distributed:
    """Port groups of one distributed switch."""

    def __init__(self, session: Session, tasks: Tasks, inventory: Inventory) -> None:
        self._session, self._tasks, self._inventory = session, tasks, inventory
        self._uuid = ""

    async def find(self, name: str) -> Any:
        beside, _, _ = self._session.place.switch.rpartition("/")
        self._uuid = (await self._inventory.grounds()).switch_uuid
        return await self._session.find(self._inventory.path("network", *([beside] if beside else []), name))

    async def make(self, name: str, description: str, vlan: Vlan, *, blocked: bool = False) -> Any:
        found = await self.find(name)
        spec = group_spec(name, description, vlan, blocked=blocked)
        if found is not None:
            await self._correct(found, spec)
            return found
        switch = (await self._inventory.grounds()).switch
        doing = f"make the port group {name}"
        try:
            await self._tasks.run(switch, "AddDVPortgroup_Task", spec=[spec], doing=doing, within=CHANGE)
        except RefusedError as error:
            if "DuplicateName" not in error.kinds:
                raise
        found = await self.find(name)
        if found is None:
            raise AbsentError(f"The port group {name} was made and is not there.", hint="See who removes it.")
        return found

    async def _correct(self, group: Any, wanted: Any) -> None:
        """One that an earlier lab left has that lab's VLAN, which may be another's by now."""
        paths = ("config.defaultPortConfig", "config.configVersion")
        ((_, facts),) = await self._session.read(properties.of([group], vim.dvs.DistributedVirtualPortgroup, *paths))
        if _vlans(facts.get("config.defaultPortConfig")) == _vlans(wanted.defaultPortConfig):
            return
        wanted.configVersion = facts.get("config.configVersion")
        doing = f"give the port group {wanted.name} its VLAN"
        await self._tasks.run(group, "ReconfigureDVPortgroup_Task", spec=wanted, doing=doing, within=CHANGE)

    async def look(self, name: str) -> Group | None:
        found = await self.find(name)
        if found is None:
            return None
        try:
            said = await self._session.read(
                properties.of([found], vim.dvs.DistributedVirtualPortgroup, "name", "config.description", "vm")
            )
        except AbsentError:
            return None
        return next(iter(self.read(said)), None)

    async def remove(self, group: Group) -> None:
        with contextlib.suppress(AbsentError):
            await self._tasks.run(group.entity, "Destroy_Task", doing=f"remove the port group {group.name}", within=CHANGE)

    async def wanted(self) -> Any:
        switch = (await self._inventory.grounds()).switch
        paths = ("name", "config.description", "config.defaultPortConfig", "vm")
        return properties.along(switch, vim.DistributedVirtualSwitch, "portgroup", {vim.dvs.DistributedVirtualPortgroup: paths})

    def read(self, said: list[tuple[Any, dict[str, Any]]]) -> tuple[Group, ...]:
        return tuple(
            Group(
                name=str(facts["name"]),
                entity=one,
                description=str(facts.get("config.description") or ""),
                vlans=_vlans(facts.get("config.defaultPortConfig")),
                machines=tuple(facts.get("vm") or ()),
            )
            for one, facts in said
            if isinstance(one, vim.dvs.DistributedVirtualPortgroup) and "name" in facts
        )

    async def groups(self) -> tuple[Group, ...]:
        return self.read(await self._session.read(await self.wanted()))

    def backing(self, network: Any, name: str) -> Any:
        if not isinstance(network, vim.dvs.DistributedVirtualPortgroup):
            return _named_backing(network, name)
        port = vim.dvs.PortConnection(switchUuid=self._uuid, portgroupKey=network._moId)
        return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)


class Standard:
    """A port group of one name on the standard switch of each host: wires between hosts need their uplinks to carry its VLAN."""

    def __init__(self, session: Session, inventory: Inventory) -> None:
        self._session, self._inventory = session, inventory

    async def find(self, name: str) -> Any:
        return await self._session.find(self._inventory.path("network", name))

    async def make(self, name: str, description: str, vlan: Vlan, *, blocked: bool = False) -> Any:
        switch = self._session.place.standard_switch
        if blocked:
            switch = name[:31]  # One of its own with no uplink: a standard port group can't be blocked.
        number = 4095 if isinstance(vlan, Numbers) else vlan  # 4095: all VLANs, tagged by the guest.
        spec = vim.host.PortGroup.Specification(name=name, vlanId=number, vswitchName=switch, policy=_host_policy())
        for system, has in await self._each(name):
            if has is None:
                if blocked:
                    await self._add(system, "AddVirtualSwitch", vswitchName=switch, doing=f"make the switch {switch}")
                await self._add(system, "AddPortGroup", portgrp=spec, doing=f"make the port group {name}")
            elif has.vlanId != number:  # That of an earlier lab.
                doing = f"give the port group {name} its VLAN"
                await self._session.call(system, "UpdatePortGroup", pgName=name, portgrp=spec, doing=doing)
        found = await self.find(name)
        if found is None:
            raise AbsentError(f"The port group {name} was made and is not there.", hint="See who removes it.")
        return found

    async def _add(self, system: Any, method: str, *, doing: str, **named: Any) -> None:
        try:
            await self._session.call(system, method, doing=doing, **named)
        except RefusedError as error:
            if "AlreadyExists" not in error.kinds:
                raise

    async def _each(self, name: str) -> list[tuple[Any, Any]]:
        """Each host's network system, with what it has of the port group; None: it lacks it."""
        said = await self._session.read(await self.wanted())
        return [
            (one, next((each.spec for each in facts["networkInfo.portgroup"] if each.spec.name == name), None))
            for one, facts in said
            if isinstance(one, vim.host.NetworkSystem)
        ]

    async def look(self, name: str) -> Group | None:
        found = await self.find(name)
        if found is None:
            return None
        ((_, facts),) = await self._session.read(properties.of([found], vim.Network, "vm"))
        return Group(name=name, entity=found, machines=tuple(facts.get("vm") or ()))

    async def remove(self, group: Group) -> None:
        for one, spec in await self._each(group.name):
            if spec is None:
                continue
            await self._drop(one, "RemovePortGroup", pgName=group.name, doing=f"remove the port group {group.name}")
            if spec.vswitchName == group.name[:31]:
                await self._drop(
                    one, "RemoveVirtualSwitch", vswitchName=spec.vswitchName, doing=f"remove the switch {spec.vswitchName}"
                )

    async def _drop(self, system: Any, method: str, *, doing: str, **named: Any) -> None:
        try:
            await self._session.call(system, method, doing=doing, **named)
        except RefusedError as error:
            if "NotFound" not in error.kinds:
                raise

    async def wanted(self) -> Any:
        cluster = (await self._inventory.grounds()).cluster
        return properties.along(
            cluster,
            vim.ComputeResource,
            "host",
            {vim.host.NetworkSystem: ("networkInfo.portgroup",)},
            (vim.HostSystem, "configManager.networkSystem"),
        )

    def read(self, said: list[tuple[Any, dict[str, Any]]]) -> tuple[Group, ...]:
        found: dict[str, Group] = {}
        for one, facts in said:
            for each in facts.get("networkInfo.portgroup") or () if isinstance(one, vim.host.NetworkSystem) else ():
                vlans = ((each.spec.vlanId, each.spec.vlanId),)
                found.setdefault(each.spec.name, Group(name=each.spec.name, entity=None, vlans=vlans))
        return tuple(found.values())

    async def groups(self) -> tuple[Group, ...]:
        return self.read(await self._session.read(await self.wanted()))

    def backing(self, network: Any, name: str) -> Any:
        return _named_backing(network, name)


def _named_backing(network: Any, name: str) -> Any:
    return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=name, network=network)


def group_spec(name: str, description: str, vlan: Vlan, *, blocked: bool) -> Any:
    """Ports come and go with the NICs. Guests bridge and have MACs of their own, so a port lets everything through."""
    yes = vim.BoolPolicy(inherited=False, value=True)
    vmware = vim.dvs.VmwareDistributedVirtualSwitch
    if isinstance(vlan, Numbers):
        tags = vmware.TrunkVlanSpec(inherited=False, vlanId=[vim.NumericRange(start=vlan.first, end=vlan.last)])
    else:
        tags = vmware.VlanIdSpec(inherited=False, vlanId=vlan)
    setting = vmware.VmwarePortConfigPolicy(
        vlan=tags,
        blocked=vim.BoolPolicy(inherited=False, value=blocked),
        securityPolicy=vmware.SecurityPolicy(inherited=False, allowPromiscuous=yes, macChanges=yes, forgedTransmits=yes),
    )
    return vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        name=name,
        description=description,
        type="earlyBinding",
        numPorts=8,
        autoExpand=True,
        defaultPortConfig=setting,
    )


def _host_policy() -> Any:
    security = vim.host.NetworkPolicy.SecurityPolicy(allowPromiscuous=True, macChanges=True, forgedTransmits=True)
    return vim.host.NetworkPolicy(security=security)


def _vlans(setting: Any) -> tuple[tuple[int, int], ...]:
    tags = getattr(getattr(setting, "vlan", None), "vlanId", None)
    if tags is None:
        return ()
    if isinstance(tags, int):
        return ((tags, tags),)
    return tuple((each.start, each.end) for each in tags)


class Numbering:
    """VLANs for segments that came without one: the lowest of the place's range that no port group of the switch has."""

    def __init__(self, switch: Switch, numbers: Numbers | None) -> None:
        self._switch, self._numbers = switch, numbers
        self.choosing = asyncio.Lock()
        """Held from the choice until the port group is there."""

    async def choose(self, segment: str) -> int:
        if self._numbers is None:
            raise ProviderError(
                f"The segment {segment} needs a VLAN, and the place has none to give.",
                hint="Give it `numbers`, as `100-199`, in the site file.",
            )
        used = [pair for group in await self._switch.groups() for pair in group.vlans]
        for number in range(self._numbers.first, self._numbers.last + 1):
            if not any(first <= number <= last for first, last in used if last - first < 4000):
                return number
        raise ProviderError(
            f"No VLAN is free for the segment {segment}: all of {self._numbers.first}-{self._numbers.last} have a port group.",
            hint="End a lab, or give the place more `numbers`.",
        )
