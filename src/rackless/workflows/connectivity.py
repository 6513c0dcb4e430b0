"""One action of CloudShell's ApplyConnectivityChanges on a lab: a NIC joins a VLAN or leaves it.

Here a VLAN is a wire: it comes into being when its second NIC joins, and goes when one of the two leaves. A wire carries any
frame, so Access and Trunk are realised alike.
"""

from __future__ import annotations

import sqlalchemy as sa

from rackless.durable import from_record
from rackless.exchange.cloudshell import Action, Done, VlanVerb, machine_of, nics_of
from rackless.model.blueprint import End
from rackless.model.errors import DeadlineError, RacklessError, StateError
from rackless.model.lifecycle import WireState
from rackless.model.plan import MachineSpec, NicSpec, Plan
from rackless.planning import check_reach, wire
from rackless.providers.contract import survey
from rackless.sandboxes import booking
from rackless.store import jobs, sandboxes, vlans, wires
from rackless.workflows.starting import ended, start
from rackless.workflows.world import World

REWIRING = 60.0
"""Seconds for the job of one action."""


async def one(world: World, lab: str, action: Action) -> Done:
    """Carry an action out; repeated, it changes nothing.

    Raises:
        InputError: there is no such machine or NIC.
        StateError: the VLAN has two ends already, the port is wired otherwise, or the lab is not ready.
    """
    row = await world.database.read(booking.ready, lab)
    uuids = {ref.name: ref.uuid for ref in (await survey(world.provider, lab)).refs}
    machine = machine_of(row.plan, action, lambda name: uuids.get(name, ""))
    members = await world.database.read(vlans.of, row.id)
    taken = {(member.machine, member.nic) for member in members} | await world.database.read(_wired, row.id, lab)
    nics = nics_of(machine, action, lambda nic: (machine.name, nic.index) not in taken)
    for nic in nics:
        if action.verb is VlanVerb.SET:
            await _join(world, row, machine, nic, action)
        else:
            await _leave(world, row, machine, nic)
    return Done(interfaces=tuple(nic.mac.upper() for nic in nics), info=f"{action.verb.value} {action.vlan} applied".strip())


def _wired(db: sa.Connection, key: int, lab: str) -> set[tuple[str, int]]:
    return {(port.machine, port.nic) for row in wires.of(db, key, lab) for port in row.ports}


async def _join(world: World, row: sandboxes.SandboxRow, machine: MachineSpec, nic: NicSpec, action: Action) -> None:
    mine = vlans.Member(
        machine=machine.name, nic=nic.index, vlan=action.vlan, mode=action.mode.value, connection=action.connection
    )

    def join(db: sa.Connection) -> booking.Booking | None:
        members = vlans.of(db, row.id)
        before = next((member for member in members if (member.machine, member.nic) == (mine.machine, mine.nic)), None)
        if before is not None and before.vlan != mine.vlan:
            raise StateError(
                f"NIC {nic.index + 1} ({nic.label}) of {machine.name} is in VLAN {before.vlan}.", hint="Remove that VLAN first."
            )
        others = [member for member in members if member.vlan == mine.vlan and member != before]
        if len(others) > 1:
            named = " and ".join(_end(row.plan, member) for member in others)
            raise StateError(f"VLAN {mine.vlan} joins {named} already.", hint="A wire has two ends; use another VLAN.")
        vlans.join(db, row.id, mine)
        if not others:
            return None
        ends = (_as_end(row.plan, others[0]), End(owner=machine.owner, port=nic.label))
        if any({str(end) for end in ends} == set(known.ends) for known in _live(db, row)):
            return None
        segment, spec = wire(row.plan, *ends)
        check_reach(world.site, row.plan, segment, spec.wire)
        return booking.book_wire(db, row.name, spec, world.place)

    def undo(db: sa.Connection) -> None:
        vlans.leave(db, row.id, mine.machine, mine.nic)

    booked = await world.database.run(join)
    try:
        await _carried_out(world, booked)
    except RacklessError:
        await world.database.run(undo)
        raise


async def _leave(world: World, row: sandboxes.SandboxRow, machine: MachineSpec, nic: NicSpec) -> None:
    def unplug(db: sa.Connection) -> booking.Booking | None:
        if not any((member.machine, member.nic) == (machine.name, nic.index) for member in vlans.of(db, row.id)):
            return None
        port = (machine.name, nic.index)
        for known in _live(db, row):
            if port in {(end.machine, end.nic) for end in known.ports}:
                arguments = {"segment": known.segment, "ends": list(known.ends)}
                return booking.book_job(db, row.name, "disconnect", arguments)
        return None

    await _carried_out(world, await world.database.run(unplug))
    await world.database.run(vlans.leave, row.id, machine.name, nic.index)


def _live(db: sa.Connection, row: sandboxes.SandboxRow) -> list[wires.WireRow]:
    return [known for known in wires.of(db, row.id, row.name) if known.state is not WireState.DISCONNECTED]


async def _carried_out(world: World, booked: booking.Booking | None) -> None:
    if booked is None:
        return
    await start(world, booked.job)
    if not await ended(world, booked.job, REWIRING):
        raise DeadlineError(f"Job {booked.job} did not end within {REWIRING:g} s.", hint="Send the request again.")
    if (record := (await world.database.read(jobs.get, booked.job)).error) is not None:
        raise from_record(record)


def _as_end(plan: Plan, member: vlans.Member) -> End:
    machine = plan.machine(member.machine)
    assert machine is not None
    return End(owner=machine.owner, port=machine.nics[member.nic].label)


def _end(plan: Plan, member: vlans.Member) -> str:
    return str(_as_end(plan, member))
