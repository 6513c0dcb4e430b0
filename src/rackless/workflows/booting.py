"""How many machines boot at once on a host, and which first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Protocol

HELD = 60.0
"""Seconds after which a machine that is still booting keeps nobody else from it: it hangs, or its host is too slow to count."""
LOOK = 1.0
"""Seconds between two looks at a host that had no room for one more: nobody tells that it has come to ease."""


class Room(Protocol):
    """What a host can bear."""

    def bars(self, memory: int, booting: Collection[int]) -> str:
        """Why one more may not boot now, "" when it may. The one that may is counted as booting from then on.

        Args:
            memory: MiB of the machine.
            booting: MiB of each that boots already.
        """
        ...


class Number:
    """Room for so many at once, whatever they are: of a host that looks after itself."""

    def __init__(self, most: int) -> None:
        self._most = most

    def bars(self, memory: int, booting: Collection[int]) -> str:
        return "" if len(booting) < self._most else f"{self._most} machines boot already"


class Place:
    """Somebody's right to boot now."""

    def __init__(self, booting: Booting, number: int) -> None:
        self._booting, self._number = booting, number

    def leave(self) -> None:
        """Let the next one boot. Repeating it is a no-op."""
        self._booting.left(self._number)


class Booting:
    """Machines boot at the same time as far as there is `room`. Those of a lower rank go first, among equals who came first."""

    def __init__(self, room: Room | int) -> None:
        self._room = Number(room) if isinstance(room, int) else room
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, int, asyncio.Future[None]]] = []
        self._booting: dict[int, int] = {}
        self._awaited: set[str] = set()
        self._again: asyncio.TimerHandle | None = None
        self.why = ""
        """Why the first of those who wait does."""

    @asynccontextmanager
    async def place(self, rank: int, name: str, memory: int = 0) -> AsyncIterator[Place]:
        """Wait for a place for the machine `name` of so many MiB; it is given back at the end, or before by `leave`."""
        number = next(self._numbers)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, number, memory, turn))
        self._awaited.add(name)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            self.left(number)
            raise
        finally:
            self._awaited.discard(name)
        place = Place(self, number)
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

    @property
    def now(self) -> int:
        """How many machines boot."""
        return len(self._booting)

    def left(self, number: int) -> None:
        """The machine of that number boots no more. No harm to one that never did."""
        if self._booting.pop(number, None) is not None:
            self._let_in()

    def _let_in(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self.why = ""
        while self._waiting:
            _, number, memory, turn = self._waiting[0]
            if turn.done():
                heapq.heappop(self._waiting)
                continue
            self.why = self._room.bars(memory, self._booting.values())
            if self.why:
                self._again = asyncio.get_running_loop().call_later(LOOK, self._let_in)
                return
            heapq.heappop(self._waiting)
            self._booting[number] = memory
            turn.set_result(None)
