"""Wires: what joins which ports now, over which segment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.blueprint import End, Wire
from rackless.model.lifecycle import WIRE, WireState
from rackless.model.plan import PortRef, WireSpec
from rackless.observing import change
from rackless.store import events, sandboxes
from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "wires",
    metadata,
    owner_key(),
    sa.Column("segment", sa.String(64), primary_key=True),
    sa.Column("end_a", sa.String(64), nullable=False),
    sa.Column("end_b", sa.String(64), nullable=False),
    sa.Column("machine_a", sa.String(64), nullable=False),
    sa.Column("nic_a", sa.Integer, nullable=False),
    sa.Column("machine_b", sa.String(64), nullable=False),
    sa.Column("nic_b", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("drawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("number", sa.Integer),
)


@dataclass(frozen=True, kw_only=True)
class WireRow:
    """`ends` as the user writes them (west:ge-0/0/0), `ports` the NICs behind them, in the same order. `drawn`: live, by
    somebody; no blueprint has it."""

    sandbox_id: int
    segment: str
    ends: tuple[str, str]
    ports: tuple[PortRef, PortRef]
    state: WireState
    reason: str
    since: float
    drawn: bool
    number: int | None = None
    """Of its segment, if it was drawn live; that of a planned one is in the plan."""

    @property
    def wire(self) -> Wire:
        a, b = (End(owner=owner, port=port) for owner, _, port in (end.partition(":") for end in self.ends))
        return Wire(ends=(a, b))


def put(db: sa.Connection, key: int, wire: WireSpec, *, drawn: bool = False, number: int | None = None) -> None:
    """A row for the wire in state PLANNED, unless there is one for its segment."""
    if db.execute(table.select().where(table.c.sandbox_id == key, table.c.segment == wire.segment)).first():
        return
    a, b = wire.ports
    db.execute(
        table.insert().values(
            sandbox_id=key,
            segment=wire.segment,
            end_a=str(wire.wire.ends[0]),
            end_b=str(wire.wire.ends[1]),
            machine_a=a.machine,
            nic_a=a.nic,
            machine_b=b.machine,
            nic_b=b.nic,
            state=WireState.PLANNED.value,
            reason="",
            since=time.time(),
            drawn=drawn,
            number=number,
        )
    )


def adopt(db: sa.Connection, key: int, segments: Iterable[str]) -> None:
    """A blueprint has these wires now."""
    db.execute(table.update().where(table.c.sandbox_id == key, table.c.segment.in_(list(segments))).values(drawn=False))


def of(db: sa.Connection, key: int, sandbox: str) -> list[WireRow]:
    rows = db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.end_a, table.c.end_b)).mappings()
    return [_row(row, sandbox) for row in rows]


def move(db: sa.Connection, key: int, segment: str, state: WireState, reason: str = "") -> None:
    """Change the state by its table, with a reason."""
    where = (table.c.sandbox_id == key, table.c.segment == segment)
    row = db.execute(table.select().where(*where)).mappings().one()
    old = WireState(row["state"])
    change(WIRE, "wire", f"{sandboxes.by_id(db, key).name}/{row['end_a']} -- {row['end_b']}", old, state, reason=reason)
    if state is not old:
        db.execute(table.update().where(*where).values(state=state.value, reason=reason, since=time.time()))
        events.add(db, key, "link", {"ends": [row["end_a"], row["end_b"]], "state": state.value})


def rejoin(db: sa.Connection, key: int, moved: Mapping[PortRef, PortRef]) -> None:
    """The ends of wires at these ports are at others now."""
    for row in list(db.execute(table.select().where(table.c.sandbox_id == key)).mappings()):
        for side in ("a", "b"):
            here = (row[f"machine_{side}"], row[f"nic_{side}"])
            to = next((new for old, new in moved.items() if (old.machine, old.nic) == here), None)
            if to is not None:
                where = (table.c.sandbox_id == key, table.c.segment == row["segment"])
                db.execute(table.update().where(*where).values({f"machine_{side}": to.machine, f"nic_{side}": to.nic}))


def drop(db: sa.Connection, key: int, segment: str) -> None:
    """Forget a wire that was disconnected."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.segment == segment))


def _row(row: sa.RowMapping, sandbox: str) -> WireRow:
    return WireRow(
        sandbox_id=row["sandbox_id"],
        segment=row["segment"],
        ends=(row["end_a"], row["end_b"]),
        ports=(
            PortRef(sandbox=sandbox, machine=row["machine_a"], nic=row["nic_a"]),
            PortRef(sandbox=sandbox, machine=row["machine_b"], nic=row["nic_b"]),
        ),
        state=WireState(row["state"]),
        reason=row["reason"],
        since=row["since"],
        drawn=row["drawn"],
        number=row["number"],
    )
