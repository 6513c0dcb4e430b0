"""Who changed what: every request that changes something, or that was refused. It has no body and no secret in it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata

table = sa.Table(
    "access_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("via", sa.String(16), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("path", sa.String(255), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Access:
    """`action`: the route's name. `status`: HTTP."""

    id: int
    time: float
    who: str
    via: str
    action: str
    path: str
    status: int


def add(db: sa.Connection, *, who: str, via: str, action: str, path: str, status: int) -> None:
    db.execute(table.insert().values(time=time.time(), who=who, via=via, action=action, path=path[:255], status=status))


def newest(db: sa.Connection, most: int, before: int | None = None) -> list[Access]:
    """Newest first; `before`: only those with a smaller id, for the next page."""
    query = table.select().order_by(table.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(table.c.id < before)
    return [Access(**row) for row in db.execute(query).mappings()]
