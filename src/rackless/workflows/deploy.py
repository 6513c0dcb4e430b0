"""Deploy: from a booked plan to a lab that is ready; again, on a lab that was, to bring back what is missing.

In phases (model/hooks.py), of which those without hooks run into each other: one child workflow a router, card and host, so that
everything boots at once, and wires attached before power-on, where they cost no waiting. Nothing that was
made is undone on failure: it stays owned, `up` goes on from it and `down` removes it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa

from rackless import durable
from rackless.model.errors import DeadlineError, HookError, ProviderError
from rackless.model.family import Role
from rackless.model.hooks import SET_UP, Phase, stretches
from rackless.model.lifecycle import MachineState, SandboxState, WireState
from rackless.model.places import HostPlace
from rackless.model.plan import MachineSpec, SegmentSpec
from rackless.providers.contract import Carrier, Ref, Spec, Warming, at
from rackless.providers.impairing import impairing, lacking
from rackless.sandboxes import booking, hooks
from rackless.store import machines, sandboxes, wires
from rackless.workflows import own_ground, snapshots
from rackless.workflows.deaths import running
from rackless.workflows.driving import Tell
from rackless.workflows.hooks import beside
from rackless.workflows.machines import RANK, START, late, start
from rackless.workflows.routers import OF_ROUTERS, read_inventory, set_up_router
from rackless.workflows.segments import segment_of
from rackless.workflows.verb import CLERICAL, Work, carried_out, work_of
from rackless.workflows.world import boot_id

MAKING = 120.0
"""Seconds to make disks, segments and machines: linked clones take milliseconds each."""


SENDING = 3600.0
"""The same where VM hosts may have to be sent images first: 4 GiB at 10 Mbit/s take as long."""


def making(work: Work) -> float:
    """Seconds to make disks, segments and machines of this lab."""
    places = [work.world.site.place(name) for name in work.lab.plan.places]
    return SENDING if any(isinstance(place, HostPlace) for place in places) else MAKING


@durable.workflow("deploy")
async def deploy(job: str) -> None:
    await carried_out(job, _deploy, fails_lab=True)


async def _deploy(work: Work) -> None:
    if booking.SNAPSHOT in work.job.arguments:
        await _go_on(work)
        return
    wanted = hooks.of(work.job.arguments)
    for stretch in stretches(SET_UP, wanted):
        async with beside(work, [hook for hook in wanted if hook.phase in stretch]) as failed:
            await _go_through(work, stretch)
        if failed:
            raise HookError(" ".join(failed), hint=f"See `rackless logs {work.lab.name}`; `rackless up` tries again.")
    await work.step("ready", lambda: _ready(work), deadline=CLERICAL, about="comparing what is there with the plan")


async def _go_on(work: Work) -> None:
    """A lab that is made for a snapshot: its machines don't boot, and nothing of them is set up."""
    await _go_through(work, (Phase.PRE_PROVISIONING,))
    await work.step("make", lambda: _make(work), deadline=making(work), about="making what goes on from a snapshot", tries=3)
    await _go_through(work, (Phase.CONNECTIVITY,))
    await snapshots.take_up(work)
    for name in (wish.name for wish in work.lab.plan.blueprint.routers):
        await read_inventory(work, name)
    await work.step("ready", lambda: _ready(work), deadline=CLERICAL, about="comparing what is there with the plan")


async def _go_through(work: Work, stretch: tuple[Phase, ...]) -> None:
    """The built-in steps of these phases."""
    plan = work.lab.plan
    if Phase.PRE_PROVISIONING in stretch:
        about = "checking that this place can bear the lab"
        await work.step("check", lambda: check(work), deadline=making(work), about=about, tries=3)
    if Phase.PROVISIONING in stretch:
        about = f"making {len(plan.machines)} machines with their disks and internal networks"
        await work.step("make", lambda: _make(work), deadline=making(work), about=about, tries=3)
    if Phase.CONNECTIVITY in stretch:
        await work.step("wire", lambda: _wire(work), deadline=MAKING, about="connecting the wires", tries=3)
    children = []
    begins, phases = Phase.PROVISIONING in stretch, [phase.value for phase in stretch if phase in OF_ROUTERS]
    for spec in sorted(plan.machines, key=lambda spec: RANK[spec.role]):
        if spec.role is Role.CONTROLLER and phases:
            name = f"router-{spec.owner}" if begins else f"router-{spec.owner}-{phases[0]}"
            children.append(await durable.child(router, name, work.job.id, spec.owner, phases))
        elif spec.role is not Role.CONTROLLER and begins:
            children.append(await durable.child(machine, f"machine-{spec.name}", work.job.id, spec.name))
    await durable.all_of(children)


@durable.workflow("deploy-router")
async def router(job: str, name: str, phases: list[str] | None = None) -> None:
    """`phases`: those of which the steps are taken; all, in a record of an older release."""
    await set_up_router(await work_of(job), name, frozenset(SET_UP if phases is None else map(Phase, phases)))


@durable.workflow("deploy-machine")
async def machine(job: str, name: str) -> str:
    """A card that dies is started once more, at once; after that its router does it, for the missing ports."""
    work = await work_of(job)
    spec = work.lab.plan.machine(name)
    assert spec is not None
    step = f"start {name}"
    begun = work.step(step, lambda: start(work.world, work.lab, spec, work.tell(step)), deadline=START, about=f"starting {name}")
    if spec.role is not Role.CARD:
        await begun
        return ""
    try:
        await begun
    except (ProviderError, DeadlineError) as error:
        reason = error.message
    else:
        return ""
    step = f"start {name} (1)"
    again = work.step(
        step,
        lambda: _once_more(work, spec, reason, work.tell(step)),
        deadline=START,
        about=f"starting {name} once more, if it died",
    )
    return str(await again)


async def _once_more(work: Work, spec: MachineSpec, reason: str, tell: Tell) -> str:
    """Start a card that died. One that runs and does not answer is left to its router, which may be restarting it just now.

    Returns why it is not ready, or "" when it is.
    """
    if spec.name in await running(work):
        return reason
    try:
        await start(work.world, work.lab, spec, tell, reason="started once more")
    except (ProviderError, DeadlineError) as error:
        tell(error.message)
        if spec.name not in await running(work):
            await work.world.database.run(machines.move, work.lab.id, spec.name, MachineState.STOPPED, error.message)
        return error.message
    return ""


async def check(work: Work) -> None:
    await own_ground.refuse(work.world, work.lab.plan)
    problems = (*await work.world.provider.check(work.lab.plan), *lacking(work.world.provider, work.lab.plan))
    if problems:
        raise ProviderError(
            " ".join(problem.message for problem in problems),
            hint=" ".join(dict.fromkeys(problem.hint for problem in problems if problem.hint)),
        )


async def _make(work: Work) -> None:
    """Disks and internal networks first, then the machines; each kind at once. Notes what stopped since the last time."""
    plan, provider = work.lab.plan, work.world.provider
    internal = [segment for segment in plan.segments if segment.kind == "internal"]
    disks = [disk for spec in plan.machines for disk in spec.disks]
    before: list[Spec] = [*internal, *disks]
    await all_of(provider.ensure(spec) for spec in before)
    refs = await all_of(provider.ensure(spec) for spec in plan.machines)
    if work.job.arguments.get(booking.COLD):
        await asyncio.gather(*(_stay_cold(work, ref) for ref in refs))
    running = {ref.name for ref in refs if ref.running}

    def note(db: sa.Connection) -> None:
        for row in machines.of(db, work.lab.id):
            if row.name not in running and row.state in {MachineState.RUNNING, MachineState.BOOTSTRAPPING}:
                machines.move(db, work.lab.id, row.name, MachineState.STOPPED, "it was not running any more")
        sandboxes.booted(db, work.lab.id, boot_id())

    await work.world.database.run(note)


async def _stay_cold(work: Work, ref: Ref) -> None:
    spec = work.lab.plan.machine(ref.name)
    there = at(work.world.provider, work.lab.plan.place_of(spec)) if spec is not None else None
    if isinstance(there, Warming):
        await there.stay_cold(ref, "`--cold` was given")


async def all_of(verbs: Any) -> list[Ref]:
    """All at once; wait for all also when one fails, then raise the first failure."""
    results = await asyncio.gather(*verbs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Ref)]


async def _wire(work: Work) -> None:
    rows = await work.world.database.run(wires.of, work.lab.id, work.lab.name)
    await all_of(attach(work, row) for row in rows if row.state is not WireState.DISCONNECTED)


async def attach(work: Work, row: wires.WireRow) -> None:
    provider = work.world.provider
    segment: SegmentSpec = segment_of(work.world.site, work.lab.plan, row)
    await provider.ensure(segment)
    if row.state is WireState.PLANNED:
        await impair(work, row)
    for port in row.ports:
        await provider.attach(port, segment)
        if row.state is WireState.DOWN and isinstance(provider, Carrier):
            await provider.carrier(port, False)
    if row.state is WireState.PLANNED:
        await work.world.database.run(wires.move, work.lab.id, row.segment, WireState.CONNECTED, "deployed")


async def impair(work: Work, row: wires.WireRow, *, clears: bool = False) -> None:
    """As the blueprint wants it. A place that can't was refused before. `clears`: it was impaired, and may be no more."""
    wish = next((wire.wire.impairment for wire in work.lab.plan.wires if wire.segment == row.segment), None)
    if wish is not None or clears:
        await impairing(work.world.provider, work.lab.plan, row.ports).impair(work.lab.name, row.segment, wish)


async def _ready(work: Work) -> None:
    def record(db: sa.Connection) -> list[str]:
        missing = late(db, work.lab.id, work.lab.plan)
        if not missing:
            sandboxes.move(db, work.lab.id, SandboxState.READY, "every machine, port and wire is there")
        return missing

    missing = await work.world.database.run(record)
    if missing:
        raise ProviderError(f"Not running at the end: {', '.join(missing)}.", hint="Run `rackless up` again.")
