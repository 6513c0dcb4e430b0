"""Snapshot: the state of all machines of a lab at one moment. Restore: they go on from it; also as a lab that is made for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import sqlalchemy as sa

from rackless import durable
from rackless.deadline import Deadline
from rackless.model.errors import RacklessError, StateError
from rackless.model.lifecycle import MachineState, WireState
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Channel, Snapshotting, at
from rackless.release import release
from rackless.sandboxes import snapshots
from rackless.sandboxes.snapshots import KeptMachine, Snapshot
from rackless.shell import hostchannel
from rackless.store import machines, ports, secrets, wires
from rackless.workflows.machines import identity_of, ref_of, takes_identity
from rackless.workflows.verb import Work, carried_out
from rackless.workflows.world import World

EACH = 120.0
"""Seconds for the state of one machine: some hundred MiB on a slow disk."""
ANSWER = 60.0
"""Seconds for one that goes on to answer on its host channel."""
ON = frozenset({WireState.CONNECTED, WireState.DOWN})


def place_of(world: World, plan: Plan) -> Snapshotting:
    """What saves and restores this lab.

    Raises:
        StateError: it is at several places, or at one that can't.
    """
    if len(plan.places) > 1:
        raise StateError(
            f"Lab {plan.sandbox} is at several places, {', '.join(sorted(plan.places))}: they can't be stopped at one moment.",
            hint="Save the routers' configurations instead: `rackless save`.",
        )
    place = next(iter(plan.places))
    there = at(world.provider, place)
    if not isinstance(there, Snapshotting):
        raise StateError(f"The place {place} can't save the state of machines.", hint="This machine's own place can.")
    return there


@durable.workflow("snapshot")
async def snapshot(job: str) -> None:
    await carried_out(job, _take)


async def _take(work: Work) -> None:
    await work.step(
        "snapshot",
        lambda: _save(work),
        deadline=EACH * (1 + len(work.lab.plan.machines)),
        about=f"saving the state of {len(work.lab.plan.machines)} machines, which are stopped meanwhile",
        tries=2,
    )


async def _save(work: Work) -> None:
    world, plan, name = work.world, work.lab.plan, str(work.job.arguments["name"])
    state = world.settings.state
    if snapshots.folder_of(state, plan.sandbox, name).exists():
        return  # repeated after a crash
    there = place_of(world, plan)
    like = await there.likenesses(plan)
    draft = await asyncio.to_thread(snapshots.drafted, state, plan.sandbox, name)
    taken = time.time()
    await there.save_state(plan, draft)
    sums = await asyncio.to_thread(snapshots.sums, draft)

    def read(db: sa.Connection) -> Snapshot:
        rows = {row.name: row for row in machines.of(db, work.lab.id)}
        seen: dict[str, dict[str, str]] = {}
        for port in ports.of(db, work.lab.id):
            if port.mac is not None:
                seen.setdefault(port.owner, {})[port.label] = port.mac
        return Snapshot(
            lab=plan.sandbox,
            name=name,
            taken=taken,
            release=release(),
            keep=bool(work.job.arguments["keep"]),
            plan=plan,
            machines={key: KeptMachine(host_keys=rows[key].host_keys, likeness=like[key]) for key in sorted(rows)},
            wires=tuple((*row.ends, row.state.value) for row in wires.of(db, work.lab.id, plan.sandbox)),
            ports=seen,
            secrets={holder: secrets.of(db, work.lab.id, holder) for holder in sorted({spec.owner for spec in plan.machines})},
            sums=sums,
        )

    await asyncio.to_thread(snapshots.finish, state, draft, await world.database.read(read))


@durable.workflow("restore")
async def restore(job: str) -> None:
    await carried_out(job, take_up)


async def take_up(work: Work) -> None:
    """The steps that have the machines of a lab go on from the job's snapshot."""
    plan = work.lab.plan
    await work.step(
        "restore",
        lambda: _take_up(work),
        deadline=EACH * (1 + len(plan.machines)),
        about=f"having {len(plan.machines)} machines go on from the snapshot",
        tries=2,
    )
    await work.step("clocks", lambda: _set_clocks(work), deadline=2 * ANSWER, about="setting the clocks of what goes on", tries=2)


async def check(world: World, plan: Plan, found: Snapshot) -> None:
    """Raises StateError when machines of this plan can't go on from the snapshot, with all that is in the way."""
    differences = snapshots.unlike(found, plan, await place_of(world, plan).likenesses(plan))
    if differences:
        raise StateError(
            f"Lab {plan.sandbox} can't go on from the snapshot {found.name}: {' '.join(differences)}",
            hint="A snapshot is of one kind of host: the same QEMU, processor and image.",
        )


async def _take_up(work: Work) -> None:
    world, plan = work.world, work.lab.plan
    found = await asyncio.to_thread(snapshots.find, world.settings.state, plan.sandbox, str(work.job.arguments["snapshot"]))
    await check(world, plan, found)
    folder = snapshots.folder_of(world.settings.state, plan.sandbox, found.name)

    def begin(db: sa.Connection) -> None:
        for spec in plan.machines:
            machines.move(db, work.lab.id, spec.name, MachineState.STARTING, f"goes on from the snapshot {found.name}")

    await world.database.run(begin)
    await place_of(world, plan).take_up(plan, folder)

    def record(db: sa.Connection) -> None:
        for holder, kinds in found.secrets.items():
            for kind, value in kinds.items():
                secrets.put(db, work.lab.id, holder, kind, value)
        for spec in plan.machines:
            machines.learn(db, work.lab.id, spec.name, found.machines[spec.name].host_keys)
            machines.configured(db, work.lab.id, spec.name)
            machines.move(db, work.lab.id, spec.name, MachineState.RUNNING, f"it went on from the snapshot {found.name}")
        for owner, macs in found.ports.items():
            ports.seen(db, work.lab.id, owner, dict(macs))

    await world.database.run(record)
    await asyncio.gather(*(_listen(work, spec) for spec in plan.machines))
    for text in await world.database.read(_other_wires, work, found):
        work.tell("restore")(text)


async def _listen(work: Work, spec: MachineSpec) -> None:
    """Nobody has waited for this machine to boot, so nobody has opened its serial line: from now on it has a transcript."""
    world, lab = work.world, work.lab.id
    row = await world.database.read(machines.get, lab, spec.name)
    holder = await world.database.read(secrets.of, lab, spec.owner)
    await world.consoles.open(ref_of(spec), Path(row.transcript), tuple(holder.values()))


def _other_wires(db: sa.Connection, work: Work, found: Snapshot) -> list[str]:
    """Wires are as they are now; what was otherwise then is told."""
    then = {frozenset(ends): state for *ends, state in found.wires if WireState(state) in ON}
    now = {frozenset(row.ends): row for row in wires.of(db, work.lab.id, work.lab.name) if row.state in ON}
    gone = [f"The wire {' -- '.join(sorted(ends))} was there then, and is not now." for ends in then if ends not in now]
    return gone + [f"The wire {' -- '.join(sorted(ends))} is there now, and was not then." for ends in now if ends not in then]


async def _set_clocks(work: Work) -> None:
    """Guests were away since the snapshot and do not know. One that does not answer is told of, and goes on with its old time."""
    tell = work.tell("clocks")

    async def one(spec: MachineSpec) -> None:
        there = at(work.world.provider, work.lab.plan.place_of(spec))
        if not isinstance(there, Channel) or not takes_identity(work.world, work.lab.plan, spec):
            return
        try:
            channel = hostchannel.HostChannel(spec.name, await there.channel(ref_of(spec)))
            try:
                await channel.identify(identity_of(work.lab, spec), deadline=Deadline(ANSWER))
            finally:
                await channel.close()
        except RacklessError as error:
            tell(f"the clock of {spec.name} is not set: {error.message}")

    await asyncio.gather(*(one(spec) for spec in work.lab.plan.machines))
