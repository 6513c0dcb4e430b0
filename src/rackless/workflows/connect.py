"""Connect: a booked wire is realised behind running machines. The guests see carrier come; nothing reboots."""

from __future__ import annotations

import asyncio

from rackless import durable
from rackless.model.lifecycle import WireState
from rackless.store import wires
from rackless.workflows.segments import segment_of
from rackless.workflows.verb import Work, carried_out

REWIRING = 30.0
"""Seconds; measured are milliseconds."""


@durable.workflow("connect")
async def connect(job: str) -> None:
    await carried_out(job, _connect)


async def _connect(work: Work) -> None:
    row = await wire_row(work)
    segment = segment_of(work.lab.plan, row)

    async def attach() -> None:
        await work.world.provider.ensure(segment)
        await asyncio.gather(*(work.world.provider.attach(port, segment) for port in row.ports))
        await work.world.database.run(wires.move, work.lab.id, row.segment, WireState.CONNECTED, "connect was asked for")

    try:
        await work.step("connect", attach, deadline=REWIRING, about=f"connecting {' and '.join(row.ends)}", tries=2)
    except Exception:
        # The wire that could not be made must not hold its two ports.
        await durable.step("undo", lambda: unwire(work, row), deadline=REWIRING, after_cancel=True)
        raise


async def wire_row(work: Work) -> wires.WireRow:
    """The wire that the job is about."""
    rows = await work.world.database.run(wires.of, work.lab.id, work.lab.name)
    return next(row for row in rows if row.segment == work.job.arguments["segment"])


async def unwire(work: Work, row: wires.WireRow) -> None:
    """Take both ends off, the segment away, and forget the wire."""
    from rackless.providers.contract import Ref, RefKind

    await asyncio.gather(*(work.world.provider.detach(port) for port in row.ports))
    await work.world.provider.remove(Ref(kind=RefKind.SEGMENT, sandbox=work.lab.name, name=row.segment))

    def forget(db: "object") -> None: ...

    await work.world.database.run(wires.move, work.lab.id, row.segment, WireState.DISCONNECTED, "disconnected")
    await work.world.database.run(wires.drop, work.lab.id, row.segment)
