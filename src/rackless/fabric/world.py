"""What a node's daemon sees of its fabric, and acts on.

The real one is over etcd; the simulated twin, with links that break, disks that are slow and clocks that differ, is in
tests/stories/fabric/simulated.py. Sleeping is the event loop's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rackless.fabric.truth import Beat, Task, Truth
from rackless.model.fabric import Health

Start = tuple[str, str]
"""A node's id, and which of its starts (Beat.incarnation)."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """One moment of what is shared. `revision`: of the truth, for a change of it."""

    truth: Truth
    revision: int
    beats: tuple[Beat, ...]
    heard: Mapping[Start, int] = field(default_factory=dict)
    """The revision of each beat, by the start that it is of."""


class World(Protocol):
    """Each may raise ProviderError or DeadlineError: it was not done, or it is not known whether it was."""

    @property
    def node(self) -> str:
        """This node's id."""
        ...

    @property
    def incarnation(self) -> str:
        """Another one after every start of the daemon."""
        ...

    @property
    def fabric(self) -> str:
        """The id of the fabric, by this node's certificate."""
        ...

    @property
    def machine(self) -> str: ...

    def monotonic(self) -> float: ...

    def now(self) -> float:
        """Seconds since the epoch, by this node's clock."""
        ...

    def log(self, line: str) -> None: ...

    async def read(self) -> Read:
        """Linearizable: nothing that was acknowledged before is missing."""
        ...

    async def write(self, revision: int, truth: Truth, epoch: int = 0, silent: Mapping[Start, int] | None = None) -> None:
        """`epoch`: only while this node holds that office (0: an operator's change, which anybody may hand in).

        `silent`: only while each of these has not beaten again, by the revision of its beat (0: there is none).

        Raises:
            StateError: it was changed since that revision, the office is another's, or one of those was heard.
        """
        ...

    async def beat(self, beat: Beat) -> None:
        """Write this node's heartbeat. It is gone by itself after a minute."""
        ...

    async def office(self) -> int:
        """Ask for the office, or keep it: its number if this node holds it now, else 0. A holder that does not ask for LEASE
        seconds has lost it. Each next holder gets a higher number."""
        ...

    async def health(self) -> Health:
        """This node's own facts."""
        ...

    async def act(self, task: Task, epoch: int) -> None:
        """Do it, again if it was done.

        Raises:
            StateError: whoever should be acted on has seen a higher epoch.
        """
        ...

    async def last(self) -> Truth:
        """As this node has it on its disk: what it read last."""
        ...

    async def partner(self) -> int | None:
        """Of two nodes without a third voice, the generation that the other one has on its disk; None: it does not answer."""
        ...

    @property
    def told(self) -> bool:
        """An operator said, since this start, that this node is to lead."""
        ...

    async def follow(self) -> None:
        """Leave what this node knows (kept aside) and be a standby of its partner, which took over."""
        ...

    def allow(self, term: int | None) -> None:
        """This node may work under that term; None: it must stop all work now. Asked for at every beat."""
        ...
