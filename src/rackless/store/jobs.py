"""Jobs: one durable run of a workflow, and its events: what was done and awaited, when, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rackless.model.errors import NotFoundError
from rackless.model.lifecycle import JobState
from rackless.observing import log
from rackless.store import events as feed
from rackless.store import sandboxes
from rackless.store.schema import metadata, owner

table = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    owner(),
    sa.Column("verb", sa.String(16), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("error", sa.JSON),
    sa.Column("result", sa.JSON),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sa.Column("cancelled", sa.Boolean, nullable=False, default=False),
    sa.Column("resumed", sa.Integer, nullable=False, default=0),
    sa.Column("server", sa.String(64), nullable=False, default="", server_default=""),
)
sa.Index("ix_jobs_sandbox_id_started", table.c.sandbox_id, table.c.started)
sa.Index("ix_jobs_state", table.c.state)

events = sa.Table(
    "job_events",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("step", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """`cancelled`: somebody asked it to stop. `resumed`: how often it went on after its server had died. `server`: which one
    it was given to; "" where there is only one."""

    id: str
    sandbox_id: int
    verb: str
    arguments: dict[str, Any]
    state: JobState
    error: dict[str, Any] | None
    result: Any
    started: float
    ended: float | None
    cancelled: bool
    resumed: int
    server: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """kind: `begin`, `note`, `done` or `failed`. `number` counts from 1 within the job."""

    job: str
    number: int
    time: float
    step: str
    kind: str
    text: str


def add(db: sa.Connection, job: str, key: int, verb: str, arguments: dict[str, Any]) -> None:
    db.execute(
        table.insert().values(
            id=job,
            sandbox_id=key,
            verb=verb,
            arguments=arguments,
            state=JobState.RUNNING.value,
            started=time.time(),
            cancelled=False,
            resumed=0,
        )
    )
    feed.add(db, key, "job", {"id": job, "verb": verb, "state": JobState.RUNNING.value})


def get(db: sa.Connection, job: str) -> JobRow:
    row = db.execute(table.select().where(table.c.id == job)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no job {job}.", hint="`rackless logs LAB` shows a lab's jobs.")
    return _row(row)


def of(db: sa.Connection, name: str) -> list[JobRow]:
    """All jobs of the newest lab of this name, oldest first; an ended lab's too."""
    key = sandboxes.latest(db, name)
    if key is None:
        raise NotFoundError(f"There is no lab named {name}.", hint="`rackless list` shows the labs.")
    return [_row(row) for row in db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.started)).mappings()]


def page(db: sa.Connection, name: str, most: int, after: tuple[float, str] | None = None) -> list[JobRow]:
    """Jobs of the newest lab of this name, newest first; `after`: only those before this start and id."""
    key = sandboxes.latest(db, name)
    if key is None:
        raise NotFoundError(f"There is no lab named {name}.", hint="`rackless list` shows the labs.")
    query = table.select().where(table.c.sandbox_id == key)
    if after is not None:
        query = query.where(sa.tuple_(table.c.started, table.c.id) < sa.tuple_(*after))
    return [_row(row) for row in db.execute(query.order_by(table.c.started.desc(), table.c.id.desc()).limit(most)).mappings()]


def running(db: sa.Connection, key: int | None = None) -> list[JobRow]:
    """Jobs that have not ended, of one sandbox or of all."""
    query = table.select().where(table.c.state == JobState.RUNNING.value).order_by(table.c.started)
    if key is not None:
        query = query.where(table.c.sandbox_id == key)
    return [_row(row) for row in db.execute(query).mappings()]


def running_ids(db: sa.Connection) -> list[str]:
    """Ids of all that have not ended."""
    query = sa.select(table.c.id).where(table.c.state == JobState.RUNNING.value).order_by(table.c.started)
    return list(db.execute(query).scalars())


def ask_cancel(db: sa.Connection, job: str) -> None:
    db.execute(table.update().where(table.c.id == job).values(cancelled=True))


def give(db: sa.Connection, job: str, server: str) -> None:
    """Note which server has it."""
    db.execute(table.update().where(table.c.id == job).values(server=server))


def resume(db: sa.Connection, job: str, server: str) -> None:
    """Count that the job goes on in another life of its server, or in another one."""
    db.execute(table.update().where(table.c.id == job).values(resumed=table.c.resumed + 1, server=server))


def cancelled(db: sa.Connection) -> list[str]:
    """Running jobs that were asked to stop."""
    query = sa.select(table.c.id).where(table.c.state == JobState.RUNNING.value, table.c.cancelled)
    return list(db.execute(query).scalars())


def end(db: sa.Connection, job: str, state: JobState, *, error: dict[str, Any] | None = None, result: Any = None) -> None:
    """Close the job; a job that was closed stays as it is."""
    row = get(db, job)
    if row.state is not JobState.RUNNING:
        return
    log.info("job %s: %s => %s%s", job, row.state.value, state.value, f" ({error['message']})" if error else "")
    values = {"state": state.value, "error": error, "result": result, "ended": time.time()}
    db.execute(table.update().where(table.c.id == job).values(**values))
    feed.add(db, row.sandbox_id, "job", {"id": job, "verb": row.verb, "state": state.value})


def note(db: sa.Connection, job: str, step: str, kind: str, text: str) -> Event:
    """Add an event."""
    last = db.execute(sa.select(sa.func.max(events.c.number)).where(events.c.job == job)).scalar() or 0
    clean = text.replace("\0", "")  # PostgreSQL takes no NUL, and a guest may say one
    event = Event(job=job, number=last + 1, time=time.time(), step=step[:128], kind=kind, text=clean)
    db.execute(events.insert().values(**vars(event)))
    lab = db.execute(sa.select(table.c.sandbox_id).where(table.c.id == job)).scalar_one()
    told = {"job": job, "number": event.number, "step": event.step, "kind": kind, "text": clean}
    feed.add(db, lab, "step", told)
    return event


def events_of(db: sa.Connection, job: str, after: int = 0) -> list[Event]:
    query = events.select().where(events.c.job == job, events.c.number > after).order_by(events.c.number)
    return [Event(**dict(row)) for row in db.execute(query).mappings()]


def _row(row: sa.RowMapping) -> JobRow:
    fields = dict(row)
    return JobRow(**{**fields, "state": JobState(fields["state"])})
