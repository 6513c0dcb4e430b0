"""Servers that share a PostgreSQL: who lives. Each writes its heartbeat, and others see that it changes: nobody compares clocks.

A server is taken for dead in two steps: it is marked, which ends it should it live, and it is gone when its jobs have gone on.
"""

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

LEFT, MARKED = 0.0, -1.0
"""In place of the time of a heartbeat: it ended in order; others go on with its jobs."""


@dataclass(frozen=True, kw_only=True)
class ServerRow:
    """`started`: of this life of it, which no other life has. `seen`: when its last heartbeat came, seconds since the epoch by
    the database's clock, or one of LEFT and MARKED."""

    id: str
    host: str
    pid: int
    started: float
    seen: float

    @property
    def marked(self) -> bool:
        return self.seen == MARKED


def now(db: sa.Connection) -> float:
    """Seconds since the epoch, by the database's clock."""
    return float(db.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def find(db: sa.Connection, server: str) -> ServerRow | None:
    row = db.execute(table.select().where(table.c.id == server)).mappings().first()
    return ServerRow(**dict(row)) if row is not None else None


def beat(db: sa.Connection, server: str, host: str, pid: int) -> float:
    """A life of this server begins, whatever was there of it. Returns its mark, `started`."""
    moment = now(db)
    values = {"host": host, "pid": pid, "started": moment, "seen": moment}
    if not db.execute(table.update().where(table.c.id == server).values(**values)).rowcount:
        db.execute(table.insert().values(id=server, **values))
    return moment


def renew(db: sa.Connection, server: str, started: float) -> bool:
    """This life goes on. False: it does not, for others go on with its jobs."""
    mine = table.c.id == server, table.c.started == started, table.c.seen > LEFT
    return bool(db.execute(table.update().where(*mine).values(seen=now(db))).rowcount)


def lives(db: sa.Connection, server: str, started: float) -> bool:
    """Nobody has marked it."""
    mine = table.c.id == server, table.c.started == started, table.c.seen > LEFT
    return db.execute(sa.select(sa.literal(1)).where(*mine)).first() is not None


def every(db: sa.Connection) -> list[ServerRow]:
    return [ServerRow(**dict(row)) for row in db.execute(table.select().order_by(table.c.id)).mappings()]


def mark(db: sa.Connection, row: ServerRow) -> bool:
    """Nothing came of it since it was read so: from now on it is none, and its jobs go on elsewhere. False: something came."""
    same = table.c.id == row.id, table.c.started == row.started, table.c.seen == row.seen
    return bool(db.execute(table.update().where(*same).values(seen=MARKED)).rowcount)


def alive(db: sa.Connection, seconds: float) -> list[ServerRow]:
    """Those whose last heartbeat is not older than that."""
    query = table.select().where(table.c.seen >= now(db) - seconds).order_by(table.c.id)
    return [ServerRow(**dict(row)) for row in db.execute(query).mappings()]


def leave(db: sa.Connection, server: str) -> None:
    """It ends in order: what it ran is free for the others at once."""
    db.execute(table.update().where(table.c.id == server, table.c.seen > LEFT).values(seen=LEFT))


def remove(db: sa.Connection, server: str) -> None:
    """Its jobs have gone on: what was marked of it goes."""
    db.execute(table.delete().where(table.c.id == server, table.c.seen == MARKED))
