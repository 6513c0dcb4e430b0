"""Segments of sandboxes, the network that is for management, and the one on which NICs are that no wire has."""

from __future__ import annotations

import asyncio
from typing import Any

from pyVmomi import vim

from rackless.model.errors import AbsentError, InputError
from rackless.model.plan import SegmentSpec
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.faults import RefusedError
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.networks import Group, Numbering, Switch
from rackless.providers.vsphere.session import Session


class Segments:
    def __init__(self, session: Session, inventory: Inventory, switch: Switch, site: str) -> None:
        self._session, self._inventory, self._switch, self._site = session, inventory, switch, site
        self._numbering = Numbering(switch, session.place.numbers)
        self._known: dict[str, Any] = {}
        self._outside: dict[str, Any] = {}
        self._parking = asyncio.Lock()

    def forget(self, sandbox: str, name: str) -> None:
        self._known.pop(marks.group_name(self._site, sandbox, name), None)

    def forget_all(self) -> None:
        self._known.clear()
        self._outside.clear()

    async def ensure(self, spec: SegmentSpec) -> None:
        name = marks.group_name(self._site, spec.sandbox, spec.name)
        description = marks.describe_group(self._site, spec.sandbox, spec.name)
        if spec.number is not None:
            self._known[name] = await self._switch.make(name, description, spec.number)
            return
        async with self._numbering.choosing:
            # Anew each time, so that a port group that somebody removed comes back.
            there = await self._switch.find(name)
            number = 0 if there is not None else await self._numbering.choose(spec.name)
            self._known[name] = there if there is not None else await self._switch.make(name, description, number)

    async def backing(self, sandbox: str, name: str, who: str) -> Any:
        """Of a NIC on the segment. `who`: "Machine west-vcp needs".

        Raises:
            AbsentError: there is no such segment.
        """
        full = marks.group_name(self._site, sandbox, name)
        network = self._known.get(full) or await self._switch.find(full)
        if network is None:
            text = f"{who} the segment {name}, which is not there." if who else f"There is no segment {name} in {sandbox}."
            raise AbsentError(text, hint="Make it first.")
        self._known[full] = network
        return self._switch.backing(network, full)

    async def look(self, sandbox: str, name: str) -> Group | None:
        return await self._switch.look(marks.group_name(self._site, sandbox, name))

    async def remove(self, sandbox: str, name: str, group: Group) -> None:
        self.forget(sandbox, name)
        await self._switch.remove(group)

    async def outside(self, name: str) -> Any:
        """Of a NIC on a network that is not ours: a standard one, or a port group of any distributed switch."""
        if name not in self._outside:
            network = await self._session.find(self._inventory.path("network", name))
            if network is None:
                raise InputError(
                    f"The place {self._session.place.name} names the network {name}, and the vCenter has none of that name.",
                    hint="Correct `management-network` or `parking-network` in the site file.",
                )
            self._outside[name] = await self._outside_backing(network, name)
        return self._outside[name]

    async def _outside_backing(self, network: Any, name: str) -> Any:
        if not isinstance(network, vim.dvs.DistributedVirtualPortgroup):
            return self._switch.backing(network, name.rpartition("/")[2])
        ((_, facts),) = await self._session.read(
            properties.of([network], vim.dvs.DistributedVirtualPortgroup, "config.distributedVirtualSwitch")
        )
        switch = facts["config.distributedVirtualSwitch"]
        ((_, about),) = await self._session.read(properties.of([switch], vim.DistributedVirtualSwitch, "uuid"))
        port = vim.dvs.PortConnection(switchUuid=about["uuid"], portgroupKey=network._moId)
        return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)

    async def parking(self) -> Any:
        """Of a NIC that no wire has: it is not connected there, and if its carrier is switched on, nothing goes through."""
        if self._session.place.parking_network:
            return await self.outside(self._session.place.parking_network)
        name = marks.parking_name(self._site)
        async with self._parking:
            if name not in self._known:
                self._known[name] = await self._switch.make(name, "Rackless: NICs that no wire has", 0, blocked=True)
        return self._switch.backing(self._known[name], name)

    async def unpark(self) -> None:
        """Take the parking network away, unless a machine is on it."""
        if self._session.place.parking_network:
            return
        name = marks.parking_name(self._site)
        async with self._parking:
            group = await self._switch.look(name)
            if group is None or group.machines:
                return
            self._known.pop(name, None)
            try:
                await self._switch.remove(group)
            except RefusedError as error:
                if "ResourceInUse" not in error.kinds:
                    raise
