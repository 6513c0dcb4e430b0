"""Time goes on: booked labs begin, those that wait begin when they fit, the end of a lab is warned of and comes.

What is due is read in one transaction and decided there, so two servers never begin the same lab; what a crash interrupts is
due again at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field

import sqlalchemy as sa

from rackless.model.calendar import ALWAYS
from rackless.model.durations import spoken
from rackless.model.errors import CapacityError, RacklessError, StateError
from rackless.model.lifecycle import SandboxState
from rackless.sandboxes import booking, times
from rackless.store import sandboxes
from rackless.workflows.starting import start, take_down
from rackless.workflows.world import World

log = logging.getLogger(__name__)

LONGEST = 10.0
"""Seconds between two looks at most: the clock may be set, and on a shared store others book too."""
AGAIN = 5.0
"""Seconds until something that failed is tried again."""
GOING = frozenset({SandboxState.DEPLOYING, SandboxState.READY, SandboxState.FAILED})


@dataclass(kw_only=True)
class Due:
    """What a look found: jobs to start, labs whose time is over, and when something is due next."""

    jobs: list[str] = field(default_factory=list)
    over: list[sandboxes.SandboxRow] = field(default_factory=list)
    next: float = ALWAYS


def look(db: sa.Connection, place: times.Place, now: float) -> Due:
    """Begin what is due, warn of what ends soon; say what else there is to do."""
    found, later = sandboxes.due(db, now, place.site.warn_before)
    due = Due(next=later)
    for row in found:
        if row.state is SandboxState.BOOKED and row.span.begins <= now:
            _begin(db, row, place, due, "its time has come")
        if row.span.ends <= now:
            due.over.append(row)
        elif row.state in GOING and not row.warned and row.span.ends - place.site.warn_before <= now:
            sandboxes.warn(db, row.id, f"ends at {times.moment(row.span.ends)}, in {spoken(row.span.ends - now)}")
    for key, stay in times.queued(db, place, now).items():
        if stay.span.begins <= now:
            sandboxes.respan(db, key, stay.span)
            _begin(db, sandboxes.by_id(db, key), place, due, "it fits now")
        else:
            due.next = min(due.next, stay.span.begins)
    return due


def _begin(db: sa.Connection, row: sandboxes.SandboxRow, place: times.Place, due: Due, why: str) -> None:
    try:
        with db.begin_nested():
            due.jobs.append(booking.begin(db, row.id, place, why))
    except CapacityError as error:
        sandboxes.move(db, row.id, SandboxState.FAILED, error.message)
    except StateError as error:  # a lock of it is not free: it waits, and may end so
        if row.reason != error.message:
            sandboxes.move(db, row.id, row.state, error.message)
        due.next = min(due.next, time.time() + AGAIN)


async def keep(world: World) -> None:
    """Do what is due until cancelled."""
    ending: dict[int, asyncio.Task[None]] = {}
    while True:
        world.changed.clear()
        pause = AGAIN
        try:
            due = await world.database.run(look, world.place, time.time())
            for job in due.jobs:
                await start(world, job)
            for row in due.over:
                if row.id not in ending or ending[row.id].done():
                    ending[row.id] = asyncio.create_task(_end(world, row))
            pause = min(max(due.next - time.time(), 0.01), AGAIN if due.over else LONGEST)
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("timekeeper: %s", error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(world.changed.wait(), pause)


async def _end(world: World, row: sandboxes.SandboxRow) -> None:
    try:
        await take_down(world, row.name, "its time is over", saves=row.saves)
    except RacklessError as error:
        log.warning("the end of lab %s: %s", row.name, error.message)
