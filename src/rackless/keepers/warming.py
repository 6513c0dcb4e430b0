"""Warm templates that a lab could have started from are made when it is up and nothing else is to do: the first pays nothing."""

from __future__ import annotations

import asyncio
import logging

import sqlalchemy as sa

from rackless.model.errors import RacklessError
from rackless.providers.contract import Warming
from rackless.store import jobs
from rackless.workflows.world import World

log = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds between two looks at whether anything else is to do."""


async def keep(world: World, place: Warming) -> None:
    """Make what is wanted, one after the other, until cancelled."""
    while True:
        await place.wanting()
        try:
            if await idle(world):
                await place.make_next()
                continue
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("warm templates: %s", error)
        await asyncio.sleep(LOOK)


async def idle(world: World) -> bool:
    """Whether no job runs and no machine boots here."""
    return not world.booting.waiting and not await world.database.read(jobs.running)
