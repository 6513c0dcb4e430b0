"""Does a stay fit beside those that are booked, and if not, when would it? Pure.

What is held over time is a step function: it changes only where a stay begins or ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from rackless.model.calendar import ALWAYS, Amounts, Shortage, Span, Stay


class Calendar:
    """What is held of a capacity, over time."""

    def __init__(self, capacity: Amounts, stays: Iterable[Stay]) -> None:
        self._capacity = capacity
        changes: defaultdict[float, Amounts] = defaultdict(Amounts)
        for stay in stays:
            if stay.span.length > 0:
                changes[stay.span.begins] += stay.amounts
                if stay.span.ends < ALWAYS:
                    changes[stay.span.ends] -= stay.amounts
        held = Amounts()
        self._times: list[float] = []
        self._held: list[Amounts] = []
        for time in sorted(changes):
            held += changes[time]
            self._times.append(time)
            self._held.append(held)

    def held(self, time: float) -> Amounts:
        """What is held at a moment."""
        at = bisect_right(self._times, time) - 1
        return self._held[at] if at >= 0 else Amounts()

    def shortage(self, wanted: Amounts, span: Span) -> Shortage | None:
        """The first moment of the span at which something lacks, None when it fits.

        Args:
            wanted: what the new stay would hold, beside all that are booked.
        """
        at = max(bisect_right(self._times, span.begins) - 1, 0)
        if (lacks := self._lack(wanted, span.begins, self.held(span.begins))) is not None:
            return lacks
        for time, held in zip(self._times[at:], self._held[at:], strict=True):
            if time >= span.ends:
                break
            if time > span.begins and (lacks := self._lack(wanted, time, held)) is not None:
                return lacks
        return None

    def earliest(self, wanted: Amounts, length: float, after: float) -> float | None:
        """The first time from `after` on at which it would fit for `length` seconds; None when it never will."""
        if wanted.beyond(self._capacity) is not None:
            return None
        begins: float | None = after
        edges = [(after, self.held(after)), *((t, h) for t, h in zip(self._times, self._held, strict=True) if t > after)]
        for time, held in edges:
            if begins is not None and time >= begins + length:
                break
            fits = (held + wanted).beyond(self._capacity) is None
            if not fits:
                begins = None
            elif begins is None:
                begins = time
        return begins

    def _lack(self, wanted: Amounts, time: float, held: Amounts) -> Shortage | None:
        resource = (held + wanted).beyond(self._capacity)
        if resource is None:
            return None
        free = getattr(self._capacity, resource) - getattr(held, resource)
        return Shortage(resource=resource, at=time, wanted=getattr(wanted, resource), free=free)
