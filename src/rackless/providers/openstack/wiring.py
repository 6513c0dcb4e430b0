"""Moving a NIC from one network to another: a port of Neutron never leaves the network it was made on, so its NIC changes ports."""

from __future__ import annotations

from rackless.model.family import NicRole
from rackless.model.places import Rewiring
from rackless.model.plan import MachineSpec, NicSpec
from rackless.providers.openstack.networks import Network, Networks, Port
from rackless.providers.openstack.servers import Server, Servers


class Wiring:
    def __init__(self, way: Rewiring, networks: Networks, servers: Servers) -> None:
        self._way = way
        self._networks = networks
        self._servers = servers

    async def move(self, spec: MachineSpec, nic: NicSpec, to: Network, *, up: bool) -> None:
        """The NIC is on `to` alone afterwards, with its MAC. A crash anywhere is healed by doing it again: the new port is made
        before the old one leaves the machine, and both are called after the NIC."""
        ports = await self._networks.ports_of(spec.sandbox, spec.name)
        own = [port for port in ports if port.nic == nic.index]
        new = next((port for port in own if port.network == to.id), None)
        old = [port for port in own if port.network != to.id]
        server = await self._servers.find(spec.sandbox, spec.name)
        if server is not None and server.status == "ERROR":
            server = None
        if new is not None and not old and (server is None or new.server == server.id):
            return
        if new is None:
            # A parked port is up until its machine was made: Nova waits for it.
            (new,) = await self._networks.make_ports(spec, [(nic, to)], up=up or server is None)
        if server is not None:
            await self._exchange(spec, server, nic, old, new, ports)
        for port in old:
            await self._networks.remove_port(port)

    async def _exchange(
        self, spec: MachineSpec, server: Server, nic: NicSpec, old: list[Port], new: Port, ports: list[Port]
    ) -> None:
        if not server.settled:
            server = await self._servers.settle(
                server.id, spec.name, wanted="SHUTOFF" if server.task == "powering-off" else "ACTIVE"
            )
        if self._way is not Rewiring.POWER_CYCLE:
            await self._swap(spec, server, old, new)
            return
        if server.running:
            await self._servers.stop(server)
        try:
            await self._swap(spec, server, old, new)
            # A guest that counts its NICs instead of looking at their MACs finds them in the order of their plugging in.
            later = {each.index for each in spec.nics if each.index > nic.index and each.role is NicRole.TRAFFIC}
            for port in sorted((port for port in ports if port.nic in later), key=lambda port: port.nic):
                await self._swap(spec, server, [port], port)
        finally:
            if server.running:
                await self._servers.start(server)

    async def _swap(self, spec: MachineSpec, server: Server, old: list[Port], new: Port) -> None:
        for port in old:
            if port.server == server.id:
                await self._servers.unplug(server.id, spec.name, port.id)
        await self._servers.plug(server.id, spec.name, new.id)
