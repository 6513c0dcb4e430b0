"""Disconnect: both ports leave the wire's segment, which goes. The guests see carrier go; nothing reboots."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from rackless import durable
from rackless.model.lifecycle import WireState
from rackless.providers.contract import Ref, RefKind
from rackless.sandboxes import numbers
from rackless.store import sandboxes, wires
from rackless.workflows.verb import Work, carried_out

REWIRING = 30.0
"""Seconds to move a wire; measured are milliseconds."""


@durable.workflow("disconnect")
async def disconnect(job: str) -> None:
    await carried_out(job, _disconnect)


async def _disconnect(work: Work) -> None:
    ends = work.job.arguments["ends"]
    about = f"disconnecting {ends[0]} and {ends[1]}"
    await work.step("disconnect", lambda: unwire(work), deadline=REWIRING, about=about, tries=2)


async def wire_row(work: Work) -> wires.WireRow | None:
    """The wire that the job is about; None when it is gone (a repeated step)."""
    return await _row(work, work.job.arguments["segment"])


async def _row(work: Work, segment: str) -> wires.WireRow | None:
    rows = await work.world.database.run(wires.of, work.lab.id, work.lab.name)
    return next((row for row in rows if row.segment == segment), None)


async def unwire(work: Work) -> None:
    await unwire_segment(work, work.job.arguments["segment"])


def _places(work: Work, row: wires.WireRow) -> set[str]:
    """Where the wire's machines are, and where those are that are on their way out."""
    plan, ends = work.lab.plan, {port.machine for port in row.ports}
    specs = (*plan.machines, *(each.machine for each in work.lab.leaving))
    return {plan.place_of(spec) for spec in specs if spec.name in ends} or set(plan.places)


async def unwire_segment(work: Work, segment: str) -> None:
    """Take both ends off, take the segment away, forget the wire."""
    row = await _row(work, segment)
    if row is None:
        return
    provider, name = work.world.provider, work.lab.name
    await asyncio.gather(*(provider.detach(port) for port in row.ports))
    places = sorted(_places(work, row))
    await asyncio.gather(
        *(provider.remove(Ref(kind=RefKind.SEGMENT, sandbox=name, name=row.segment, place=place)) for place in places)
    )

    def forget(db: sa.Connection) -> None:
        wires.move(db, work.lab.id, row.segment, WireState.DISCONNECTED, "disconnected")
        wires.drop(db, work.lab.id, row.segment)
        mine = sandboxes.by_id(db, work.lab.id)
        before = numbers.drawn(db, mine.id, mine.plan)
        numbers.trim(db, mine.id, mine.plan, segment=row.segment)
        given = before - numbers.drawn(db, mine.id, mine.plan)
        if any(given.others.values()):
            sandboxes.hold(db, mine.id, mine.amounts - given)

    await work.world.database.run(forget)
    work.world.changed.set()  # the number that it gave back may be what another waits for
