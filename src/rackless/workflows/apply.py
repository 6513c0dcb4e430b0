"""Apply: a lab that is there becomes that of its new plan. What goes, goes first; then what is new is made; what is equal is not
touched. Nothing is undone on failure: what is still to go is kept with the lab, and another `apply` goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from rackless import durable
from rackless.model import naming
from rackless.model.errors import HookError, ProviderError
from rackless.model.family import NicRole, Role
from rackless.model.hooks import SET_UP, Phase, stretches
from rackless.model.lifecycle import MachineState, SandboxState, WireState
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Ref, RefKind, Spec
from rackless.sandboxes import departures, hooks, numbers
from rackless.store import machines, ports, sandboxes, wires
from rackless.workflows import deploy
from rackless.workflows.disconnect import unwire_segment
from rackless.workflows.hooks import beside
from rackless.workflows.machines import RANK, late, ref_of
from rackless.workflows.routers import OF_ROUTERS
from rackless.workflows.verb import CLERICAL, Work, carried_out
from rackless.workflows.world import boot_id

REMOVING = 120.0
"""Seconds for the machines of one router."""


@durable.workflow("apply")
async def apply(job: str) -> None:
    await carried_out(job, _apply, fails_lab=True)


async def _apply(work: Work) -> None:
    wanted = hooks.of(work.job.arguments)
    to_do = _ToDo()
    for stretch in stretches(SET_UP, wanted):
        async with beside(work, [hook for hook in wanted if hook.phase in stretch]) as failed:
            await _go_through(work, stretch, to_do)
        if failed:
            raise HookError(" ".join(failed), hint=f"See `rackless logs {work.lab.name}`; `rackless apply` tries again.")
    await work.step("ready", lambda: _ready(work), deadline=CLERICAL, about="comparing what is there with the plan")


@dataclass(kw_only=True)
class _ToDo:
    """Machines to start; routers and hosts of which something is to be set up."""

    machines: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


async def _go_through(work: Work, stretch: tuple[Phase, ...], to_do: _ToDo) -> None:
    """The built-in steps of these phases."""
    if Phase.PRE_PROVISIONING in stretch:
        await _clear(work)
    if Phase.PROVISIONING in stretch:
        found = await work.step("make", lambda: _make(work), deadline=deploy.making(work), about="making what is new", tries=3)
        to_do.machines, to_do.owners = frozenset(found["machines"]), frozenset(found["owners"])
    if Phase.CONNECTIVITY in stretch:
        wire = partial(_wire, work, to_do.machines)
        await work.step("wire", wire, deadline=deploy.MAKING, about="connecting what is not connected", tries=3)
    children = []
    begins, phases = Phase.PROVISIONING in stretch, [phase.value for phase in stretch if phase in OF_ROUTERS]
    for spec in sorted(work.lab.plan.machines, key=lambda spec: RANK[spec.role]):
        if spec.role is Role.CONTROLLER and spec.owner in to_do.owners and phases:
            name = f"router-{spec.owner}" if begins else f"router-{spec.owner}-{phases[0]}"
            children.append(await durable.child(deploy.router, name, work.job.id, spec.owner, phases))
        elif spec.role is not Role.CONTROLLER and begins and to_do.machines | to_do.owners >= {spec.name}:
            children.append(await durable.child(deploy.machine, f"machine-{spec.name}", work.job.id, spec.name))
    await durable.all_of(children)


async def _clear(work: Work) -> None:
    """Does this place bear it, and what goes, goes."""
    arguments, check = work.job.arguments, partial(deploy.check, work)
    await work.step("check", check, deadline=deploy.making(work), about="checking that this place can bear the lab", tries=3)
    if arguments["unwire"]:
        about = f"disconnecting {len(arguments['unwire'])} wires"
        await work.step("unwire", lambda: _unwire(work), deadline=deploy.MAKING, about=about, tries=3)
    for owner in arguments["leaving"]:
        step, body = f"remove {owner}", partial(_take_away, work, owner)
        await work.step(step, body, deadline=REMOVING, about=f"taking away what goes of {owner}", tries=3)


async def _unwire(work: Work) -> None:
    """Wires that go. One that comes back with other ports is booked anew."""
    await asyncio.gather(*(unwire_segment(work, segment) for segment in work.job.arguments["unwire"]))

    def book(db: sa.Connection) -> None:
        for wire in work.lab.plan.wires:
            wires.put(db, work.lab.id, wire)

    await work.world.database.run(book)


async def _take_away(work: Work, owner: str) -> None:
    """The machines of an owner that go, with their disks, and its internal network if its controller goes for good."""
    world, key, name = work.world, work.lab.id, work.lab.name
    mine = await world.database.run(departures.begin, key, owner)
    for each in mine:
        await world.consoles.close(name, each.machine.name)
    await asyncio.gather(*(world.provider.remove(ref_of(each.machine)) for each in mine))
    disks = [disk for each in mine if each.whole for disk in each.machine.disks]
    rest = [Ref(kind=RefKind.DISK, sandbox=name, name=disk.name, place=disk.place) for disk in disks]
    if any(each.machine.role is Role.CONTROLLER and each.whole for each in mine):
        rest.append(Ref(kind=RefKind.SEGMENT, sandbox=name, name=naming.internal_segment(owner)))
    await asyncio.gather(*(world.provider.remove(ref) for ref in rest))
    for each in mine:
        if each.whole:
            path = world.transcripts / name / f"{each.machine.name}.log"
            await asyncio.to_thread(Path.unlink, path, missing_ok=True)
    await world.database.run(departures.end, key, owner, world.transcripts)


async def _make(work: Work) -> dict[str, list[str]]:
    """Disks, internal networks and machines that are not there. Returns the machines to start, and the routers and hosts that
    have something to be set up."""
    plan, provider = work.lab.plan, work.world.provider
    internal = [segment for segment in plan.segments if segment.kind == "internal"]
    before: list[Spec] = [*internal, *(disk for spec in plan.machines for disk in spec.disks)]
    await deploy.all_of(provider.ensure(spec) for spec in before)
    refs = await deploy.all_of(provider.ensure(spec) for spec in plan.machines)
    running = {ref.name for ref in refs if ref.running}
    found: dict[str, list[str]] = await work.world.database.run(_to_do, work, running)
    for spec in plan.machines:
        if spec.role is Role.CONTROLLER and spec.owner in found["owners"] and spec.name not in found["machines"]:
            await _join(work, spec)
    return found


async def _join(work: Work, controller: MachineSpec) -> None:
    """Let a controller that runs hear the cards that its internal network has now."""
    segment = work.lab.plan.segment(naming.internal_segment(controller.owner))
    for nic in controller.nics:
        if nic.role is NicRole.INTERNAL and segment is not None:
            await work.world.provider.attach(controller.port(nic), segment)


def _to_do(db: sa.Connection, work: Work, running: Collection[str]) -> dict[str, list[str]]:
    key = work.lab.id
    for row in machines.of(db, key):
        if row.name not in running and row.state in {MachineState.RUNNING, MachineState.BOOTSTRAPPING}:
            machines.move(db, key, row.name, MachineState.STOPPED, "it was not running any more")
    sandboxes.booted(db, key, boot_id())
    rows = [row for row in machines.of(db, key) if work.lab.plan.machine(row.name) is not None]
    late = sorted(row.name for row in rows if row.state is not MachineState.RUNNING)
    owners = {row.owner for row in rows if row.name in late or (row.role == Role.CONTROLLER.value and not row.configured)}
    owners |= {port.owner for port in ports.of(db, key) if port.mac is None}
    owners |= set(work.job.arguments["leaving"]) & {row.owner for row in rows}
    return {"machines": late, "owners": sorted(owners)}


async def _wire(work: Work, fresh: Collection[str]) -> None:
    """Wires that are not connected, and those of machines that have been made anew or are off."""
    rows = await work.world.database.run(wires.of, work.lab.id, work.lab.name)
    late = [row for row in rows if row.state is WireState.PLANNED or any(port.machine in fresh for port in row.ports)]
    await deploy.all_of(deploy.attach(work, row) for row in late if row.state is not WireState.DISCONNECTED)
    others = frozenset(work.job.arguments.get("impair", ()))
    await deploy.all_of(deploy.impair(work, row, clears=True) for row in rows if row.segment in others)


async def _ready(work: Work) -> None:
    world, key = work.world, work.lab.id

    def record(db: sa.Connection) -> list[str]:
        missing = late(db, key, work.lab.plan)
        if not missing:
            plan = work.lab.plan
            taken = numbers.pooled(plan, world.site, world.forwarded) + numbers.drawn(db, key, plan)
            sandboxes.hold(db, key, world.wanted(plan) + taken)
            sandboxes.move(db, key, SandboxState.READY, "every machine, port and wire is there")
        return missing

    missing = await world.database.run(record)
    if missing:
        raise ProviderError(f"Not running at the end: {', '.join(missing)}.", hint="Run `rackless apply` again.")
    world.changed.set()  # what it gave back may be what another waits for
