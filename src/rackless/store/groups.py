"""Groups of users, and the quotas of both. A quota is kept as what was set: the rest is the site's default."""

from __future__ import annotations

import time
from collections.abc import Mapping

import sqlalchemy as sa

from rackless.model.errors import NotFoundError, StateError
from rackless.store import users
from rackless.store.schema import metadata

table = sa.Table(
    "groups",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("quota", sa.JSON, nullable=False),
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("group", sa.ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("user", sa.ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("provider", sa.String(64)),
)
"""`provider`: the one that says so at each login; null for who was put in by hand."""

quotas = sa.Table(
    "user_quotas",
    metadata,
    sa.Column("user", sa.ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("quota", sa.JSON, nullable=False),
)

Limits = dict[str, float | None]
"""What was set: by limit its value, None for no limit."""


def add(db: sa.Connection, name: str) -> None:
    """Raises StateError when there is one of that name."""
    if name in names(db):
        raise StateError(f"There is a group {name} already.", hint="Choose another name.")
    db.execute(table.insert().values(name=name, created=time.time(), quota={}))


def remove(db: sa.Connection, name: str) -> None:
    check(db, name)
    db.execute(table.delete().where(table.c.name == name))


def names(db: sa.Connection) -> list[str]:
    return list(db.execute(sa.select(table.c.name).order_by(table.c.name)).scalars())


def check(db: sa.Connection, name: str) -> None:
    """Raises NotFoundError when there is no such group."""
    if name not in names(db):
        raise NotFoundError(f"There is no group {name}.", hint="`rackless group list` shows the groups.")


def put(db: sa.Connection, name: str, user: str, provider: str | None = None) -> None:
    """A user is in a group from now on; nothing changes when they were."""
    check(db, name)
    users.get(db, user)
    if user not in members_of(db, name):
        db.execute(members.insert().values(group=name, user=user, provider=provider))


def take(db: sa.Connection, name: str, user: str) -> None:
    if not db.execute(members.delete().where(members.c.group == name, members.c.user == user)).rowcount:
        raise NotFoundError(f"{user} is not in the group {name}.", hint="`rackless group list` shows who is.")


def members_of(db: sa.Connection, name: str) -> list[str]:
    """By name."""
    return list(db.execute(sa.select(members.c.user).where(members.c.group == name).order_by(members.c.user)).scalars())


def of(db: sa.Connection, user: str) -> list[str]:
    """The groups that a user is in."""
    return list(db.execute(sa.select(members.c.group).where(members.c.user == user).order_by(members.c.group)).scalars())


def assign(db: sa.Connection, user: str, wanted: set[str], provider: str) -> None:
    """The user is in those groups that a provider says, and in those they were put in by hand. Groups that are not there yet
    are made."""
    known = set(names(db))
    for name in sorted(wanted - known):
        add(db, name)
    query = sa.select(members.c.group).where(members.c.user == user, members.c.provider == provider)
    gone = set(db.execute(query).scalars()) - wanted
    db.execute(members.delete().where(members.c.user == user, members.c.provider == provider, members.c.group.in_(gone)))
    for name in wanted - set(of(db, user)):
        put(db, name, user, provider)


def memberships(db: sa.Connection) -> dict[str, set[str]]:
    """Members by group, of all groups."""
    found: dict[str, set[str]] = {name: set() for name in names(db)}
    for group, user in db.execute(sa.select(members.c.group, members.c.user)):
        found[group].add(user)
    return found


def limits_of_groups(db: sa.Connection) -> dict[str, Limits]:
    return {row.name: dict(row.quota) for row in db.execute(sa.select(table.c.name, table.c.quota))}


def limits_of_users(db: sa.Connection) -> dict[str, Limits]:
    """Of those who have one of their own."""
    return {row.user: dict(row.quota) for row in db.execute(quotas.select())}


def limit_group(db: sa.Connection, name: str, limits: Mapping[str, float | None]) -> None:
    check(db, name)
    db.execute(table.update().where(table.c.name == name).values(quota=dict(limits)))


def limit_user(db: sa.Connection, user: str, limits: Mapping[str, float | None]) -> None:
    """With nothing set the default holds again."""
    users.get(db, user)
    db.execute(quotas.delete().where(quotas.c.user == user))
    if limits:
        db.execute(quotas.insert().values(user=user, quota=dict(limits)))
