"""Logins by OpenID providers: those that were begun, and the users that they made."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.errors import ForbiddenError, RateLimitedError
from rackless.model.openid import Person
from rackless.store import groups, users
from rackless.store.schema import metadata
from rackless.store.sessions import digest

BEGUN = 600.0
"""Seconds that somebody may take at the provider."""
MOST = 1000
"""Logins under way at once: each takes a row, and anybody can begin one."""

table = sa.Table(
    "openid_logins",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("nonce", sa.String(64), nullable=False),
    sa.Column("verifier", sa.String(64), nullable=False),
    sa.Column("redirect", sa.Text, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("provider", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("user", sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False, unique=True),
)


@dataclass(frozen=True, kw_only=True)
class Begun:
    provider: str
    nonce: str
    verifier: str
    redirect: str


def begin(db: sa.Connection, state: str, begun: Begun, now: float) -> None:
    """Raises RateLimitedError when too many are under way."""
    db.execute(table.delete().where(table.c.expires <= now))
    if int(db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()) >= MOST:
        raise RateLimitedError("Too many logins are under way.", hint="Try again in some minutes.", seconds=60)
    db.execute(table.insert().values(digest=digest(state), expires=now + BEGUN, **vars(begun)))


def take(db: sa.Connection, state: str, now: float) -> Begun | None:
    """The login of this state, once; None when it was taken, is not known, or took too long."""
    row = db.execute(table.select().where(table.c.digest == digest(state))).mappings().first()
    if row is None or not db.execute(table.delete().where(table.c.digest == row["digest"])).rowcount or row["expires"] <= now:
        return None
    return Begun(**{name: row[name] for name in ("provider", "nonce", "verifier", "redirect")})


def admit(db: sa.Connection, person: Person) -> users.UserRow:
    """The user that this person is, made at their first login. Groups are what the provider says now, and so is a mapped role.

    Raises:
        ForbiddenError: they are disabled here, or their name is another's.
    """
    key = sa.and_(identities.c.provider == person.provider, identities.c.subject == person.subject)
    name = db.execute(sa.select(identities.c.user).where(key)).scalar()
    if name is None:
        if users.find(db, person.name) is not None:
            raise ForbiddenError(
                f"There is a user {person.name} already, who does not log in by {person.provider}.", hint="Ask an admin."
            )
        users.add(db, person.name, person.role)
        db.execute(identities.insert().values(provider=person.provider, subject=person.subject, user=person.name))
        name = person.name
    row = users.get(db, name)
    if row.disabled:
        raise ForbiddenError(f"{name} is disabled here.", hint="Ask an admin.")
    groups.assign(db, name, set(person.groups), person.provider)
    return users.change(db, name, role=person.role) if person.mapped else row


def providers(db: sa.Connection) -> dict[str, str]:
    """The provider by which a user logs in, by user; local ones are not in it."""
    return {row.user: row.provider for row in db.execute(sa.select(identities.c.user, identities.c.provider))}


def provider_of(db: sa.Connection, user: str) -> str | None:
    return db.execute(sa.select(identities.c.provider).where(identities.c.user == user)).scalar()
