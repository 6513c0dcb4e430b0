"""The right to act on machines, which a server that shares its store has for a short while after each of its heartbeats; and how
long whoever asks waits for a database that is away.

A server whose lease is over may have been taken for dead by now: it holds what it does, and goes on when a heartbeat says that
nobody else does it. That is why a process that was frozen does no harm when it wakes.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextvars import ContextVar

REQUEST = 3.0
"""Seconds that a request, or a keeper, waits: a planned switch of the database is over by then."""
EVER = math.inf
"""Of a durable workflow: it goes on where it was, whenever that is."""

patience: ContextVar[float] = ContextVar("patience", default=REQUEST)
"""Seconds that the task at hand waits for a database that is away."""


class Lease:
    """`seconds`: how long one heartbeat lets act; infinite for a server that is alone. Held until the first heartbeat, before
    which a server begins nothing. Use inside one event loop.

    Args:
        clock: monotonic seconds, which go on while the process is stopped (CLOCK_MONOTONIC on Linux does).
    """

    def __init__(self, seconds: float = EVER, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._until = EVER
        self._renewed = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def held(self) -> bool:
        return self._clock() < self._until

    def renew(self, at: float) -> None:
        """`at`: the moment before the heartbeat was sent: others count from when it was written, which is later."""
        self._until = at + self.seconds
        self._ended.clear()
        self._renewed.set()
        self._renewed = asyncio.Event()

    def end(self) -> None:
        """From now on others may act."""
        self._until = -EVER
        self._ended.set()

    async def valid(self) -> None:
        """Wait until it is held."""
        while not self.held:
            await self._renewed.wait()

    async def over(self) -> None:
        """Wait until it is not."""
        while self.held:
            left = self._until - self._clock()
            try:
                await asyncio.wait_for(self._ended.wait(), None if left == EVER else max(left, 0.001))
            except TimeoutError:
                continue
