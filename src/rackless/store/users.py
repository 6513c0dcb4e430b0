"""Users, their tokens, and with whom labs are shared. A password is kept as its argon2 hash, a token as its SHA-256."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.errors import NotFoundError, StateError
from rackless.model.people import Role
from rackless.store import sessions
from rackless.store.schema import metadata, owner_key
from rackless.store.sessions import digest

table = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password", sa.Text),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("created", sa.Float, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user", sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    sa.Column("label", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float),
    sa.Column("used", sa.Float),
    sa.UniqueConstraint("user", "label"),
)

shares = sa.Table(
    "shares",
    metadata,
    owner_key(),
    sa.Column("user", sa.ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
)

PREFIX = "rkl_"
"""Of every token, so that one that leaked is recognised."""


@dataclass(frozen=True, kw_only=True)
class UserRow:
    """`password`: its argon2 hash, None for one who logs in otherwise."""

    name: str
    role: Role
    password: str | None
    disabled: bool
    created: float


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """Times in seconds since the epoch; `expires` None: never. `used`: when it was last seen, by the minute."""

    id: int
    user: str
    label: str
    created: float
    expires: float | None
    used: float | None


def add(db: sa.Connection, name: str, role: Role, password: str | None = None) -> UserRow:
    """Raises StateError when there is one of that name."""
    if find(db, name) is not None:
        raise StateError(f"There is a user {name} already.", hint="Choose another name, or change that user.")
    db.execute(table.insert().values(name=name, role=role.value, password=password, disabled=False, created=time.time()))
    return get(db, name)


def find(db: sa.Connection, name: str) -> UserRow | None:
    row = db.execute(table.select().where(table.c.name == name)).mappings().first()
    return UserRow(**{**row, "role": Role(row["role"])}) if row else None


def get(db: sa.Connection, name: str) -> UserRow:
    found = find(db, name)
    if found is None:
        raise NotFoundError(f"There is no user {name}.", hint="`rackless user list` shows the users.")
    return found


def all_users(db: sa.Connection, *, most: int | None = None, after: str = "") -> list[UserRow]:
    """By name; of those after this one, `most` at most."""
    query = table.select().where(table.c.name > after).order_by(table.c.name).limit(most)
    return [UserRow(**{**row, "role": Role(row["role"])}) for row in db.execute(query).mappings()]


def change(
    db: sa.Connection, name: str, *, role: Role | None = None, password: str | None = None, disabled: bool | None = None
) -> UserRow:
    """What is None stays. One who is disabled, or whose password changes, loses their tokens and sessions."""
    get(db, name)
    values = {"role": role.value if role else None, "password": password, "disabled": disabled}
    if wanted := {key: value for key, value in values.items() if value is not None}:
        db.execute(table.update().where(table.c.name == name).values(**wanted))
    if disabled or password is not None:
        db.execute(tokens.delete().where(tokens.c.user == name))
        sessions.end_all(db, name)
    return get(db, name)


def remove(db: sa.Connection, name: str) -> None:
    """Their tokens, sessions and shares go with them; their labs stay."""
    get(db, name)
    sessions.end_all(db, name)
    db.execute(table.delete().where(table.c.name == name))


def new_token(db: sa.Connection, name: str, label: str, expires: float | None) -> tuple[TokenRow, str]:
    """The token itself is told this once. Another of the same label takes the place of the first."""
    get(db, name)
    db.execute(tokens.delete().where(tokens.c.user == name, tokens.c.label == label))
    secret = PREFIX + secrets.token_urlsafe(32)
    done = db.execute(
        tokens.insert().values(user=name, label=label, digest=digest(secret), created=time.time(), expires=expires, used=None)
    )
    assert done.inserted_primary_key is not None
    return next(row for row in tokens_of(db, name) if row.id == done.inserted_primary_key[0]), secret


def tokens_of(db: sa.Connection, name: str, *, most: int | None = None, after: int = 0) -> list[TokenRow]:
    """Oldest first; of those after this id, `most` at most."""
    columns = [column for column in tokens.c if column.name != "digest"]
    query = sa.select(*columns).where(tokens.c.user == name, tokens.c.id > after).order_by(tokens.c.id).limit(most)
    rows = db.execute(query).mappings()
    return [TokenRow(**row) for row in rows]


def revoke(db: sa.Connection, name: str, label: str) -> None:
    if not db.execute(tokens.delete().where(tokens.c.user == name, tokens.c.label == label)).rowcount:
        raise NotFoundError(f"{name} has no token named {label}.", hint="`rackless token list` shows the tokens.")


def holder(db: sa.Connection, secret: str, now: float) -> UserRow | None:
    """Whose token this is; None when it is nobody's, has expired, or its user is disabled."""
    row = db.execute(sa.select(tokens.c.user, tokens.c.expires).where(tokens.c.digest == digest(secret))).first()
    if row is None or (row.expires is not None and row.expires <= now):
        return None
    found = find(db, row.user)
    return None if found is None or found.disabled else found


def share(db: sa.Connection, key: int, name: str) -> None:
    get(db, name)
    if name not in shared_with(db, key):
        db.execute(shares.insert().values(sandbox_id=key, user=name))


def unshare(db: sa.Connection, key: int, name: str) -> None:
    db.execute(shares.delete().where(shares.c.sandbox_id == key, shares.c.user == name))


def shared_with(db: sa.Connection, key: int) -> list[str]:
    """By name."""
    return list(db.execute(sa.select(shares.c.user).where(shares.c.sandbox_id == key).order_by(shares.c.user)).scalars())


def shared(db: sa.Connection, name: str) -> set[int]:
    """The labs that are shared with a user."""
    return set(db.execute(sa.select(shares.c.sandbox_id).where(shares.c.user == name)).scalars())
