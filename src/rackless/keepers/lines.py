"""Serial lines of a server: of machines that run when it starts, so that their transcripts go on; and no longer of those that do
not, when another server looks after them and nobody here is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from pathlib import Path

import sqlalchemy as sa

from rackless.model.errors import RacklessError
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.providers.contract import Ref, RefKind, survey
from rackless.store import jobs, machines, sandboxes, secrets
from rackless.workflows.world import World

log = logging.getLogger(__name__)

RUNS = frozenset({MachineState.STARTING, MachineState.BOOTSTRAPPING, MachineState.RUNNING})
EVERY = 10.0
"""Seconds between two looks."""


async def keep(world: World) -> None:
    """Until cancelled."""
    looking = _open_all
    while True:
        try:
            await looking(world)
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("serial lines: %s", error)
        if not world.database.shared:
            await asyncio.Future()  # each machine that goes tells its own server
        looking = look
        await asyncio.sleep(EVERY)


async def _open_all(world: World) -> None:
    """Open the line of each machine that runs, one after the other: whoever asks the server something is not kept waiting, and
    who wants a line that was not reached yet opens it. Repeating it is a no-op."""
    try:
        seen = await survey(world.provider)
    except RacklessError as error:
        log.warning("serial lines stay closed: %s", error.message)
        return
    if seen.silent:
        log.warning("serial lines stay closed there: %s", seen)
    labs: dict[str, list[Ref]] = defaultdict(list)
    for ref in seen.refs:
        if ref.kind is RefKind.MACHINE and ref.running:
            labs[ref.sandbox].append(ref)
    for lab, refs in labs.items():
        found = await world.database.read(_lines, lab)
        for ref in refs:
            if ref.name in found:
                transcript, hidden = found[ref.name]
                await world.consoles.open(ref, Path(transcript), hidden)
                await asyncio.sleep(0)
    known = await world.database.read(_machines)
    for lab, machine in world.consoles.open_ones():
        if (lab, machine) not in known:  # it went while this was on its way to it
            await world.consoles.close(lab, machine)


def _lines(db: sa.Connection, lab: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By machine: where its transcript is, and what must not be in it. Nothing of a lab that is not there any more."""
    live = sa.select(sandboxes.table.c.id).where(
        sandboxes.table.c.name == lab, sandboxes.table.c.state != SandboxState.ENDED.value
    )
    key = db.execute(live).scalar()
    if key is None:
        return {}
    return {row.name: (row.transcript, tuple(secrets.of(db, key, row.owner).values())) for row in machines.of(db, key)}


async def look(world: World) -> None:
    """Close what is open of machines that do not run. A lab at which a job is at work is left to the job."""
    known = await world.database.read(_machines)
    for lab, machine in world.consoles.open_ones():
        if not known.get((lab, machine), False):
            await world.consoles.close(lab, machine)


def _machines(db: sa.Connection) -> dict[tuple[str, str], bool]:
    """By lab and name: whether it runs, or may, because a job is at work at its lab."""
    busy = {job.sandbox_id for job in jobs.running(db)}
    lab, machine = sandboxes.table.c, machines.table.c
    query = sa.select(lab.id, lab.name, machine.name, machine.state).where(
        machine.sandbox_id == lab.id, lab.state != SandboxState.ENDED.value
    )
    return {(name, of_it): key in busy or state in RUNS for key, name, of_it, state in db.execute(query)}
