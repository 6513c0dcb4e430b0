"""Machines: state of each VM of a sandbox, and what was learned about it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rackless.model.errors import NotFoundError
from rackless.model.lifecycle import MACHINE, MachineState
from rackless.model.plan import MachineSpec
from rackless.observing import change
from rackless.store import events, sandboxes
from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "machines",
    metadata,
    owner_key(),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(32), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("slot", sa.Integer),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("configured", sa.Boolean, nullable=False, default=False),
    sa.Column("host_keys", sa.JSON, nullable=False),
    sa.Column("transcript", sa.Text, nullable=False, default=""),
)


@dataclass(frozen=True, kw_only=True)
class MachineRow:
    """`configured`: its first set-up over the serial line is done. `host_keys`: OpenSSH public keys it reported.
    `transcript`: path of the console's transcript."""

    sandbox_id: int
    name: str
    owner: str
    role: str
    slot: int | None
    state: MachineState
    reason: str
    since: float
    configured: bool
    host_keys: tuple[str, ...]
    transcript: str


def add(db: sa.Connection, key: int, spec: MachineSpec, transcript: str) -> None:
    db.execute(
        table.insert().values(
            sandbox_id=key,
            name=spec.name,
            owner=spec.owner,
            role=spec.role.value,
            slot=spec.slot,
            state=MachineState.PLANNED.value,
            reason="",
            since=time.time(),
            configured=False,
            host_keys=[],
            transcript=transcript,
        )
    )


def drop(db: sa.Connection, key: int, name: str) -> None:
    """Forget a machine that was taken away."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.name == name))


def of(db: sa.Connection, key: int) -> list[MachineRow]:
    """All of a sandbox, by name."""
    return [_row(row) for row in db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.name)).mappings()]


def get(db: sa.Connection, key: int, name: str) -> MachineRow:
    row = db.execute(table.select().where(table.c.sandbox_id == key, table.c.name == name)).mappings().first()
    if row is None:
        raise NotFoundError(f"The lab has no machine named {name}.", hint="`rackless show LAB` lists its machines.")
    return _row(row)


def move(db: sa.Connection, key: int, name: str, state: MachineState, reason: str = "") -> None:
    """Change the state by its table, with a reason."""
    row = get(db, key, name)
    change(MACHINE, "machine", f"{sandboxes.by_id(db, key).name}/{name}", row.state, state, reason=reason)
    values: dict[str, Any] = {"state": state.value, "reason": reason}
    if state is not row.state:
        values["since"] = time.time()
    _update(db, key, name, values)
    if (state, reason) != (row.state, row.reason):
        told = {"name": name, "state": state.value, "reason": reason, "role": row.role}
        events.add(db, key, "machine", told)


def learn(db: sa.Connection, key: int, name: str, host_keys: tuple[str, ...]) -> None:
    """Keep the SSH host keys that the machine gave over a channel nobody else is on."""
    _update(db, key, name, {"host_keys": list(host_keys)})


def configured(db: sa.Connection, key: int, name: str) -> None:
    _update(db, key, name, {"configured": True})


def _update(db: sa.Connection, key: int, name: str, values: dict[str, Any]) -> None:
    db.execute(table.update().where(table.c.sandbox_id == key, table.c.name == name).values(**values))


def _row(row: sa.RowMapping) -> MachineRow:
    fields = dict(row)
    return MachineRow(**{**fields, "state": MachineState(fields["state"]), "host_keys": tuple(fields["host_keys"])})
