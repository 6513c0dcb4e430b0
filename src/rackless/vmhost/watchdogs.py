"""When the host's watchdog is fed. Pure.

It is fed only while everything that keeps guests alive moves: an agent whose one task hangs is no better than one that ended.
What may take long (writing a set) is no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping

TIMEOUT = 60
"""Seconds that the hardware waits for its food (most PCH watchdogs take 1 to 600)."""
FEED = 10.0
LATE = 45.0
"""Seconds without a sign of life after which a task counts as hung: the hardware gets its 60 after that."""


def hung(now: float, alive: Mapping[str, float]) -> tuple[str, ...]:
    """Tasks that gave no sign of life for too long. `alive`: when each gave the last, monotonic."""
    return tuple(sorted(name for name, at in alive.items() if now - at > LATE))
