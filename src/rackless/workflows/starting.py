"""Jobs are started here, and stopped: the same for a request of somebody's and for a time that has come."""

from __future__ import annotations

import asyncio

from rackless import durable
from rackless.model.errors import DeadlineError
from rackless.sandboxes import booking
from rackless.store import history, jobs, sandboxes
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World

CANCELLING = 120.0
"""Seconds until a job that was told to stop has stopped."""


async def start(world: World, job: str) -> None:
    """Run a booked job here."""
    row = await world.database.read(jobs.get, job)
    if world.server:
        await world.database.run(jobs.give, job, world.server)
    await durable.start(VERBS[row.verb], job, job)


async def ended(world: World, job: str, seconds: float) -> bool:
    """Wait for a job's end; False when the time is over before."""

    async def follow() -> None:
        async for _ in world.progress.follow(job):
            pass

    try:
        await asyncio.wait_for(follow(), seconds)
    except TimeoutError:
        return False
    return True


async def take_down(world: World, name: str, why: str, *, saves: bool = False, who: str = history.SELF) -> booking.Booking:
    """Stop what runs on the lab, and begin its teardown; one that has begun is followed.

    Raises:
        DeadlineError: a job did not stop.
    """
    row = await world.database.read(sandboxes.get, name)
    for job in await world.database.read(jobs.running, row.id):
        if job.verb == "teardown":
            continue
        await world.database.run(jobs.ask_cancel, job.id)
        durable.cancel(job.id)
        if not await ended(world, job.id, CANCELLING):
            raise DeadlineError(
                f"Job {job.id} did not stop within {CANCELLING:g} s.", hint=f"Run `rackless down {row.name}` again."
            )
    booked = await world.database.run(booking.book_teardown, name, why, saves=saves, who=who, rules=world.site.hooks)
    await start(world, booked.job)
    return booked
