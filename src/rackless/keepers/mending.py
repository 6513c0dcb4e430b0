"""Impaired wires that carry nothing, because the program that carried their frames ended: they are impaired again."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import sqlalchemy as sa

from rackless.model.errors import RacklessError, StateError
from rackless.model.lifecycle import SandboxState, WireState
from rackless.providers.impairing import Impaired, impaired_at
from rackless.sandboxes import booking
from rackless.store import history, sandboxes, wires
from rackless.workflows import impair
from rackless.workflows.world import World

log = logging.getLogger(__name__)


async def mend(world: World) -> list[str]:
    """Book what brings them back. Returns the jobs; a lab at which another job is at work is left for the next time."""
    jobs: list[str] = []
    for row in await world.database.read(sandboxes.live):
        if row.state is not SandboxState.READY:
            continue
        try:
            found = await impaired_at(world.provider, row.plan)
        except RacklessError as error:
            log.warning("impaired wires of %s: %s", row.name, error)
            continue
        if silent := {segment: one for segment, one in found.items() if one.why}:
            jobs += await world.database.run(_book, row.name, silent)
    return jobs


def _book(db: sa.Connection, name: str, silent: Mapping[str, Impaired]) -> list[str]:
    """One at a time: a lab has one job. What else is silent is found the next time."""
    lab = sandboxes.find(db, name)
    if lab is None:
        return []
    for row in wires.of(db, lab.id, name):
        one = silent.get(row.segment)
        if one is None or row.state is WireState.DISCONNECTED:
            continue
        try:
            job = booking.book_job(db, name, "impair", impair.arguments(row, one.how)).job
        except StateError:
            return []  # somebody's job came first
        history.add(db, lab.id, "mended", f"the wire {' -- '.join(row.ends)} carried nothing: {one.why}")
        return [job]
    return []
