"""The driver on the `fake` provider, whose guests have a serial line and a host channel, and neither SSH nor SNMP.

Everything it says comes from the pretended guest itself, over those two, so that what a test sees is the provider's state.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager

from rackless.console.hub import ConsoleHub, Lease
from rackless.deadline import Deadline
from rackless.model.counters import PortCounters
from rackless.model.errors import AbsentError, GuestError, ProviderError
from rackless.model.inventory import Inventory, InventoryCard, InventoryPort
from rackless.model.naming import card_address
from rackless.providers.contract import Channel, Provider, Ref, RefKind
from rackless.routers.contract import MOST_RESETS
from rackless.shell.hostchannel import GuestStatus, HostChannel
from rackless.workflows.driving import Shell, Spot, Tell

ANSWER = 5.0
"""Seconds for a pretended guest to answer: it is in this process."""
AGAIN = 0.05
NUDGE = 0.3
"""Seconds of silence after which an empty line is sent."""


class PretendedDriver:
    """See `workflows.driving.Driver`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._loaded: dict[tuple[str, str], str] = {}

    async def bootstrap(
        self, spot: Spot, hub: ConsoleHub, *, reset: Callable[[], Awaitable[None]], deadline: Deadline, tell: Tell
    ) -> tuple[str, ...]:
        for _ in range(MOST_RESETS + 1):
            async with hub.writer("bootstrap") as lease:
                tell("waiting for the login prompt")
                if await _prompt(lease, deadline) != b"boot: ":
                    return spot.host_keys
            tell("stuck at the boot menu, resetting")
            await reset()
            hub.forget()
        raise GuestError(f"{hub.name} was stuck at its boot menu, and {MOST_RESETS} resets did not help.")

    def held(self, spot: Spot) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    async def reach(self, spot: Spot, *, deadline: Deadline, tell: Tell) -> None:
        await self._status(spot)

    async def ports(self, spot: Spot, expected: Mapping[int, int], *, deadline: Deadline, tell: Tell) -> dict[str, str]:
        while True:
            ports = {port.label: port.mac for port in (await self._status(spot)).ports}
            late = [slot for slot, count in expected.items() if sum(label.startswith(f"ge-{slot}/") for label in ports) < count]
            if not late:
                return ports
            # A pretended card is there at once or, with an injected fault, never in this boot.
            if await self._settled(spot, late):
                raise GuestError(f"Router {spot.router} misses ports of card {late[0]}.")
            if deadline.over:
                raise deadline.missed(f"ports of card {late[0]} of {spot.router}")
            await deadline.pause(AGAIN)

    async def _settled(self, spot: Spot, late: list[int]) -> bool:
        """True when a late card runs and is dead, so that waiting is in vain."""
        for slot in late:
            try:
                await self._ask(spot.sandbox, f"{spot.router}-vfp{slot}", 0.3)
            except AbsentError:
                continue
            except (GuestError, TimeoutError):
                return True
        return False

    async def load(self, spot: Spot, configuration: str, *, deadline: Deadline) -> None:
        await self._status(spot)
        self._loaded[spot.sandbox, spot.router] = configuration

    async def discover(self, spot: Spot, expected: Collection[str], *, deadline: Deadline) -> Inventory:
        ports = tuple(
            InventoryPort(
                name=port.label,
                mac=port.mac,
                speed=10**9,
                mtu=port.mtu,
                admin_up=True,
                oper_up=port.carrier,
                card=int(port.label.split("-")[1].split("/")[0]),
            )
            for port in sorted((await self._status(spot)).ports, key=lambda port: port.label)
        )
        slots = sorted({port.card for port in ports if port.card is not None})
        return Inventory(
            system_name=spot.router,
            system_description="Pretended router",
            system_object_id="1.3.6.1.4.1.8072.3.2.10",
            chassis="pretended",
            serial="",
            cards=tuple(InventoryCard(slot=slot, description=f"card at {card_address(slot)}") for slot in slots),
            ports=ports,
        )

    async def counters(self, spot: Spot, wanted: frozenset[str], *, deadline: Deadline) -> list[PortCounters]:
        """A port with carrier has seen one packet of 100 octets each way in every second since the boot."""
        status = await self._status(spot)
        seen = {port.label: int(status.uptime) if port.carrier else 0 for port in status.ports if port.label in wanted}
        return [
            PortCounters(name=name, in_octets=100 * count, out_octets=100 * count, in_packets=count, out_packets=count)
            for name, count in seen.items()
        ]

    async def save(self, spot: Spot, *, deadline: Deadline) -> str:
        return self._loaded.get((spot.sandbox, spot.router), f"set system host-name {spot.router}\n")

    async def run(self, spot: Spot, command: str) -> AsyncIterator[tuple[str, bytes | int]]:
        await self._status(spot)
        yield "out", f"{spot.router} is pretended and would run: {command}\n".encode()
        yield "exit", 0

    async def shell(self, spot: Spot, *, columns: int, rows: int, term: str) -> Shell:
        await self._status(spot)
        return _Echo(spot.router)

    async def _status(self, spot: Spot) -> GuestStatus:
        return await self._ask(spot.sandbox, spot.controller, ANSWER)

    async def _ask(self, sandbox: str, machine: str, seconds: float) -> GuestStatus:
        if not isinstance(self._provider, Channel):
            raise AbsentError(f"The provider {self._provider.info.name} has no host channel.")
        stream = await self._provider.channel(Ref(kind=RefKind.MACHINE, sandbox=sandbox, name=machine))
        channel = HostChannel(machine, stream)
        try:
            return await channel.status(deadline=Deadline(seconds))
        finally:
            await channel.close()


async def _prompt(lease: Lease, deadline: Deadline) -> bytes:
    """The prompt that the line stands at; one that stays silent (its prompt was shown before) is sent an empty line."""
    seen = b""
    while True:
        try:
            seen += await asyncio.wait_for(lease.read(), NUDGE)
        except TimeoutError:
            if deadline.over:
                raise deadline.missed("the login prompt") from None
            with contextlib.suppress(ProviderError):  # the line drops at a reset, and is opened again
                await lease.write(b"\n")
        for prompt in (b"boot: ", b"login: "):
            if seen.endswith(prompt):
                return prompt


class _Echo:
    """A terminal session that says back what it is told; ends at Ctrl-D."""

    def __init__(self, router: str) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queue.put_nowait(f"{router} is pretended; Ctrl-D ends.\r\n".encode())

    async def read(self, most: int = 65536) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        self._queue.put_nowait(b"" if b"\x04" in data else data)

    def resize(self, columns: int, rows: int) -> None:
        self._queue.put_nowait(f"[{columns}x{rows}]\r\n".encode())

    async def close(self) -> None:
        self._queue.put_nowait(b"")
