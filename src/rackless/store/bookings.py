"""What is booked, in the order of time: without plans, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.calendar import ALWAYS, RESOURCES, UNLIMITED, Amounts, Span, Stay, amounts
from rackless.model.lifecycle import SandboxState
from rackless.planning.calendar import Calendar
from rackless.store import sandboxes

_lab = sandboxes.table
_waits = _lab.c.state == SandboxState.WAITING.value
_ended = _lab.c.state == SandboxState.ENDED.value
_booked = _lab.c.state == SandboxState.BOOKED.value

Key = tuple[bool, float, str]
"""Whether it waits, its begin, its name."""


@dataclass(frozen=True, kw_only=True)
class Booked:
    """A lab that has not ended. `span`: of one that waits the time that it asked for."""

    id: int
    lab: str
    owner: str
    state: SandboxState
    span: Span
    amounts: Amounts

    @property
    def waits(self) -> bool:
        return self.state is SandboxState.WAITING

    @property
    def key(self) -> Key:
        return self.waits, self.span.begins, self.lab


def page(db: sa.Connection, most: int, after: tuple[object, ...] | None = None) -> list[Booked]:
    """Labs by begin and name, those that wait after all others; from behind this key on."""
    order = (_waits, _lab.c.begins, _lab.c.name)
    query = sa.select(*(_lab.c[name] for name in ("id", "name", "owner", "state", "begins", "ends", *sandboxes.HELD))).where(
        ~_ended
    )
    if after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(*(sa.literal(part) for part in after)))
    return [
        Booked(
            id=row.id,
            lab=row.name,
            owner=row.owner,
            state=SandboxState(row.state),
            span=Span(begins=row.begins, ends=ALWAYS if row.ends is None else row.ends),
            amounts=Amounts(**{name: getattr(row, name) for name in sandboxes.HELD}),
        )
        for row in db.execute(query.order_by(*order).limit(most))
    ]


@dataclass(frozen=True)
class Holding:
    """What labs hold, at any moment until one of them changes. One that is there and should have ended holds what it has until
    it is gone (see `sandboxes.stays`)."""

    there: Amounts
    booked: Calendar

    def at(self, now: float) -> Amounts:
        return self.there + self.booked.held(now)


def holding(db: sa.Connection) -> Holding:
    there = (~_ended, ~_waits, ~_booked)
    row = db.execute(sa.select(*(sa.func.coalesce(sa.func.sum(_lab.c[name]), 0.0) for name in RESOURCES)).where(*there)).one()
    others: Counter[str] = Counter()
    for mine in db.execute(sa.select(_lab.c.others).where(*there)).scalars():
        others.update(mine)
    fixed = {name: float(value) for name, value in zip(RESOURCES, row, strict=True)}
    columns = (_lab.c[name] for name in ("name", "begins", "ends", *sandboxes.HELD))
    stays = (
        Stay(
            sandbox=one.name,
            span=Span(begins=one.begins, ends=ALWAYS if one.ends is None else one.ends),
            amounts=Amounts(**{name: getattr(one, name) for name in sandboxes.HELD}),
        )
        for one in db.execute(sa.select(*columns).where(_booked))
    )
    return Holding(amounts(fixed, others), Calendar(UNLIMITED, stays))
