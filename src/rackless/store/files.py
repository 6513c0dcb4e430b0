"""Files of the state directory that the servers on one PostgreSQL have in common. Some hold secrets, as the store does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from rackless.store.schema import metadata

table = sa.Table(
    "files",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


def digests(db: sa.Connection) -> dict[str, str]:
    """SHA-256 of each, by its path in the state directory."""
    return {row.name: row.digest for row in db.execute(sa.select(table.c.name, table.c.digest))}


def contents(db: sa.Connection, names: Iterable[str]) -> dict[str, bytes]:
    query = sa.select(table.c.name, table.c.content).where(table.c.name.in_(list(names)))
    return {row.name: row.content for row in db.execute(query)}


def put(db: sa.Connection, changed: Mapping[str, tuple[str, str, bytes]]) -> None:
    """`changed`: by name, what its digest was when this server saw it last ("" for a new one), what it is now, and the content.
    One that another server has changed since stays as that one made it."""
    there = digests(db)
    for name, (before, digest, content) in changed.items():
        if there.get(name, "") != before:
            continue
        if not before:
            db.execute(table.insert().values(name=name, digest=digest, content=content))
        else:
            db.execute(table.update().where(table.c.name == name).values(digest=digest, content=content))


def remove(db: sa.Connection, gone: Mapping[str, str]) -> None:
    """`gone`: by name, the digest of what was removed; one that has changed since stays."""
    for name, digest in gone.items():
        db.execute(table.delete().where(table.c.name == name, table.c.digest == digest))
