"""What there is of what, in numbers: a few queries that count, however many labs there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.calendar import RESOURCES, Amounts, amounts
from rackless.model.lifecycle import JobState, MachineState, SandboxState
from rackless.store import jobs, machines, pools, sandboxes
from rackless.store.database import Database

IN_STORE = tuple(state for state in SandboxState if state is not SandboxState.ENDED)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """`labs` that have not ended and `machines`, by state; `jobs` that run, by verb; numbers taken of `pools`; `held`: what is
    booked of the capacity now; `bytes` of the store and its record on disk."""

    labs: dict[str, int]
    machines: dict[str, int]
    jobs: dict[str, int]
    pools: dict[str, int]
    held: Amounts
    bytes: int


def count(db: sa.Connection, database: Database, now: float) -> Counts:
    def by(column: sa.Column[str], *which: sa.ColumnElement[bool]) -> dict[str, int]:
        return {name: number for name, number in db.execute(sa.select(column, sa.func.count()).where(*which).group_by(column))}

    labs = sandboxes.table.c
    return Counts(
        labs=dict.fromkeys(IN_STORE, 0) | by(labs.state, labs.state != SandboxState.ENDED.value),
        machines=dict.fromkeys(MachineState, 0) | by(machines.table.c.state),
        jobs=by(jobs.table.c.verb, jobs.table.c.state == JobState.RUNNING.value),
        pools=pools.count(db),
        held=_held(db, now),
        bytes=database.bytes(db),
    )


def _held(db: sa.Connection, now: float) -> Amounts:
    """As `sandboxes.stays` has it, at this moment: who waits holds nothing, who is booked only in their time."""
    labs = sandboxes.table.c
    booked = sa.and_(labs.begins <= now, sa.or_(labs.ends.is_(None), labs.ends > now))
    quiet = (SandboxState.ENDED.value, SandboxState.WAITING.value)
    which = labs.state.not_in(quiet) & sa.or_(labs.state != SandboxState.BOOKED.value, booked)
    sums = db.execute(sa.select(*(sa.func.sum(labs[name]).label(name) for name in RESOURCES)).where(which)).mappings().one()
    others: Counter[str] = Counter()
    for mine in db.execute(sa.select(labs.others).where(which)).scalars():
        others.update(mine)
    return amounts({name: float(sums[name] or 0) for name in RESOURCES}, others)
