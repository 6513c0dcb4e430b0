"""Jobs that nobody works on although they have no end: a full disk, or too many open files, kept the record from being written.

Such a job is not lost: the record has all that it did. A server that finds one ends itself, and whoever starts it anew (systemd,
the next command) has it go on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import sqlalchemy as sa

from rackless import durable
from rackless.durable import Work
from rackless.model.errors import RacklessError
from rackless.store import jobs
from rackless.workflows.starting import start
from rackless.workflows.world import World

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks."""
PATIENCE = 4
"""Looks in a row at which nobody works on a job, until it is taken for stranded."""


async def keep(world: World, give_up: Callable[[], None]) -> None:
    """Look until cancelled. A job that was never begun (whoever asked for it went away in that moment) is begun."""
    seen: dict[str, int] = {}
    while True:
        await asyncio.sleep(LOOK)
        try:
            mine = [job.id for job in await world.database.read(jobs.running) if job.server in {"", world.server}]
            seen = {job: seen.get(job, 0) + 1 for job in mine if durable.work_on(job) is not Work.GOES_ON}
            idle = [job for job, looks in seen.items() if looks >= PATIENCE]
            if stranded := [job for job in idle if durable.work_on(job) is Work.ENDED]:
                log.critical("the record of %s could not be written: ending, to go on from the record", ", ".join(stranded))
                give_up()
                return
            for job in idle:
                log.warning("nobody works on job %s: it is begun", job)
                await start(world, job)
        except (sa.exc.SQLAlchemyError, RacklessError) as error:
            log.warning("looking for stranded jobs: %s", error)
