"""Moving a NIC from one segment to another. A port of Neutron never leaves the network it was made on, so there are three ways:

hotplug      The NIC is unplugged from the running guest, which has to let go of it, and plugged in again with another port.
power-cycle  The same with the machine switched off, and it is always switched on again. The order of NICs is kept.
trunk        The NIC stays, with its port on the parking network, and is the parent of a trunk. The segment is its one subport,
             whose frames have a tag on the NIC: Nova and the guest notice nothing of a change. The guest takes the tag off and
             puts it on.
"""

from __future__ import annotations

from rackless.model.errors import AbsentError
from rackless.model.family import NicRole
from rackless.model.places import TRUNK_TAG, Rewiring
from rackless.model.plan import MachineSpec, NicSpec
from rackless.providers.openstack.networks import Network, Networks, Port
from rackless.providers.openstack.parking import Parking
from rackless.providers.openstack.servers import Server, Servers


class Wiring:
    def __init__(self, way: Rewiring, networks: Networks, servers: Servers, parking: Parking) -> None:
        self._way = way
        self._networks = networks
        self._servers = servers
        self._parking = parking

    async def move(self, spec: MachineSpec, nic: NicSpec, to: Network) -> None:
        """The NIC is on `to` alone afterwards, with its MAC. A crash anywhere is healed by doing it again: the new port is made
        before the old one leaves the machine, and both are called after the NIC."""
        try:
            await self._move(spec, nic, to)
        except AbsentError:
            # A list may still have a port that is gone; the next one has not.
            await self._move(spec, nic, to)

    async def _move(self, spec: MachineSpec, nic: NicSpec, to: Network) -> None:
        ports = await self._networks.ports_of(spec.sandbox, spec.name)
        own = [port for port in ports if port.nic == nic.index]
        if self._way is Rewiring.TRUNK and nic.role is NicRole.TRAFFIC:
            await self._move_subport(spec, nic, to, own)
            return
        new = next((port for port in own if port.network == to.id), None)
        old = [port for port in own if port.network != to.id]
        server = await self._servers.find(spec.sandbox, spec.name)
        if server is not None and server.status == "ERROR":
            server = None
        if new is not None and not old and (server is None or new.server == server.id):
            return
        if new is None:
            (new,) = await self._networks.make_ports(spec, [(nic, to)])
        if server is not None:
            later = [port for port in ports if port.nic > nic.index and port.nic in _traffic(spec)]
            await self._exchange(spec, server, old, new, later)
        for port in old:
            await self._networks.remove_port(port)
        # Where the machine was started anew, that was done with it.
        live = self._way is Rewiring.HOTPLUG and server is not None and server.running
        if live and to.id == (await self._networks.parking()).id:
            await self._parking.shut([new])

    async def _move_subport(self, spec: MachineSpec, nic: NicSpec, to: Network, own: list[Port]) -> None:
        parking = await self._networks.parking()
        parent = next((port for port in own if port.network == parking.id), None)
        trunk = await self._networks.trunk(parent) if parent is not None else None
        if trunk is None:
            raise AbsentError(
                f"NIC {nic.index} of {spec.name} has no trunk.", hint="It was made with another rewiring: make its machine anew."
            )
        old = [port for port in own if port.network not in (parking.id, to.id)]
        leaving = [port.id for port in old if port.id in trunk.subports]
        if leaving:
            await self._networks.part(trunk, leaving)
        for port in old:
            await self._networks.remove_port(port)
        if to.id == parking.id:
            return
        new = next((port for port in own if port.network == to.id), None)
        if new is None:
            (new,) = await self._networks.make_ports(spec, [(nic, to)])
        if new.id not in trunk.subports:
            await self._networks.join(trunk, new, TRUNK_TAG)

    async def _exchange(self, spec: MachineSpec, server: Server, old: list[Port], new: Port, later: list[Port]) -> None:
        """`later`: ports of the NICs after this one."""
        if not server.settled:
            wanted = "SHUTOFF" if server.task == "powering-off" else "ACTIVE"
            server = await self._servers.settle(server.id, spec.name, wanted=wanted)
        if self._way is not Rewiring.POWER_CYCLE:
            await self._swap(spec, server, old, new)
            return
        if server.running:
            await self._servers.stop(server)
        try:
            await self._swap(spec, server, old, new)
            # A guest that counts its NICs instead of looking at their MACs finds them in the order of their plugging in.
            for port in later:
                await self._swap(spec, server, [port], port)
        finally:
            if server.running:
                async with self._parking.starting(spec.sandbox, spec.name):
                    await self._servers.start(server)

    async def _swap(self, spec: MachineSpec, server: Server, old: list[Port], new: Port) -> None:
        for port in old:
            if port.server == server.id:
                await self._servers.unplug(server.id, spec.name, port.id)
        await self._servers.plug(server.id, spec.name, new.id)


def _traffic(spec: MachineSpec) -> set[int]:
    return {nic.index for nic in spec.nics if nic.role is NicRole.TRAFFIC}
