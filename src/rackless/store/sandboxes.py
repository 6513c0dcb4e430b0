"""Sandboxes: what is booked, what was planned for it, and how it stands. Ended ones stay as history."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from rackless.model.errors import NotFoundError
from rackless.model.lifecycle import SANDBOX, SandboxState
from rackless.model.plan import Plan
from rackless.model.suggestions import nearest
from rackless.observing import change
from rackless.store.schema import metadata

table = sa.Table(
    "sandboxes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("boot_id", sa.String(64), nullable=False),
)
# A name is taken by one sandbox that has not ended.
sa.Index(
    "ix_sandboxes_live_name",
    table.c.name,
    unique=True,
    sqlite_where=table.c.state != "ended",
    postgresql_where=table.c.state != "ended",
)

PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, kw_only=True)
class SandboxRow:
    """`digest`: of the blueprint, to tell the same from another. `boot_id`: of the host when its machines were started."""

    id: int
    name: str
    state: SandboxState
    reason: str
    digest: str
    plan: Plan
    created: float
    since: float
    boot_id: str


def add(db: sa.Connection, *, plan: Plan, digest: str, boot_id: str) -> int:
    """A new sandbox in state DEPLOYING. The plan must hold no secret. Returns its id."""
    now = time.time()
    result = db.execute(
        table.insert().values(
            name=plan.sandbox,
            state=SandboxState.DEPLOYING.value,
            reason="",
            digest=digest,
            plan=PLAN.dump_python(plan, mode="json"),
            created=now,
            since=now,
            boot_id=boot_id,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def find(db: sa.Connection, name: str) -> SandboxRow | None:
    """The sandbox of this name that has not ended."""
    row = db.execute(table.select().where(table.c.name == name, table.c.state != SandboxState.ENDED.value)).mappings().first()
    return _row(row) if row else None


def get(db: sa.Connection, name: str) -> SandboxRow:
    """The same; raises NotFoundError when there is none."""
    found = find(db, name)
    if found is None:
        near = nearest(name, [row.name for row in live(db)])
        guess = f"Did you mean '{near}'? " if near else ""
        raise NotFoundError(f"There is no lab named {name}.", hint=f"{guess}`rackless list` shows the labs.")
    return found


def by_id(db: sa.Connection, key: int) -> SandboxRow:
    row = db.execute(table.select().where(table.c.id == key)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no lab with the number {key}.")
    return _row(row)


def live(db: sa.Connection) -> list[SandboxRow]:
    """All that have not ended, by name."""
    rows = db.execute(table.select().where(table.c.state != SandboxState.ENDED.value).order_by(table.c.name)).mappings()
    return [_row(row) for row in rows]


def latest(db: sa.Connection, name: str) -> int | None:
    """Id of the newest sandbox of this name, ended or not."""
    key = db.execute(sa.select(sa.func.max(table.c.id)).where(table.c.name == name)).scalar()
    return None if key is None else int(key)


def move(db: sa.Connection, key: int, state: SandboxState, reason: str = "") -> None:
    """Change the state by its table, with a reason."""
    row = by_id(db, key)
    change(SANDBOX, "sandbox", row.name, row.state, state, reason=reason)
    values: dict[str, Any] = {"state": state.value, "reason": reason}
    if state is not row.state:
        values["since"] = time.time()
    db.execute(table.update().where(table.c.id == key).values(**values))


def booted(db: sa.Connection, key: int, boot_id: str) -> None:
    """Note in which boot of the host the machines were started."""
    db.execute(table.update().where(table.c.id == key).values(boot_id=boot_id))


def replan(db: sa.Connection, key: int, plan: Plan) -> None:
    """Keep another plan (with what came out of the pools). It must hold no secret."""
    db.execute(table.update().where(table.c.id == key).values(plan=PLAN.dump_python(plan, mode="json")))


def _row(row: sa.RowMapping) -> SandboxRow:
    fields = dict(row)
    return SandboxRow(**{**fields, "state": SandboxState(fields["state"]), "plan": PLAN.validate_python(fields["plan"])})
