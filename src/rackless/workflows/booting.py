"""How many machines boot at once on this host, and which first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

HELD = 60.0
"""Seconds after which a machine that is still booting keeps nobody else from it: it hangs, or its host is too slow to count."""


class Place:
    """Somebody's right to boot now."""

    def __init__(self, booting: Booting) -> None:
        self._booting: Booting | None = booting

    def leave(self) -> None:
        """Let the next one boot. Repeating it is a no-op."""
        booting, self._booting = self._booting, None
        if booting is not None:
            booting.next()


class Booting:
    """At most `most` machines boot at the same time. Those of a lower rank go first, among equals who came first."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._awaited: set[str] = set()

    @asynccontextmanager
    async def place(self, rank: int, name: str) -> AsyncIterator[Place]:
        """Wait for a place for the machine `name`; it is given back at the end, or before by `leave`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), turn))
        self._awaited.add(name)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.next()
            raise
        finally:
            self._awaited.discard(name)
        place = Place(self)
        hung = asyncio.get_running_loop().call_later(HELD, place.leave)
        try:
            yield place
        finally:
            hung.cancel()
            place.leave()

    def awaited(self, names: Iterable[str]) -> bool:
        """Whether one of these machines still waits for its turn."""
        return not self._awaited.isdisjoint(names)

    @property
    def waiting(self) -> int:
        """How many machines wait for their turn."""
        return len(self._awaited)

    def next(self) -> None:
        self._free += 1
        self._let_in()

    def _let_in(self) -> None:
        while self._free and self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


def boots_at_once() -> int:
    """Booting is bound by the processor, and more at once than there are processors only take each other's caches away."""
    return max(2, len(os.sched_getaffinity(0)))
