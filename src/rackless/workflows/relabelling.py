"""Wires follow the labels of a router that calls its NICs otherwise than planned."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from rackless.model.lifecycle import WireState
from rackless.model.plan import Plan, PortRef
from rackless.planning.relabelling import moves, relabelled
from rackless.providers.contract import Carrier, at
from rackless.store import ports, sandboxes, wires
from rackless.workflows.driving import Tell
from rackless.workflows.segments import segment_of
from rackless.workflows.verb import Work


async def follow(work: Work, router: str, seen: dict[str, str], tell: Tell) -> Plan:
    """Move the wires of labels that are at other NICs, and the labels with them. Returns the plan as it is then.

    The place first, the store last: who is killed between finds all as it was, and does it again.
    """
    world, key = work.world, work.lab.id
    plan = (await world.database.run(sandboxes.by_id, key)).plan
    moved = moves(plan, router, seen)
    if not moved:
        return plan
    after = relabelled(plan, moved)
    plugged = {WireState.CONNECTED, WireState.DOWN}
    rows = [row for row in await world.database.run(wires.of, key, plan.sandbox) if row.state in plugged]
    rows = [row for row in rows if any(port in moved for port in row.ports)]
    tell(f"{router} has its ports in another order; moving {len(rows)} wires")
    for row in rows:
        for port in row.ports:  # the far end too: it speaks to the NIC that goes
            await world.provider.detach(port)
    for row in rows:
        a, b = row.ports
        now = replace(row, ports=(moved.get(a, a), moved.get(b, b)))
        segment = segment_of(world.site, after, now)
        await world.provider.ensure(segment)
        for port in now.ports:
            await world.provider.attach(port, segment)
            await _carrier(work, after, port, up=row.state is not WireState.DOWN)

    def record(db: sa.Connection) -> None:
        sandboxes.replan(db, key, after)
        wires.rejoin(db, key, moved)
        for spec in after.machines_of(router):
            ports.drop(db, key, spec.name)
            ports.add(db, key, spec)

    await world.database.run(record)
    return after


async def _carrier(work: Work, plan: Plan, port: PortRef, *, up: bool) -> None:
    spec = plan.machine(port.machine)
    assert spec is not None
    there = at(work.world.provider, plan.place_of(spec))
    if not up and isinstance(there, Carrier):
        await there.carrier(port, False)
