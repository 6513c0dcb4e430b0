"""What the agent sees of its machine, and acts on: the only way from a decision to a disk, a guest, a clock or the power.

The real one is in `linux/`; the simulated twin, with a clock of its own and power that can fail at any step, in
tests/stories/vmhost/simulated.py. Sleeping is the event loop's: the twin has a loop whose time is simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rackless.vmhost.actions import Action
from rackless.vmhost.facts import Host
from rackless.vmhost.reasons import Event, Evidence


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What can be seen of a guest without stopping it. `answers`: None where nothing can be asked (no channel, no agent).

    `time`: the guest's clock minus the host's, seconds; `zone`: the guest's. Of one that answers only.
    """

    running: bool
    answers: bool | None = None
    image: str = ""
    """The slot it was started from, while it runs."""
    time: float | None = None
    zone: str = ""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was verified: signature, size, platform."""

    path: Path
    version: str
    digest: str
    built: float = 0.0


class World(Protocol):
    @property
    def boot_id(self) -> str:
        """Another one after every boot of the host."""
        ...

    def monotonic(self) -> float: ...

    def now(self) -> float:
        """Seconds since the epoch, by the host's clock."""
        ...

    def log(self, line: str) -> None: ...

    async def look(self) -> Host:
        """The disks, sets and guests' files, read anew."""
        ...

    async def record(self) -> str:
        """What `WriteRecord` wrote last; "" for nothing. Whole or older: never half."""
        ...

    async def evidence(self) -> Evidence: ...

    async def sign(self, guest: str) -> Sign: ...

    async def events(self, guest: str) -> tuple[Event, ...]:
        """What happened to the guest since the last call."""
        ...

    async def wait(self, guest: str, seconds: float) -> None:
        """Until something happens to the guest, at most so long."""
        ...

    def zone(self) -> str:
        """The host's time zone, as `Europe/Berlin`."""
        ...

    async def verify(self, bundle: Path) -> Bundle:
        """Raises:
        InputError: it is not there, unsigned, truncated, for another platform; says which.
        """
        ...

    async def test_disk(self, name: str, *, extended: bool, tell: Callable[[str], None]) -> tuple[tuple[str, ...], str]:
        """Lines to show, and what is wrong with the disk ("": nothing).

        Raises:
            StateError: there is no such disk, or none that could be tested from here.
            ProviderError: the test could not be made.
        """
        ...

    async def act(self, action: Action) -> None:
        """Raises:
        ProviderError: it could not be done.
        CapacityError: there is no room for it.
        """
        ...

    def feed(self) -> None:
        """Feed the host's watchdog; nothing where there is none."""
        ...
