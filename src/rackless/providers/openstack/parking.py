"""NICs on no segment: their ports are on the parking network and administratively down: nothing gets from one to another.

A switch's agent shuts only ports that it has bound before: Neutron's for Open vSwitch leaves one that is down when it first sees
it on no VLAN at all, and so with all others of that kind (neutron, ovs_neutron_agent.py, `port_dead`). Each plugging, and each
start of a machine, makes the switch's port anew. So a parked port is up then, and goes down once it is bound.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError
from rackless.providers.openstack.networks import Networks, Port

BOUND_SECONDS = 60.0
"""For a port to be bound once its machine has it; after that it is shut as it is."""
POLL_SECONDS = 0.7


class Parking:
    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    @contextlib.asynccontextmanager
    async def starting(self, sandbox: str, machine: str) -> AsyncIterator[None]:
        """Around what makes the machine's ports at the switch anew."""
        parking = await self._networks.parking()
        ports = await self._networks.ports_of(sandbox, machine)
        parked = [port for port in ports if port.network == parking.id and port.server]
        await asyncio.gather(*(self._networks.switch(port, True) for port in parked if not port.up))
        yield
        await self.shut(parked)

    async def shut(self, ports: Iterable[Port]) -> None:
        """Those of one machine, once they are bound."""
        left = {port.id: port for port in ports}
        deadline = Deadline(BOUND_SECONDS)
        while left:
            mine = next(iter(left.values()))
            now = {port.id: port for port in await self._networks.ports_of(mine.sandbox, mine.machine)}
            ready = [port for id_, port in left.items() if id_ not in now or now[id_].bound or deadline.over]
            await asyncio.gather(*map(self._close, ready))
            for port in ready:
                del left[port.id]
            if left:
                await deadline.pause(POLL_SECONDS)

    async def _close(self, port: Port) -> None:
        with contextlib.suppress(AbsentError):  # Somebody removed it meanwhile.
            await self._networks.switch(port, False)
