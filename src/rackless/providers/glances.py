"""What runs at each place, as last seen: who lists labs waits for no place that is slow to say it.

A place is asked when its last answer is too old for that, and somebody waits a moment for it. If it takes longer, the last answer
is given, and the one that comes is for the next who asks. What we change ourselves makes older answers worthless at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from rackless.model.errors import RacklessError

ANSWER = 90.0
"""Seconds in which a place has to say what runs; nobody waits for that."""
PATIENCE = 0.5
"""Seconds that somebody waits for all places together."""
FRESH = 3.0
"""Seconds for which what a cloud said is not asked for again."""
STALE = 120.0
"""Seconds after which it is not told any more."""
REFRESH = 20.0
"""Seconds between two looks at each cloud while somebody lists labs, so that there is an answer."""
WATCHED = 60.0
"""Seconds for which one who listed labs is taken to look on."""

Runs = Mapping[str, frozenset[str]]
"""Machines that run, by sandbox."""
Ask = Callable[[str, Collection[str]], Awaitable[Runs]]
"""What runs of these sandboxes at the place of that name."""


@dataclass(kw_only=True)
class _Seen:
    """Of one place. `at`: when each sandbox was asked for. `changed`: when we last changed something there."""

    runs: dict[str, frozenset[str]] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)
    changed: float = -STALE
    trouble: str = ""
    asking: dict[frozenset[str], asyncio.Task[None]] = field(default_factory=dict)


class Glances:
    """`quick`: places that are asked each time, for their answers cost nothing."""

    def __init__(self, ask: Ask, *, quick: Collection[str] = ()) -> None:
        self._ask = ask
        self._quick = frozenset(quick)
        self._seen: dict[str, _Seen] = {}
        self._watched = -WATCHED

    def changed(self, place: str) -> None:
        """Something of ours was made, switched or removed there."""
        seen = self._of(place)
        seen.changed = time.monotonic()
        seen.asking.clear()  # What is under way may be of before.

    async def look(self, places: Collection[str], sandboxes: Collection[str]) -> tuple[dict[str, Runs], dict[str, str]]:
        """What runs, by place; and why nothing is known of the others."""
        self._watched = time.monotonic()
        wanted = frozenset(sandboxes)
        if not wanted:
            return {}, {}
        asked = [self._asked(place, wanted) for place in places if not self._is_fresh(place, wanted)]
        if asked:
            await asyncio.wait(asked, timeout=PATIENCE)
        runs: dict[str, Runs] = {}
        silent: dict[str, str] = {}
        for place in places:
            seen, now = self._of(place), time.monotonic()
            known = {name for name in wanted if name in seen.at and now - seen.at[name] < STALE}
            if seen.trouble:
                silent[place] = seen.trouble
                continue
            if known != wanted:
                silent[place] = "It has not answered yet."
            runs[place] = {name: seen.runs[name] for name in known}
        return runs, silent

    @property
    def watched(self) -> bool:
        """Whether somebody listed labs of late."""
        return time.monotonic() - self._watched < WATCHED

    async def refresh(self, places: Collection[str], sandboxes: Collection[str]) -> None:
        """Ask the places that are not quick, and wait until each has answered or can't."""
        wanted = frozenset(sandboxes)
        asked = [self._asked(place, wanted) for place in places if place not in self._quick]
        if asked and wanted:
            await asyncio.wait(asked)

    def _of(self, place: str) -> _Seen:
        return self._seen.setdefault(place, _Seen())

    def _is_fresh(self, place: str, wanted: frozenset[str]) -> bool:
        if place in self._quick:
            return False
        seen = self._of(place)
        least = max(seen.changed, time.monotonic() - FRESH)
        return not seen.trouble and all(seen.at.get(name, -STALE) > least for name in wanted)

    def _asked(self, place: str, wanted: frozenset[str]) -> asyncio.Task[None]:
        """One question at a time: who asks the same waits for the same answer."""
        asking = self._of(place).asking
        task = asking.get(wanted)
        if task is None or task.done():
            task = asking[wanted] = asyncio.create_task(self._learn(place, wanted))
        return task

    async def _learn(self, place: str, wanted: frozenset[str]) -> None:
        seen = self._of(place)
        began = time.monotonic()
        trouble, runs = "", dict.fromkeys(wanted, frozenset[str]())
        try:
            async with asyncio.timeout(ANSWER):
                runs |= await self._ask(place, wanted)
        except RacklessError as error:
            trouble = error.message
        except TimeoutError:
            trouble = f"No answer within {ANSWER:g} s."
        finally:
            if seen.asking.get(wanted) is asyncio.current_task():
                del seen.asking[wanted]
        seen.trouble = trouble
        if trouble:
            return
        late = {name for name, at in seen.at.items() if name in wanted and at > began}  # Another answer was faster.
        old = {name for name, at in seen.at.items() if began - at > STALE}
        for name in old - wanted:
            del seen.runs[name], seen.at[name]
        seen.runs |= {name: runs[name] for name in wanted - late}
        seen.at |= dict.fromkeys(wanted - late, began)
