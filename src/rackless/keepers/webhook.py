"""What happens to labs is told to a URL, in order and at least once: an entry is marked only after it was taken.

POST, JSON: {"lab": ..., "time": seconds since the epoch, "who": ..., "what": a state, "warned" or "extended", "why": ...}.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import httpx
import sqlalchemy as sa

from rackless.lease import EVER, patience
from rackless.store import history, sandboxes
from rackless.workflows.world import World

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks."""
AT_ONCE = 50
DEADLINE = 10.0
"""Seconds for one answer."""
LONGEST = 300.0
"""Seconds between two tries at most, when the other side does not take it."""
OLD = 3600.0
"""Seconds after which an entry is not told any more when the server starts: nobody wants yesterday's news at once."""


async def keep(world: World, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """Tell until cancelled. `transport`: for tests."""
    patience.set(EVER)
    await world.database.run(_forget, time.time() - OLD)
    pause = LOOK
    async with httpx.AsyncClient(timeout=DEADLINE, transport=transport) as client:
        while True:
            for number, body in await world.database.read(_next):
                try:
                    (await client.post(world.site.webhook, json=body)).raise_for_status()
                except httpx.HTTPError as error:
                    pause = min(max(2 * pause, LOOK), LONGEST)
                    log.warning("webhook: %s; tried again in %g s", error, pause)
                    break
                pause = LOOK
                await world.database.run(history.tell, number)
            await asyncio.sleep(pause)


def _forget(db: sa.Connection, before: float) -> None:
    db.execute(history.table.update().where(history.table.c.time < before).values(told=True))


def _next(db: sa.Connection) -> list[tuple[int, dict[str, Any]]]:
    return [
        (
            entry.id,
            {
                "lab": sandboxes.by_id(db, entry.sandbox_id).name,
                "time": entry.time,
                "who": entry.who,
                "what": entry.what,
                "why": entry.why,
            },
        )
        for entry in history.untold(db, AT_ONCE)
    ]
