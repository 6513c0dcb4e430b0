"""What happens to labs, for those who follow it: a bounded log that every server on the store writes and reads.

An event is written in the transaction of what it tells, and writers go one at a time: ids grow in the order in which the
changes became true, and whoever has read up to one has missed nothing before it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rackless.store.schema import metadata

table = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("lab", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("audience", sa.JSON, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sqlite_autoincrement=True,  # an id is never given twice, also when all were forgotten
)

KEPT = 50_000
"""Events that are kept; whoever comes back after more must read anew."""
EVERY = 1000
"""Old ones are forgotten whenever so many have come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """`kind`: lab, job, step, machine or link. `audience`: the users that could see the lab when it happened, its owner first."""

    id: int
    time: float
    lab: str
    kind: str
    audience: list[str]
    data: dict[str, Any]


def add(db: sa.Connection, key: int, kind: str, data: dict[str, Any]) -> None:
    """Tell of a lab what `data` says, and the lab's name."""
    from rackless.store import sandboxes, users  # they tell events themselves

    lab = db.execute(sa.select(sandboxes.table.c.name, sandboxes.table.c.owner).where(sandboxes.table.c.id == key)).one()
    audience = [lab.owner, *users.shared_with(db, key)]
    name = "name" if kind == "lab" else "lab"
    row = {"time": time.time(), "lab": lab.name, "kind": kind, "audience": audience, "data": {name: lab.name, **data}}
    done = db.execute(table.insert().values(**row))
    assert done.inserted_primary_key is not None
    number = int(done.inserted_primary_key[0])
    if number % EVERY == 0:
        db.execute(table.delete().where(table.c.id <= number - KEPT))


def after(db: sa.Connection, number: int, most: int) -> list[Event]:
    """Oldest first."""
    query = table.select().where(table.c.id > number).order_by(table.c.id).limit(most)
    return [Event(**row) for row in db.execute(query).mappings()]


def newest(db: sa.Connection) -> int:
    """Id of the newest; 0 when there was none yet."""
    return int(db.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0)


def oldest(db: sa.Connection) -> int:
    """Id of the oldest that is kept; 0 when there is none."""
    return int(db.execute(sa.select(sa.func.min(table.c.id))).scalar() or 0)
