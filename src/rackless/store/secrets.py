"""Secrets: passwords and communities, in a table that nothing else selects from. Shown by one route only."""

from __future__ import annotations

import sqlalchemy as sa

from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "secrets",
    metadata,
    owner_key(),
    sa.Column("holder", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def put(db: sa.Connection, key: int, holder: str, kind: str, value: str) -> None:
    """Keep the secret `kind` (password, community) of a router or host, in the place of the one it had."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.holder == holder, table.c.kind == kind))
    db.execute(table.insert().values(sandbox_id=key, holder=holder, kind=kind, value=value))


def drop(db: sa.Connection, key: int, holder: str, kind: str | None = None) -> None:
    """Forget all of a router or host, or one."""
    kinds = [] if kind is None else [table.c.kind == kind]
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.holder == holder, *kinds))


def of(db: sa.Connection, key: int, holder: str) -> dict[str, str]:
    """Secrets of a router or host by kind."""
    rows = db.execute(sa.select(table.c.kind, table.c.value).where(table.c.sandbox_id == key, table.c.holder == holder))
    return {kind: value for kind, value in rows}


def all_of(db: sa.Connection, key: int) -> list[str]:
    """Every secret of a sandbox: what must not be shown."""
    return list(db.execute(sa.select(table.c.value).where(table.c.sandbox_id == key)).scalars())
