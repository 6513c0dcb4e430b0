"""What routes are given, and how they start a job."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel

from rackless import durable
from rackless.api.errors import raise_kept
from rackless.model.lifecycle import JobState
from rackless.sandboxes.booking import Booking
from rackless.store import jobs
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World, world

Here = Annotated[World, Depends(world)]
Wait = Annotated[float, Query(ge=0, le=3600, description="Seconds to wait for the job's end before answering")]


class Started(BaseModel):
    """A job that was started, or (`kind` followed) one that goes on already. `state` is the job's when the answer was made."""

    job: str
    lab: str
    kind: str
    was: str
    state: JobState
    result: Any = None


async def started(here: World, lab: str, booking: Booking, wait: float = 0) -> Started:
    """Start the booked job. With `wait`, answer at its end; its error becomes the answer."""
    row = await here.database.run(jobs.get, booking.job)
    if here.server:
        await here.database.run(jobs.give, booking.job, here.server)
    await durable.start(VERBS[row.verb], booking.job, booking.job)
    if wait:
        await ended(here, booking.job, wait)
        row = await here.database.run(jobs.get, booking.job)
        raise_kept(row.error)
    return Started(job=booking.job, lab=lab, kind=booking.kind.value, was=booking.was, state=row.state, result=row.result)


async def ended(here: World, job: str, seconds: float) -> bool:
    """Wait for a job's end; False when the time is over before."""

    async def follow() -> None:
        async for _ in here.progress.follow(job):
            pass

    try:
        await asyncio.wait_for(follow(), seconds)
    except TimeoutError:
        return False
    return True
