"""Where the page draws the routers and hosts of a lab: a point for each that somebody has placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "layouts",
    metadata,
    owner_key(),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("x", sa.Float, nullable=False),
    sa.Column("y", sa.Float, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """The upper left corner, in the drawing's own units (a CSS pixel at 100 %); y grows downward."""

    x: float
    y: float


def of(db: sa.Connection, key: int) -> dict[str, Point]:
    rows = db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.name)).mappings()
    return {row["name"]: Point(x=row["x"], y=row["y"]) for row in rows}


def put(db: sa.Connection, key: int, points: Mapping[str, Point]) -> None:
    """Exactly these: what is not among them is laid out automatically."""
    db.execute(table.delete().where(table.c.sandbox_id == key))
    _add(db, key, points)


def change(db: sa.Connection, key: int, points: Mapping[str, Point], without: Iterable[str]) -> None:
    """These beside those that are there, but `without`: two people who place different routers do not undo each other."""
    names = [*points, *without]
    if names:
        db.execute(table.delete().where(table.c.sandbox_id == key, table.c.name.in_(names)))
    _add(db, key, points)


def _add(db: sa.Connection, key: int, points: Mapping[str, Point]) -> None:
    if points:
        db.execute(table.insert(), [{"sandbox_id": key, "name": name, "x": at.x, "y": at.y} for name, at in points.items()])
