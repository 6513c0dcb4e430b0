"""Labs in a list: what is told of each without its plan, and how its machines stand, counted by the store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.calendar import ALWAYS, Span
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.store import machines, sandboxes, users

ON = (MachineState.RUNNING.value, MachineState.STOPPED.value)
"""States of machines that were on once and should be."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A lab without its plan. `machines`: how many it has; `on`: how many of them were on once and should be."""

    id: int
    name: str
    state: SandboxState
    reason: str
    created: float
    since: float
    boot_id: str
    owner: str
    span: Span
    warned: bool
    provider: str
    routers: int
    hosts: int
    memory: int
    machines: int
    on: int


def page(db: sa.Connection, most: int, after: str = "", *, seen_by: str | None = None) -> list[Outline]:
    """Labs that have not ended, by name, after this one. `seen_by`: only a user's own and those shared with them."""
    lab = sandboxes.table
    columns = ("id", "name", "state", "reason", "created", "since", "boot_id", "owner", "begins", "ends", "warned", "outline")
    query = sa.select(*(lab.c[name] for name in columns)).where(lab.c.state != SandboxState.ENDED.value, lab.c.name > after)
    if seen_by is not None:
        shared = sa.select(users.shares.c.sandbox_id).where(users.shares.c.user == seen_by)
        query = query.where(sa.or_(lab.c.owner == seen_by, lab.c.id.in_(shared)))
    rows = list(db.execute(query.order_by(lab.c.name).limit(most)))
    counts = _counts(db, [row.id for row in rows])
    return [
        Outline(
            id=row.id,
            name=row.name,
            state=SandboxState(row.state),
            reason=row.reason,
            created=row.created,
            since=row.since,
            boot_id=row.boot_id,
            owner=row.owner,
            span=Span(begins=row.begins, ends=ALWAYS if row.ends is None else row.ends),
            warned=row.warned,
            machines=counts.get(row.id, (0, 0))[0],
            on=counts.get(row.id, (0, 0))[1],
            **row.outline,
        )
        for row in rows
    ]


def _counts(db: sa.Connection, keys: Collection[int]) -> dict[int, tuple[int, int]]:
    """By lab: its machines, and those that should be on."""
    table = machines.table
    on = sa.func.sum(sa.case((table.c.state.in_(ON), 1), else_=0))
    query = sa.select(table.c.sandbox_id, sa.func.count(), on).where(table.c.sandbox_id.in_(keys)).group_by(table.c.sandbox_id)
    return {key: (int(count), int(of_them)) for key, count, of_them in db.execute(query)}


def should_run(db: sa.Connection, keys: Collection[int]) -> dict[int, list[str]]:
    """The names of the machines that should be on, by lab."""
    table = machines.table
    query = sa.select(table.c.sandbox_id, table.c.name).where(table.c.sandbox_id.in_(keys), table.c.state.in_(ON))
    found: dict[int, list[str]] = {key: [] for key in keys}
    for key, name in db.execute(query.order_by(table.c.sandbox_id, table.c.name)):
        found[key].append(name)
    return found
