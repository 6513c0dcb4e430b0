"""What workflows ask of a router, whatever carries it there: serial line, SSH and SNMP for real ones, a stand-in on `fake`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.blueprint import Management
from rackless.model.counters import PortCounters
from rackless.model.inventory import Inventory
from rackless.providers.contract import Stream

Tell = Callable[[str], None]
"""Told one short sentence on each change of what is being waited for."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A router as it is reached from this machine. `ssh` and `snmp` are (host, port)."""

    sandbox: str
    router: str
    controller: str
    ssh: tuple[str, int]
    snmp: tuple[str, int]
    user: str
    password: str = field(repr=False)
    root_password: str = field(repr=False)
    community: str = field(repr=False)
    host_keys: tuple[str, ...] = ()
    fxp0: Management = field(default_factory=Management)


class Shell(Stream, Protocol):
    """A terminal session."""

    def resize(self, columns: int, rows: int) -> None: ...


class Driver(Protocol):
    """Every verb may be repeated after a crash at any point and reaches the same end."""

    async def bootstrap(
        self, spot: Spot, hub: ConsoleHub, *, reset: Callable[[], Awaitable[None]], deadline: Deadline, tell: Tell
    ) -> tuple[str, ...]:
        """From power-on to a login over SSH and reading over SNMP, through the serial line alone. Returns the SSH host keys read
        there."""
        ...

    def held(self, spot: Spot) -> AbstractAsyncContextManager[None]:
        """Within it the verbs share what they open to this router."""
        ...

    async def reach(self, spot: Spot, *, deadline: Deadline, tell: Tell) -> None:
        """Wait until root can log in over SSH, with the password that bootstrap has set."""
        ...

    async def ports(self, spot: Spot, expected: Mapping[int, int], *, deadline: Deadline, tell: Tell) -> dict[str, str]:
        """MAC by port label, once every port of every card is there (`expected`: number of ports by card).

        Raises:
            GuestError, DeadlineError: they did not come.
        """
        ...

    async def load(self, spot: Spot, configuration: str, *, deadline: Deadline) -> None:
        """Set statements, and reading over SNMP with the spot's community, in one commit."""
        ...

    async def discover(self, spot: Spot, expected: Collection[str], *, deadline: Deadline) -> Inventory:
        """What the router says it is, once it tells of every port in `expected` (labels): its agent may be up before its parts.

        Raises:
            DeadlineError: no answer, or which of the ports are missing.
        """
        ...

    async def counters(self, spot: Spot, wanted: frozenset[str], *, deadline: Deadline) -> list[PortCounters]:
        """Of the ports in `wanted` (labels) that the router has."""
        ...

    async def save(self, spot: Spot, *, deadline: Deadline) -> str:
        """The committed configuration, as `load` takes it."""
        ...

    def run(self, spot: Spot, command: str) -> AsyncIterator[tuple[str, bytes | int]]:
        """("out", bytes) and ("err", bytes) as they come, and last ("exit", status)."""
        ...

    async def shell(self, spot: Spot, *, columns: int, rows: int, term: str) -> Shell:
        """A login session on a terminal."""
        ...
