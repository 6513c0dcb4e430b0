"""What a family of routers can do at run time. Its facts for planning are in `families`.

Every verb may be repeated after a crash at any point and reaches the same end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.blueprint import Management
from rackless.shell.ssh import SshTarget

Progress = Callable[[str], None]
"""Told one short sentence on each step and on each change of what is being waited for."""

Reset = Callable[[], Awaitable[None]]
"""Resets the machine behind the console (provider.power(machine, RESET))."""

MOST_RESETS = 5
"""The original resets a console that is stuck at the boot menu up to 5 times."""


def silent(_: str) -> None:
    """The Progress of who does not care."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a router is to be after bootstrap. One password may serve both root and the user, as the original did."""

    host_name: str
    root_password: str = field(repr=False)
    user: str
    user_password: str = field(repr=False)
    fxp0: Management = field(default_factory=Management)
    host_keys: tuple[str, ...] = ()
    """OpenSSH public keys of its SSH server that are known already, from the host channel."""
    community: str = field(default="", repr=False)
    """With which it can be read over SNMP v2c; empty: not yet."""


@dataclass(frozen=True, kw_only=True)
class BootstrapResult:
    """`fxp0_address` with prefix length, as the router reports it. `host_keys`: those that were known, or else read at the
    console."""

    fxp0_address: str
    host_keys: tuple[str, ...]
    resets: int
    """How often the machine was reset because it was stuck at the boot menu."""
    had_password: bool
    """True when an earlier try had already set root's password."""


class RouterFamily(Protocol):
    @property
    def name(self) -> str:
        """The family's, as blueprints write it."""
        ...

    async def bootstrap(
        self, hub: ConsoleHub, wanted: Wanted, *, reset: Reset, deadline: Deadline, progress: Progress = silent
    ) -> BootstrapResult:
        """From power-on to SSH with a password, through the serial console alone."""
        ...

    def held(self, target: SshTarget) -> AbstractAsyncContextManager[None]:
        """Within it the verbs that go to this login share one connection."""
        ...

    async def reach(self, target: SshTarget, *, deadline: Deadline) -> None:
        """Wait until the login is taken over SSH."""
        ...

    async def wait_ports(
        self, target: SshTarget, expected: Mapping[int, int], *, deadline: Deadline, progress: Progress = silent
    ) -> dict[str, str]:
        """Wait until every port of every card is there. `expected`: ports by card number. Returns {port label: MAC}.

        Raises:
            GuestError: a card's ports did not come before the deadline; names the cards.
        """
        ...

    async def load(self, target: SshTarget, configuration: str, *, deadline: Deadline, community: str | None = None) -> None:
        """Load set statements, and reading over SNMP v2c with `community`, in one commit. All goes by standard input.

        Raises:
            GuestError: with the guest's own sentence; then nothing was changed.
        """
        ...

    async def set_community(self, target: SshTarget, community: str, *, deadline: Deadline) -> None:
        """Allow SNMP v2c reading with `community`, which goes by standard input only."""
        ...

    async def save(self, target: SshTarget, *, deadline: Deadline) -> str:
        """The committed configuration, in the format that `load` takes."""
        ...
