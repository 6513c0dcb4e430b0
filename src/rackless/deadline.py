"""One deadline object, handed down instead of re-counted timeouts. Level of `running`: it reads the monotonic clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rackless.model.errors import DeadlineError

Result = TypeVar("Result")


class Deadline:
    """A moment `seconds` from now by `clock` (monotonic)."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - self._clock())

    @property
    def spent(self) -> float:
        return self.seconds - (self._end - self._clock())

    @property
    def over(self) -> bool:
        return self.left <= 0

    def within(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now, but never later than this one."""
        return Deadline(min(seconds, self.left), clock=self._clock)

    async def wait(self, awaitable: Awaitable[Result], what: str, *, hint: str = "") -> Result:
        """Await within the time left.

        Raises:
            DeadlineError: "Waited N s for <what> ..."
        """
        try:
            async with asyncio.timeout(self.left) as limit:
                return await awaitable
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self.missed(what, hint=hint) from error

    def missed(self, what: str, *, hint: str = "") -> DeadlineError:
        return DeadlineError(f"Waited {self.spent:.1f} s for {what}, and it did not come.", hint=hint)

    async def pause(self, seconds: float) -> None:
        """Pause between two looks at something that can only be asked; ends early at the deadline."""
        await asyncio.sleep(min(seconds, self.left))
