"""Link: a wire goes down or up as if its cable were pulled: both ends lose or get their carrier; the wire stays booked."""

from __future__ import annotations

import asyncio

from rackless import durable
from rackless.model.errors import InputError
from rackless.model.lifecycle import WireState
from rackless.providers.contract import Carrier
from rackless.store import wires
from rackless.workflows.disconnect import REWIRING, wire_row
from rackless.workflows.verb import Work, carried_out


@durable.workflow("link")
async def link(job: str) -> None:
    await carried_out(job, _link)


async def _link(work: Work) -> None:
    ends, up = work.job.arguments["ends"], bool(work.job.arguments["up"])
    about = f"putting the wire {ends[0]} -- {ends[1]} {'up' if up else 'down'}"
    await work.step("link", lambda: _switch(work, up), deadline=REWIRING, about=about, tries=2)


async def _switch(work: Work, up: bool) -> None:
    row, provider = await wire_row(work), work.world.provider
    if row is None:
        return
    if not isinstance(provider, Carrier):
        raise InputError(
            f"The provider {provider.info.name} cannot switch carrier.",
            hint=f"Use `rackless disconnect {work.lab.name} {row.ends[0]} {row.ends[1]}`.",
        )
    await asyncio.gather(*(provider.carrier(port, up) for port in row.ports))
    state = WireState.CONNECTED if up else WireState.DOWN
    await work.world.database.run(wires.move, work.lab.id, row.segment, state, "link was asked for")
