"""Labs: deploy, list, show, take down."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from rackless import durable
from rackless.api.errors import RESPONSES
from rackless.api.here import Here, Started, Wait, ended, started
from rackless.api.lab import Lab, lab_of, note, stopped
from rackless.api.plans import BlueprintText
from rackless.model.errors import DeadlineError, NotFoundError, ProviderError, RacklessError, StateError
from rackless.model.lifecycle import JobState, SandboxState
from rackless.providers.contract import RefKind
from rackless.sandboxes import booking
from rackless.store import jobs, machines, sandboxes
from rackless.workflows.teardown import remove_owned
from rackless.workflows.world import World, boot_id

router = APIRouter(tags=["labs"], responses=RESPONSES)

CANCELLING = 120.0
"""Seconds until a job that was told to stop has stopped."""


class LabLine(BaseModel):
    """A lab in a list. `running`: machines that run now, as the place says. `note`: what to know first, for example that this
    machine was rebooted since. Memory in MiB; times are seconds since the epoch."""

    name: str
    state: SandboxState
    reason: str
    provider: str
    routers: int
    hosts: int
    machines: int
    running: int
    memory: int
    created: float
    since: float
    note: str


@router.post("/labs", status_code=202)
async def deploy(body: BlueprintText, here: Here) -> Started:
    """Make the lab of a blueprint, or bring back what is missing of it."""
    blueprint = body.blueprint(here)
    name = blueprint.name if body.name is None else body.name
    if await here.database.run(sandboxes.find, name) is None:
        await _refuse_early(here, body, name)
    booked = await here.database.run(
        booking.book,
        blueprint,
        name=name,
        site=here.site,
        forwarded=here.forwarded,
        boot_id=boot_id(),
        transcripts=here.transcripts,
    )
    return await started(here, name, booked)


async def _refuse_early(here: World, body: BlueprintText, name: str) -> None:
    """What the place could never bear is refused before anything is booked, so that nothing is left behind."""
    problems = await here.provider.check(await here.database.run(booking.draft, body.blueprint(here), name, here.site))
    if problems:
        raise ProviderError(" ".join(problem.message for problem in problems), hint=" ".join(p.hint for p in problems if p.hint))


@router.get("/labs")
async def list_labs(here: Here) -> list[LabLine]:
    lines = []
    try:
        refs, trouble = await here.provider.owned(), ""
    except RacklessError as error:
        refs, trouble = (), f"The place does not answer: {error.message}"
    for row in await here.database.run(sandboxes.live):
        known = await here.database.run(machines.of, row.id)
        running = frozenset(ref.name for ref in refs if ref.sandbox == row.name and ref.kind is RefKind.MACHINE and ref.running)
        lines.append(
            LabLine(
                name=row.name,
                state=row.state,
                reason=row.reason,
                provider=row.plan.provider,
                routers=len(row.plan.blueprint.routers),
                hosts=len(row.plan.blueprint.hosts),
                machines=len(known),
                running=len(running),
                memory=row.plan.memory,
                created=row.created,
                since=row.since,
                note=trouble or note(row, stopped(known, running)),
            )
        )
    return lines


@router.get("/labs/{name}")
async def show(name: str, here: Here) -> Lab:
    """Everything known of a lab, with what the place itself says of its machines now."""
    return await lab_of(here, name)


@router.delete("/labs/{name}", status_code=202)
async def take_down(name: str, here: Here, wait: Wait = 0) -> Started | None:
    """Take away all that carries the lab's mark. A job that runs on it is told to stop first."""
    row = await here.database.run(sandboxes.find, name)
    if row is None:
        await _gone_already(here, name)
        return None
    await _stop_jobs(here, row)
    booked = await here.database.run(booking.book_teardown, name)
    return await started(here, name, booked, wait)


async def _gone_already(here: World, name: str) -> None:
    """Success for a lab that has ended; what carries its mark all the same is removed."""
    orphans = bool(await here.provider.owned(name))
    if not orphans and await here.database.run(sandboxes.latest, name) is None:
        raise NotFoundError(f"There is no lab named {name}.", hint="`rackless list` shows the labs.")
    if orphans and (left := await remove_owned(here.provider, name)):
        raise ProviderError(f"Still there: {'; '.join(left)}.", hint=f"Run `rackless down {name}` again.", made=tuple(left))


async def _stop_jobs(here: World, row: sandboxes.SandboxRow) -> None:
    for job in await here.database.run(jobs.running, row.id):
        if job.verb == "teardown":
            continue
        await here.database.run(jobs.ask_cancel, job.id)
        durable.cancel(job.id)
        if not await ended(here, job.id, CANCELLING):
            raise DeadlineError(
                f"Job {job.id} did not stop within {CANCELLING:g} s.", hint=f"Run `rackless down {row.name}` again."
            )


@router.post("/jobs/{job}/cancel", status_code=202)
async def cancel(job: str, here: Here) -> None:
    """Tell a job to stop. What it made stays owned by its lab."""
    row = await here.database.run(jobs.get, job)
    if row.state is not JobState.RUNNING:
        return
    if row.verb == "teardown":
        raise StateError("A teardown is not stopped half way.", hint="Wait for its end.")
    await here.database.run(jobs.ask_cancel, job)
    durable.cancel(job)
