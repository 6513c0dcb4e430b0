"""Servers that share a PostgreSQL: who lives. Each writes its heartbeat; the clock is the database's, the same for all."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata

table = sa.Table(
    "servers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class ServerRow:
    """`seen`: when its last heartbeat came, seconds since the epoch by the database's clock."""

    id: str
    host: str
    pid: int
    started: float
    seen: float


def now(db: sa.Connection) -> float:
    """Seconds since the epoch, by the database's clock."""
    return float(db.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def beat(db: sa.Connection, server: str, host: str, pid: int) -> None:
    """This server lives."""
    moment = now(db)
    done = db.execute(table.update().where(table.c.id == server).values(seen=moment, host=host, pid=pid))
    if not done.rowcount:
        db.execute(table.insert().values(id=server, host=host, pid=pid, started=moment, seen=moment))


def silent(db: sa.Connection, seconds: float) -> list[ServerRow]:
    """Those whose last heartbeat is older than that."""
    query = table.select().where(table.c.seen < now(db) - seconds).order_by(table.c.id)
    return [ServerRow(**dict(row)) for row in db.execute(query).mappings()]


def alive(db: sa.Connection, seconds: float) -> list[ServerRow]:
    """The others."""
    query = table.select().where(table.c.seen >= now(db) - seconds).order_by(table.c.id)
    return [ServerRow(**dict(row)) for row in db.execute(query).mappings()]


def leave(db: sa.Connection, server: str) -> None:
    """It ends in order: what it ran is free for the others at once."""
    db.execute(table.update().where(table.c.id == server).values(seen=0.0))


def remove(db: sa.Connection, server: str) -> None:
    db.execute(table.delete().where(table.c.id == server))
