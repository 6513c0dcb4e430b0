"""Who of the servers on one store is silent. Pure: told what was read, and when; no clock of another machine counts.

What counts is what this server has watched itself without a break. So nobody is taken for dead because the database was away, or
because this process slept; and a database that comes back with another clock, or as it was a moment ago, makes nobody older.
"""

from __future__ import annotations

from collections.abc import Iterable

from rackless.store.servers import LEFT, ServerRow

GAP = 2.5
"""Seconds between two looks that are a break in the watch: all begins anew."""


class Silence:
    """`seconds` without a change until a server is silent."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._looked = float("-inf")
        self._since: dict[str, tuple[ServerRow, float]] = {}

    def look(self, rows: Iterable[ServerRow], now: float) -> list[ServerRow]:
        """What is there at this moment (monotonic seconds, before it was read). Returns those that are silent, have left, or are
        marked by somebody who did not come to an end with them."""
        if now - self._looked > GAP:
            self._since = {}
        self._looked = now
        known, self._since = self._since, {}
        dead = []
        for row in rows:
            before = known.get(row.id)
            since = before[1] if before is not None and before[0] == row else now
            self._since[row.id] = (row, since)
            if row.seen <= LEFT or now - since >= self._seconds:
                dead.append(row)
        return dead
