"""What routes are given, and how they start a job."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel

from rackless.api.errors import raise_kept
from rackless.api.hearing import heard
from rackless.model.lifecycle import JobState
from rackless.model.people import Caller
from rackless.sandboxes.booking import Booking, Kind
from rackless.store import jobs
from rackless.workflows.starting import ended, start
from rackless.workflows.world import World, world


async def _here() -> World:
    """FastAPI takes a thread for each dependency that is no coroutine: a millisecond of a request for nothing."""
    return world()


Here = Annotated[World, Depends(_here)]
__all__ = ["Here", "Started", "Wait", "begun", "ended", "started"]

Wait = Annotated[float, Query(ge=0, le=3600, description="Seconds to wait for the job's end before answering")]


class Started(BaseModel):
    """A job that was started, or (`kind` followed) one that goes on already; of a lab that is booked for later or waits (`kind`
    booked, waiting) there is none yet (""). `state` is the job's when the answer was made."""

    job: str
    lab: str
    kind: str
    was: str
    state: JobState
    result: Any = None


async def started(here: World, who: Caller, lab: str, booking: Booking, wait: float = 0) -> Started:
    """Start the booked job, if there is one yet. With `wait`, answer at its end; its error becomes the answer."""
    if not booking.job:
        state = JobState.SUCCEEDED if booking.kind is Kind.UNCHANGED else JobState.RUNNING
        return Started(job="", lab=lab, kind=booking.kind.value, was=booking.was, state=state)
    await start(here, booking.job)
    return await begun(here, who, lab, booking, wait)


async def begun(here: World, who: Caller, lab: str, booking: Booking, wait: float = 0) -> Started:
    """The same for a job that was started."""
    row = await here.database.read(jobs.get, booking.job)
    if wait:
        await ended(here, booking.job, wait)
        row = await here.database.read(jobs.get, booking.job)
        raise_kept(heard(who, row.error))
    result = heard(who, row.result)
    return Started(job=booking.job, lab=lab, kind=booking.kind.value, was=booking.was, state=row.state, result=result)
