"""Jobs are started here, and stopped: the same for a request of somebody's and for a time that has come."""

from __future__ import annotations

import asyncio
import logging

from rackless import durable
from rackless.lease import EVER, patience
from rackless.model.errors import DeadlineError
from rackless.sandboxes import booking
from rackless.store import history, jobs, sandboxes
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World

log = logging.getLogger(__name__)

BEGINNING = 5.0
"""Seconds that whoever asked for a job waits until it has begun: it is booked, and begins by itself."""
CANCELLING = 120.0
"""Seconds until a job that was told to stop has stopped."""


_beginning: set[asyncio.Task[None]] = set()


async def start(world: World, job: str) -> None:
    """Run a booked job here. While the database is away it has not begun when this returns, and begins when it is back; in
    maintenance another server begins it."""
    if world.idle.is_set():
        return
    if not world.database.shared:
        await _start(world, job)
        return
    task = asyncio.create_task(_start(world, job))
    _beginning.add(task)
    task.add_done_callback(_begun)
    await asyncio.wait({task}, timeout=BEGINNING)
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        raise error


def _begun(task: asyncio.Task[None]) -> None:
    _beginning.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a job could not be begun: %s", error)


async def _start(world: World, job: str) -> None:
    if world.database.shared and patience.get() != EVER:
        patience.set(60.0)  # it is booked: nobody has to ask again
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
