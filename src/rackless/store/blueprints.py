"""Blueprints: what each sandbox was made from, as it was written, with the files it named. A password in it is the writer's own:
nothing else selects from this table, and one route shows it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "blueprints",
    metadata,
    owner_key(),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("file", sa.String(255), nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """`file`: the text's own name. `files`: content by the name that the text uses."""

    text: str
    file: str
    files: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class BlueprintRow(Written):
    """`who` sent it, and when."""

    sandbox_id: int
    since: float
    who: str


def put(db: sa.Connection, key: int, written: Written, *, who: str) -> None:
    """Keep the newest."""
    db.execute(table.delete().where(table.c.sandbox_id == key))
    values = {"text": written.text, "file": written.file[:255], "files": written.files, "since": time.time(), "who": who}
    db.execute(table.insert().values(sandbox_id=key, **values))


def find(db: sa.Connection, key: int) -> BlueprintRow | None:
    """None for a lab of a release that kept none."""
    row = db.execute(table.select().where(table.c.sandbox_id == key)).mappings().first()
    return BlueprintRow(**dict(row)) if row else None
