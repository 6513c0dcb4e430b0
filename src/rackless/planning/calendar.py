"""Does a stay fit beside those that are booked, and if not, when would it? Who of those that wait is next? Pure.

What is held over time is a step function: it changes only where a stay begins or ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rackless.model.calendar import ALWAYS, Amounts, Shortage, Span, Stay, Waiting

PATIENCE = 86400.0
"""Seconds after which one that waits goes before all that have waited for less, whoever holds what."""


class Limit(Protocol):
    """Something that a stay has to fit in: a place's capacity, somebody's quota."""

    def shortage(self, wanted: Amounts, span: Span) -> Shortage | None: ...

    def earliest(self, wanted: Amounts, length: float, after: float) -> float | None: ...


def earliest(limits: Sequence[Limit], wanted: Amounts, length: float, after: float) -> float | None:
    """The first time from `after` on at which it fits in all of them; None when it never will."""
    at = after
    while True:
        moved = False
        for limit in limits:
            found = limit.earliest(wanted, length, at)
            if found is None:
                return None
            moved, at = moved or found > at, max(at, found)
        if not moved:
            return at


def share(amounts: Amounts, capacity: Amounts) -> float:
    """The greatest part that it takes of a resource which is limited (its dominant share)."""
    parts = ((amounts.of(name), capacity.limit(name)) for name in amounts.names)
    return max((part / whole for part, whole in parts if 0 < whole < ALWAYS), default=0.0)


def fair_order(waiting: Iterable[Waiting], tally: Mapping[str, float], now: float) -> list[Waiting]:
    """The order in which those that wait are served.

    One after the other, the owner with the least goes next, with the lab that they asked for first; what it takes counts as
    theirs from then on, so that owners take turns. Of owners who have the same, the one who asked first. Whoever has waited for
    PATIENCE seconds goes before all that is newer, in the order of asking: so nobody waits for ever, though others who have less
    keep coming.

    Args:
        tally: what each owner has, as a share of the place; missing is nothing.
    """
    queue = sorted(waiting, key=lambda one: (one.asked, one.key))
    order = [one for one in queue if now - one.asked >= PATIENCE]
    left = queue[len(order) :]
    has = dict(tally)
    for one in order:
        has[one.owner] = has.get(one.owner, 0.0) + one.share
    while left:
        one = min(left, key=lambda other: (has.get(other.owner, 0.0), other.asked, other.key))
        left.remove(one)
        order.append(one)
        has[one.owner] = has.get(one.owner, 0.0) + one.share
    return order


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

    def most(self, span: Span) -> Amounts:
        """Of each resource the most that is held at any moment of the span."""
        found = self.held(span.begins)
        for time, held in zip(self._times, self._held, strict=True):
            if span.begins < time < span.ends:
                found = found.most(held)
        return found

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
        most = self._capacity.limit(resource)
        return Shortage(resource=resource, at=time, wanted=wanted.of(resource), free=most - held.of(resource), most=most)
