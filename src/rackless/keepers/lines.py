"""Serial lines that this server opened because somebody looked, of machines that another server looks after: when such a machine
goes, or its lab, nobody here is told, and the line would be looked for for ever.
"""

from __future__ import annotations

import asyncio
import logging

import sqlalchemy as sa

from rackless.model.errors import RacklessError
from rackless.model.lifecycle import MachineState
from rackless.store import jobs, machines, sandboxes
from rackless.workflows.world import World

log = logging.getLogger(__name__)

RUNS = frozenset({MachineState.STARTING, MachineState.BOOTSTRAPPING, MachineState.RUNNING})
EVERY = 10.0
"""Seconds between two looks."""


async def keep(world: World) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            await look(world)
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("serial lines: %s", error)


async def look(world: World) -> None:
    """Close what is open of machines that do not run. A lab at which a job is at work is left to the job."""
    there = await world.database.read(_machines)
    for lab, machine in world.consoles.open_ones():
        if machine not in there.get(lab, frozenset()):
            await world.consoles.close(lab, machine)


def _machines(db: sa.Connection) -> dict[str, frozenset[str]]:
    """By lab."""
    busy = {job.sandbox_id for job in jobs.running(db)}
    found = {}
    for row in sandboxes.live(db):
        running = {one.name for one in machines.of(db, row.id) if one.state in RUNS}
        planned = {spec.name for spec in row.plan.machines} | {each.machine.name for each in row.leaving}
        found[row.name] = frozenset(planned if row.id in busy else running & planned)
    return found
