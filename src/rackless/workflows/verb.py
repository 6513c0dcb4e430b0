"""How a verb's job begins and ends: its row is read, and its end is recorded in one last step that a cancellation can't skip."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rackless import durable, metrics, observing
from rackless.model.errors import CancelledError, RacklessError
from rackless.model.lifecycle import JobState, SandboxState
from rackless.store import jobs, sandboxes
from rackless.workflows import progress
from rackless.workflows.world import World, world

CLERICAL = 60.0
"""Seconds for a step that only writes to the store."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A running job: its world, its row, its lab."""

    world: World
    job: jobs.JobRow
    lab: sandboxes.SandboxRow

    def tell(self, step: str) -> Callable[[str], None]:
        return self.world.progress.teller(self.job.id, step)

    async def step(
        self, name: str, body: Callable[[], Awaitable[Any]], *, deadline: float, about: str = "", tries: int = 1
    ) -> Any:
        return await progress.step(self.world.progress, name, body, deadline=deadline, about=about, tries=tries)


async def work_of(job: str) -> Work:
    """Read what the job is about; the same at every replay, because a job's arguments and a lab's plan never change."""
    here = world()
    row = await here.database.read(jobs.get, job)
    lab = await here.database.read(sandboxes.by_id, row.sandbox_id)
    observing.bind(lab=lab.name)
    return Work(world=here, job=row, lab=lab)


async def carried_out(job: str, verb: Callable[[Work], Awaitable[Any]], *, fails_lab: bool = False) -> Any:
    """Run the verb and record the job's end, good or bad. `fails_lab`: a failure leaves the lab FAILED.

    Raises:
        RacklessError: what the verb raised, after it was recorded.
    """
    work = await work_of(job)
    try:
        result = await verb(work)
    except RacklessError as error:
        await _end(work, JobState.FAILED, error=error, fails_lab=fails_lab)
        raise
    await _end(work, JobState.SUCCEEDED, result=result)
    return result


async def _end(
    work: Work, state: JobState, *, error: RacklessError | None = None, result: Any = None, fails_lab: bool = False
) -> None:
    def record(db: sa.Connection) -> None:
        lab = sandboxes.by_id(db, work.lab.id)
        # A crash between the step that made the lab ready and its record, then a cancellation: ready it is.
        if error is not None and fails_lab and lab.state in {SandboxState.DEPLOYING, SandboxState.TEARING_DOWN}:
            sandboxes.move(db, work.lab.id, SandboxState.FAILED, error.message)
        kept = durable.to_record(error) if error is not None else None
        jobs.end(db, work.job.id, state, error=kept, result=result)

    async def body() -> None:
        await work.world.database.run(record)
        how = "cancelled" if isinstance(error, CancelledError) else state.value
        metrics.JOBS.labels(work.job.verb, how).observe(time.time() - work.job.started)
        work.world.progress.wake(work.job.id)

    await durable.step("record the end", body, deadline=CLERICAL, after_cancel=True)
