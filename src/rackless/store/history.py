"""History: what was done with each sandbox, when, by whom and why; it outlives the sandbox. Also what a webhook is told."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata, owner

table = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    owner(),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("what", sa.String(32), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
)
sa.Index("ix_history_sandbox_id", table.c.sandbox_id)
sa.Index("ix_history_told", table.c.told)

SELF = "rackless"
"""Who, when nobody asked for it: a time had come, a job ended."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`what`: a state that was entered (`ready`), or `warned`, `extended`. `told`: a webhook knows of it, or nobody asks."""

    id: int
    sandbox_id: int
    time: float
    who: str
    what: str
    why: str
    told: bool


def add(db: sa.Connection, key: int, what: str, why: str, *, who: str = SELF) -> None:
    db.execute(table.insert().values(sandbox_id=key, time=time.time(), who=who, what=what, why=why, told=False))


def of(db: sa.Connection, key: int, *, most: int | None = None, after: int = 0) -> list[Entry]:
    """Oldest first; of those after this id, `most` at most."""
    query = table.select().where(table.c.sandbox_id == key, table.c.id > after).order_by(table.c.id).limit(most)
    rows = db.execute(query).mappings()
    return [Entry(**dict(row)) for row in rows]


def untold(db: sa.Connection, most: int) -> list[Entry]:
    """Oldest first."""
    rows = db.execute(table.select().where(~table.c.told).order_by(table.c.id).limit(most)).mappings()
    return [Entry(**dict(row)) for row in rows]


def tell(db: sa.Connection, *entries: int) -> None:
    """These need not be told any more."""
    db.execute(table.update().where(table.c.id.in_(entries)).values(told=True))
