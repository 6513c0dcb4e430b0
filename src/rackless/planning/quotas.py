"""Machine-hours in any seven days. Pure.

What was used in the seven days before a moment changes steadily between the moments at which a stay begins or ends, or did so
seven days before: its greatest values are at stays' ends, and seven days after their beginnings.
"""

from __future__ import annotations

from collections.abc import Iterable

from rackless.model.calendar import ALWAYS, Amounts, Shortage, Span, Stay

WINDOW = 7 * 86400.0
HOUR = 3600.0


class Hours:
    """A limit of machine-hours, and what is used of it over time. A `Limit` of the calendar."""

    def __init__(self, most: float, stays: Iterable[Stay]) -> None:
        self._most = most
        self._stays = [stay for stay in stays if stay.span.length > 0 and stay.amounts.machines]

    def used(self, at: float) -> float:
        """Machine-hours in the seven days before."""
        return sum(_hours(stay.amounts, stay.span, at) for stay in self._stays)

    def shortage(self, wanted: Amounts, span: Span) -> Shortage | None:
        """The first moment at which it would be too much, None when it fits."""
        if not wanted.machines:
            return None
        spans = [span, *(stay.span for stay in self._stays)]
        edges = {edge for one in spans for edge in (one.ends, one.begins + WINDOW)}
        for at in sorted(edge for edge in edges if span.begins < edge < ALWAYS and edge < span.ends + WINDOW):
            more, used = _hours(wanted, span, at), self.used(at)
            if used + more > self._most:
                whole = wanted.machines * min(span.length, WINDOW) / HOUR
                return Shortage(resource="machine_hours", at=at, wanted=whole, free=self._most - used, most=self._most)
        return None

    def earliest(self, wanted: Amounts, length: float, after: float) -> float | None:
        """A time from `after` on at which it fits; None when it never will. Of the times that are looked at the first: `after`,
        and those at which something ends or leaves the seven days."""
        edges = {edge for stay in self._stays for edge in (stay.span.ends, stay.span.begins + WINDOW, stay.span.ends + WINDOW)}
        for begins in [after, *sorted(edge for edge in edges if after < edge < ALWAYS)]:
            if self.shortage(wanted, Span(begins=begins, ends=begins + length)) is None:
                return begins
        return None


def _hours(amounts: Amounts, span: Span, at: float) -> float:
    overlap = min(span.ends, at) - max(span.begins, at - WINDOW)
    return amounts.machines * max(overlap, 0.0) / HOUR
