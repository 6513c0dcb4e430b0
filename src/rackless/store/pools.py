"""Pools: numbers that one owner holds at a time (console ports, forwarded ports, segment numbers)."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from rackless.model.errors import CapacityError
from rackless.model.site import PoolRange
from rackless.store.schema import metadata, owner

table = sa.Table(
    "pools",
    metadata,
    sa.Column("pool", sa.String(48), primary_key=True),
    sa.Column("value", sa.Integer, primary_key=True, autoincrement=False),
    owner(),
    sa.Column("holder", sa.String(96), nullable=False),
    sa.UniqueConstraint("sandbox_id", "pool", "holder"),
)


def take(db: sa.Connection, pool: str, numbers: PoolRange, key: int, holder: str) -> int:
    """The number that the holder has, or a free one: the one after the highest that is taken, so that a number is not given
    again at once; when there is none, the lowest. Safe against others: the key is unique, and the caller's transaction gives it
    back when it fails.

    Raises:
        CapacityError: all are taken.
    """
    mine = db.execute(
        sa.select(table.c.value).where(table.c.sandbox_id == key, table.c.pool == pool, table.c.holder == holder)
    ).scalar()
    if mine is not None:
        return int(mine)
    value = _free(db, pool, numbers)
    if value is None:
        raise CapacityError(
            f"All {len(numbers)} numbers of the pool `{pool}` ({numbers.first} to {numbers.last}) are taken.",
            hint="Take a lab down with `rackless down LAB`, or widen the pool in site.yaml.",
        )
    db.execute(table.insert().values(pool=pool, value=value, sandbox_id=key, holder=holder))
    return value


def _free(db: sa.Connection, pool: str, numbers: PoolRange) -> int | None:
    ours = sa.and_(table.c.pool == pool, table.c.value.between(numbers.first, numbers.last))
    highest = db.execute(sa.select(sa.func.max(table.c.value)).where(ours)).scalar()
    if highest is None or highest < numbers.last:
        return numbers.first if highest is None else int(highest) + 1
    taken = set(db.execute(sa.select(table.c.value).where(ours)).scalars())
    return next((value for value in range(numbers.first, numbers.last) if value not in taken), None)


def give_back(db: sa.Connection, key: int, holder: str, *, but: Collection[int | None] = ()) -> None:
    """The numbers of one machine or segment of a sandbox, but for these: those that it holds itself, and those of its
    services."""
    mine = sa.or_(table.c.holder == holder, table.c.holder.startswith(f"{holder} ", autoescape=True))
    kept = [number for number in but if number is not None]
    db.execute(table.delete().where(table.c.sandbox_id == key, mine, table.c.value.not_in(kept)))


def of(db: sa.Connection, key: int) -> list[tuple[str, str]]:
    """(pool, holder) of every number that a sandbox holds."""
    return [
        (pool, holder) for pool, holder in db.execute(sa.select(table.c.pool, table.c.holder).where(table.c.sandbox_id == key))
    ]


def release(db: sa.Connection, key: int) -> int:
    """Give back all that a sandbox holds; returns how many."""
    return db.execute(table.delete().where(table.c.sandbox_id == key)).rowcount


def count(db: sa.Connection) -> dict[str, int]:
    """How many numbers are taken, by pool."""
    rows = db.execute(sa.select(table.c.pool, sa.func.count()).group_by(table.c.pool))
    return {pool: number for pool, number in rows}


def held(db: sa.Connection) -> dict[str, dict[str, int]]:
    """How many numbers each lab holds, by pool and the lab's name."""
    from rackless.store import sandboxes

    query = (
        sa.select(table.c.pool, sandboxes.table.c.name, sa.func.count())
        .join(sandboxes.table, sandboxes.table.c.id == table.c.sandbox_id)
        .group_by(table.c.pool, sandboxes.table.c.name)
        .order_by(table.c.pool, sandboxes.table.c.name)
    )
    found: dict[str, dict[str, int]] = {}
    for pool, lab, number in db.execute(query):
        found.setdefault(pool, {})[lab] = number
    return found
