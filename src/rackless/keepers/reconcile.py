"""At the start and every few minutes: what the place has is compared with the store. What came back is adopted, what stopped is
noted and, if the site says so, brought back; a wire that carries nothing is mended; leftovers are only told: `rackless audit
--remove` takes them away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import sqlalchemy as sa

from rackless import metrics
from rackless.keepers import mending
from rackless.model.errors import RacklessError, StateError
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.sandboxes import booking
from rackless.store import history, machines, sandboxes
from rackless.workflows.audit import Difference, Finding, audit, title
from rackless.workflows.starting import start
from rackless.workflows.world import World

log = logging.getLogger(__name__)


async def keep(world: World) -> None:
    """Compare until cancelled."""
    told: set[str] = set()
    while True:
        try:
            found = await audit(world)
            leftovers = {title(one.ref) for one in found if one.difference is Difference.LEFTOVER}
            for name in sorted(leftovers - told):
                log.warning("leftover: %s; `rackless audit --remove` takes it away", name)
            told = leftovers
            for one in found:
                if one.difference is Difference.SILENT:
                    log.warning("the place %s does not answer: %s", one.ref.name, one.reason)
            metrics.LEFTOVERS.set(len(leftovers))
            for job in [*await world.database.run(settle, found, heal=world.site.heal), *await mending.mend(world)]:
                await start(world, job)
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("reconcile: %s", error)
        await asyncio.sleep(world.site.reconcile_every)


def settle(db: sa.Connection, found: Iterable[Finding], *, heal: bool) -> list[str]:
    """Write down what was found; with `heal`, book the jobs that bring back what stopped. Returns the jobs."""
    hurt: set[str] = set()
    for one in found:
        row = sandboxes.find(db, one.ref.sandbox)
        if row is None or row.state is not SandboxState.READY:
            continue
        if one.difference in {Difference.STOPPED, Difference.MISSING}:
            hurt.add(row.name)
            if not one.known:
                why = "it is not running any more" if one.difference is Difference.STOPPED else "it is not there any more"
                machines.move(db, row.id, one.ref.name, MachineState.STOPPED, why)
                history.add(db, row.id, one.difference.value, f"{one.ref.name}: {why}")
        elif one.difference is Difference.RETURNED:
            machines.move(db, row.id, one.ref.name, MachineState.STARTING, "it was found running")
            machines.move(db, row.id, one.ref.name, MachineState.RUNNING, "it was found running")
            history.add(db, row.id, one.difference.value, f"{one.ref.name}: it was found running")
    return [job for name in sorted(hurt) if heal and (job := _healing(db, name))]


def _healing(db: sa.Connection, name: str) -> str:
    try:
        return booking.book_healing(db, name).job
    except StateError:
        return ""  # a job of somebody's came first: what it leaves is looked at the next time
