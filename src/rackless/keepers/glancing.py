"""What runs at clouds is looked at every while as long as somebody lists labs, so that a list has an answer without asking."""

from __future__ import annotations

import asyncio
import logging

import sqlalchemy as sa

from rackless.model.errors import RacklessError
from rackless.providers.contract import Several
from rackless.providers.glances import REFRESH
from rackless.store import sandboxes
from rackless.workflows.world import World

log = logging.getLogger(__name__)


async def keep(world: World) -> None:
    """Look until cancelled. A place that takes longer than the pause is asked one question after the other."""
    while isinstance(world.provider, Several):
        try:
            rows = await world.database.read(sandboxes.live)
            await world.provider.refresh_running([row.name for row in rows])
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("what runs: %s", error)
        await asyncio.sleep(REFRESH)
