"""Connect: a booked wire is realised behind running machines. The guests see carrier come; nothing reboots."""

from __future__ import annotations

import asyncio

from rackless import durable
from rackless.model.errors import RacklessError
from rackless.model.lifecycle import WireState
from rackless.store import wires
from rackless.workflows.disconnect import REWIRING, unwire, wire_row
from rackless.workflows.segments import segment_of
from rackless.workflows.verb import Work, carried_out


@durable.workflow("connect")
async def connect(job: str) -> None:
    await carried_out(job, _connect)


async def _connect(work: Work) -> None:
    ends = work.job.arguments["ends"]
    try:
        await work.step("connect", lambda: _attach(work), deadline=REWIRING, about=f"connecting {ends[0]} and {ends[1]}", tries=2)
    except RacklessError:
        # The wire that could not be made must not hold its two ports.
        await durable.step("undo", lambda: unwire(work), deadline=REWIRING, after_cancel=True)
        raise


async def _attach(work: Work) -> None:
    row = await wire_row(work)
    if row is None:
        return
    segment = segment_of(work.world.site, work.lab.plan, row)
    await work.world.provider.ensure(segment)
    await asyncio.gather(*(work.world.provider.attach(port, segment) for port in row.ports))
    await work.world.database.run(wires.move, work.lab.id, row.segment, WireState.CONNECTED, "connect was asked for")
