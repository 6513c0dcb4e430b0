"""The driver of real routers: serial dialogue, SSH and SNMP of the family's own code; ports over a host channel, if any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager

from rackless.autoload import counters
from rackless.autoload.discovery import discover
from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.counters import PortCounters
from rackless.model.inventory import Inventory
from rackless.providers.contract import Channel, Ref, RefKind
from rackless.routers.contract import RouterFamily, Wanted
from rackless.shell.ssh import ShellSession, SshTarget, connect
from rackless.workflows.cardports import told_ports
from rackless.workflows.driving import Shell, Spot, Tell

SESSION = 60.0
"""Seconds until a session of `rackless ssh` is open."""
COMMAND = 3600.0
"""Seconds that a command of `rackless ssh LAB ROUTER COMMAND` may take."""


def as_user(spot: Spot) -> SshTarget:
    return SshTarget(host=spot.ssh[0], port=spot.ssh[1], user=spot.user, password=spot.password, host_keys=spot.host_keys)


def as_root(spot: Spot) -> SshTarget:
    return as_user(spot).as_user("root", spot.root_password)


class RoutedDriver:
    """See `workflows.driving.Driver`."""

    def __init__(self, family: RouterFamily, channel: Channel | None = None) -> None:
        """`channel`: the provider, where guests of this family have a host channel."""
        self._family = family
        self._channel = channel

    async def bootstrap(
        self, spot: Spot, hub: ConsoleHub, *, reset: Callable[[], Awaitable[None]], deadline: Deadline, tell: Tell
    ) -> tuple[str, ...]:
        wanted = Wanted(
            host_name=spot.router,
            root_password=spot.root_password,
            user=spot.user,
            user_password=spot.password,
            fxp0=spot.fxp0,
            host_keys=spot.host_keys if self._channel is not None else (),
            community=spot.community,
        )
        result = await self._family.bootstrap(hub, wanted, reset=reset, deadline=deadline, progress=tell)
        return tuple(dict.fromkeys((*result.host_keys, *spot.host_keys)))

    def held(self, spot: Spot) -> AbstractAsyncContextManager[None]:
        return self._family.held(as_root(spot))

    async def reach(self, spot: Spot, *, deadline: Deadline, tell: Tell) -> None:
        await self._family.reach(as_root(spot), deadline=deadline)
        tell(f"{spot.router} takes logins over SSH")

    async def ports(self, spot: Spot, expected: Mapping[int, int], *, deadline: Deadline, tell: Tell) -> dict[str, str]:
        if self._channel is not None:
            controller = Ref(kind=RefKind.MACHINE, sandbox=spot.sandbox, name=spot.controller)
            return await told_ports(self._channel, controller, expected, deadline=deadline, tell=tell)
        return await self._family.wait_ports(as_root(spot), expected, deadline=deadline, progress=tell)

    async def load(self, spot: Spot, configuration: str, *, deadline: Deadline) -> None:
        await self._family.load(as_root(spot), configuration, community=spot.community, deadline=deadline)

    async def discover(self, spot: Spot, expected: Collection[str], *, deadline: Deadline) -> Inventory:
        return await discover(*spot.snmp, spot.community, deadline=deadline, expected=expected)

    async def counters(self, spot: Spot, wanted: frozenset[str], *, deadline: Deadline) -> list[PortCounters]:
        return await counters.read(*spot.snmp, spot.community, wanted, deadline=deadline)

    async def save(self, spot: Spot, *, deadline: Deadline) -> str:
        return await self._family.save(as_root(spot), deadline=deadline)

    async def run(self, spot: Spot, command: str) -> AsyncIterator[tuple[str, bytes | int]]:
        async with connect(as_user(spot), deadline=Deadline(SESSION)) as shell:
            ran = await shell.run(command, deadline=Deadline(COMMAND))
        if ran.out:
            yield "out", ran.out.encode()
        if ran.err:
            yield "err", ran.err.encode()
        yield "exit", ran.code

    async def shell(self, spot: Spot, *, columns: int, rows: int, term: str) -> Shell:
        connection = connect(as_user(spot), deadline=Deadline(SESSION))
        opened = await connection.__aenter__()
        session = await opened.open_session(None, term=term, columns=columns, rows=rows, deadline=Deadline(SESSION))
        return _Session(session, lambda: connection.__aexit__(None, None, None))


class _Session:
    """A session that closes its connection with it."""

    def __init__(self, session: ShellSession, end: Callable[[], Awaitable[object]]) -> None:
        self._session = session
        self._end = end
        self.read, self.write, self.resize = session.read, session.write, session.resize

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._session.close(), SESSION)
        finally:
            await self._end()
