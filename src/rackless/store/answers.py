"""Answers to requests with an idempotency key: kept for a day, so that the same request is answered, and done, once.

Neither the key nor the body is kept: what is here can't be turned back into a request.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata

table = sa.Table(
    "answers",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("media", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
sa.Index("ix_answers_since", table.c.since)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`digest`: of the request. `server`: the life of the server that works on it. `status` None: there is no answer yet."""

    digest: str
    server: str
    since: float
    status: int | None
    media: str
    body: bytes


def claim(db: sa.Connection, key: str, digest: str, *, server: str, now: float, old: float) -> Answer | None:
    """Take the key, if nobody has it: None. Else what is known of it. Keys from before `old` are forgotten."""
    db.execute(table.delete().where(table.c.since < old))
    row = db.execute(table.select().where(table.c.key == key)).mappings().first()
    if row is None:
        db.execute(table.insert().values(key=key, digest=digest, server=server, since=now, status=None, media="", body=b""))
        return None
    return Answer(**{name: value for name, value in row.items() if name != "key"})


def keep(db: sa.Connection, key: str, status: int, media: str, body: bytes) -> None:
    """The answer to a request whose key was taken."""
    db.execute(table.update().where(table.c.key == key).values(status=status, media=media, body=body))


def give_up(db: sa.Connection, key: str) -> None:
    """The request failed: it may be tried again with the same key."""
    db.execute(table.delete().where(table.c.key == key, table.c.status.is_(None)))


def forget(db: sa.Connection, servers: list[str]) -> None:
    """What lives of servers that have ended were at work on: nobody will answer it."""
    db.execute(table.delete().where(table.c.status.is_(None), table.c.server.in_(servers)))
