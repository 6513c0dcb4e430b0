"""Sessions of browsers, the one-time tickets that open them, and attempts to log in. Secrets are kept as their SHA-256.

A session ends after IDLE seconds in which nothing was asked, after LONGEST in any case, at logout, when an admin ends it, and
when its user is disabled, removed, or gets another password.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, replace

import sqlalchemy as sa

from rackless.model.errors import NotFoundError
from rackless.store.schema import metadata

IDLE = 12 * 3600.0
LONGEST = 7 * 86400.0
TICKET = 60.0
"""Seconds for which a ticket can be taken."""
TOUCH = 60.0
"""Seconds between two notes of when a session was last seen: reading must not write each time."""

table = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user", sa.String(64), nullable=False, index=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("how", sa.String(64), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("agent", sa.String(255), nullable=False),
)
"""`user` is no reference to `users`: who comes by a ticket of the unix socket is `local`, who has no row there."""

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(64), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("session_expires", sa.Float, nullable=False),
)

attempts = sa.Table(
    "login_attempts",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last", sa.Float, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """Times in seconds since the epoch. `seen` is exact to TOUCH seconds. `how`: password, ticket, or the name of a provider.
    `source`: the address it was opened from; `agent`: what the browser says of itself."""

    id: int
    user: str
    created: float
    seen: float
    expires: float
    how: str
    source: str
    agent: str


def open_(
    db: sa.Connection, user: str, *, how: str, source: str = "", agent: str = "", expires: float | None = None
) -> tuple[SessionRow, str]:
    """A session and its secret, which is told this once. `expires`: sooner than LONGEST from now."""
    now = time.time()
    _sweep(db, now)
    secret = secrets.token_urlsafe(32)
    end = min(now + LONGEST, expires) if expires is not None else now + LONGEST
    row = SessionRow(id=0, user=user, created=now, seen=now, expires=end, how=how, source=source[:64], agent=agent[:255])
    done = db.execute(table.insert().values(digest=digest(secret), **{k: v for k, v in vars(row).items() if k != "id"}))
    assert done.inserted_primary_key is not None
    return replace(row, id=done.inserted_primary_key[0]), secret


def find(db: sa.Connection, secret: str, now: float) -> SessionRow | None:
    """The session of this secret; None when there is none, or its time is over."""
    query = sa.select(*_shown()).where(table.c.digest == digest(secret), table.c.expires > now, table.c.seen > now - IDLE)
    row = db.execute(query).mappings().first()
    return SessionRow(**row) if row else None


def touch(db: sa.Connection, key: int, now: float) -> None:
    """It was seen."""
    db.execute(table.update().where(table.c.id == key, table.c.seen < now).values(seen=now))


def of(db: sa.Connection, user: str, now: float) -> list[SessionRow]:
    """Those that are open, oldest first."""
    query = sa.select(*_shown()).where(table.c.user == user, table.c.expires > now, table.c.seen > now - IDLE)
    return [SessionRow(**row) for row in db.execute(query.order_by(table.c.id)).mappings()]


def end(db: sa.Connection, user: str, key: int) -> None:
    """Raises NotFoundError when the user has no session of that number."""
    if not db.execute(table.delete().where(table.c.user == user, table.c.id == key)).rowcount:
        raise NotFoundError(f"{user} has no session {key}.", hint=f"`rackless session list {user}` shows the sessions.")


def end_all(db: sa.Connection, user: str) -> int:
    """Every session and ticket of a user; how many sessions there were."""
    db.execute(tickets.delete().where(tickets.c.user == user))
    return int(db.execute(table.delete().where(table.c.user == user)).rowcount)


def new_ticket(db: sa.Connection, user: str, session_expires: float | None = None) -> tuple[str, float]:
    """A ticket and its end. `session_expires`: of the session that it opens, if sooner than LONGEST."""
    now = time.time()
    _sweep(db, now)
    secret = secrets.token_urlsafe(32)
    most = now + LONGEST if session_expires is None else session_expires
    db.execute(tickets.insert().values(digest=digest(secret), user=user, expires=now + TICKET, session_expires=most))
    return secret, now + TICKET


def take(db: sa.Connection, secret: str, now: float) -> tuple[str, float] | None:
    """Whose ticket this is, and when its session ends. It can be taken once: who loses the race gets None."""
    row = db.execute(tickets.select().where(tickets.c.digest == digest(secret))).mappings().first()
    if row is None or not db.execute(tickets.delete().where(tickets.c.digest == row["digest"])).rowcount:
        return None
    return (row["user"], row["session_expires"]) if row["expires"] > now else None


def tried(db: sa.Connection, key: str) -> tuple[int, float]:
    """How often in a row, and when last."""
    row = db.execute(attempts.select().where(attempts.c.key == key[:255])).mappings().first()
    return (row["count"], row["last"]) if row else (0, 0.0)


def count_try(db: sa.Connection, key: str, count: int, now: float) -> None:
    db.execute(attempts.delete().where(attempts.c.key == key[:255]))
    db.execute(attempts.insert().values(key=key[:255], count=count, last=now))


def forget_tries(db: sa.Connection, key: str) -> None:
    db.execute(attempts.delete().where(attempts.c.key == key[:255]))


def forget_old_tries(db: sa.Connection, before: float) -> None:
    db.execute(attempts.delete().where(attempts.c.last < before))


def digest(secret: str) -> str:
    """A secret of 256 random bits: a plain hash of it can't be turned back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _sweep(db: sa.Connection, now: float) -> None:
    """What is over goes when something new comes."""
    db.execute(table.delete().where(sa.or_(table.c.expires <= now, table.c.seen <= now - IDLE)))
    db.execute(tickets.delete().where(tickets.c.expires <= now))


def _shown() -> list[sa.Column[object]]:
    return [column for column in table.c if column.name != "digest"]
