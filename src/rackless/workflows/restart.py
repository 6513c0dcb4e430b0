"""Restart: one machine off and on. Its disk, its wires and its place in the router stay."""

from __future__ import annotations

from rackless import durable
from rackless.deadline import Deadline
from rackless.model.errors import DefectError
from rackless.model.family import Role
from rackless.model.lifecycle import MachineState
from rackless.model.plan import MachineSpec
from rackless.store import machines
from rackless.workflows.deaths import unless_dead
from rackless.workflows.driving import Tell
from rackless.workflows.machines import START, start, stop
from rackless.workflows.routers import REACH, await_ports, read_inventory
from rackless.workflows.spots import controller_of, spot_of
from rackless.workflows.verb import CLERICAL, Work, carried_out


@durable.workflow("restart")
async def restart(job: str) -> None:
    await carried_out(job, _restart)


async def _restart(work: Work) -> None:
    name = work.job.arguments["machine"]
    spec = work.lab.plan.machine(name)
    if spec is None:
        raise DefectError(f"Job {work.job.id} is about {name}, which is not in the plan.")
    await work.step(
        "power off",
        lambda: stop(work.world, work.lab.id, spec, "restart was asked for"),
        deadline=CLERICAL,
        about=f"stopping {name}",
        tries=3,
    )
    step = f"start {name}"
    await work.step(
        step, lambda: start(work.world, work.lab, spec, work.tell(step)), deadline=START, about=f"starting {name}", tries=2
    )
    if spec.role is Role.HOST:
        return
    controller = controller_of(work.lab.plan, spec.owner)
    async with work.world.driver_of(work.lab.plan, controller).held(await spot_of(work.world, work.lab, spec.owner)):
        if spec.role is Role.CONTROLLER:
            step = f"reach {spec.owner}"
            about = f"waiting for {spec.owner} to take logins over SSH"
            await work.step(step, lambda: _reach(work, spec, work.tell(step)), deadline=2 * REACH, about=about)
        await await_ports(work, controller)
    await read_inventory(work, spec.owner)


async def _reach(work: Work, spec: MachineSpec, tell: Tell) -> None:
    world = work.world
    spot = await spot_of(world, work.lab, spec.owner)
    await unless_dead(work, [spec], world.driver_of(work.lab.plan, spec).reach(spot, deadline=Deadline(REACH), tell=tell))
    await world.database.run(machines.move, work.lab.id, spec.name, MachineState.RUNNING, "it takes logins over SSH")
