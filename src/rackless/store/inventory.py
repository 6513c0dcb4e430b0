"""Inventory: what SNMP said each router is, as one document a router."""

from __future__ import annotations

import time

import sqlalchemy as sa
from pydantic import TypeAdapter

from rackless.model.inventory import Inventory
from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "inventory",
    metadata,
    owner_key(),
    sa.Column("router", sa.String(32), primary_key=True),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("taken", sa.Float, nullable=False),
)

INVENTORY = TypeAdapter(Inventory)


def put(db: sa.Connection, key: int, router: str, inventory: Inventory) -> None:
    """Keep the newest."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.router == router))
    document = INVENTORY.dump_python(inventory, mode="json")
    db.execute(table.insert().values(sandbox_id=key, router=router, document=document, taken=time.time()))


def drop(db: sa.Connection, key: int, router: str) -> None:
    """Forget a router that is no more, or is made anew."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.router == router))


def of(db: sa.Connection, key: int) -> dict[str, Inventory]:
    """Inventory by router."""
    rows = db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.router)).mappings()
    return {row["router"]: INVENTORY.validate_python(row["document"]) for row in rows}


def taken(db: sa.Connection, key: int) -> list[tuple[str, float, Inventory]]:
    """Router, when it was read (seconds since the epoch), and its inventory."""
    rows = db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.router)).mappings()
    return [(row["router"], row["taken"], INVENTORY.validate_python(row["document"])) for row in rows]
