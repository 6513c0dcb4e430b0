"""Labs: deploy, list, show, take down."""

from __future__ import annotations

import time

from fastapi import APIRouter
from pydantic import BaseModel, Field

from rackless import durable
from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.hearing import heard
from rackless.api.here import Here, Started, Wait, begun, started
from rackless.api.lab import Lab, lab_of, note
from rackless.api.ordinary import All, lab_for, note_without_cards, sees_all
from rackless.api.pages import Page, Pages
from rackless.api.plans import BlueprintText
from rackless.api.times import end_of
from rackless.model import naming
from rackless.model.blueprint import Blueprint
from rackless.model.calendar import ALWAYS
from rackless.model.durations import LATEST, MOST
from rackless.model.errors import InputError, NotFoundError, ProviderError, RacklessError, StateError
from rackless.model.lifecycle import JobState, SandboxState
from rackless.model.people import Role
from rackless.providers.contract import survey, survey_running
from rackless.providers.everywhere import unable
from rackless.sandboxes import booking, times
from rackless.store import jobs, outlines, sandboxes
from rackless.workflows import starting
from rackless.workflows.teardown import remove_owned
from rackless.workflows.world import World

router = APIRouter(tags=["labs"], responses=RESPONSES)

LATE = 60.0
"""Seconds by which a begin may have passed: a client's clock, and the way here."""


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
    begins: float
    ends: float | None
    owner: str


class LabWish(BlueprintText):
    """A blueprint, and when its lab is wanted: from `begins` (now), for `seconds` or until `ends` (until it is taken down). Times
    are seconds since the epoch."""

    begins: float | None = Field(None, ge=0, le=LATEST, description="When it begins; null for now")
    seconds: float | None = Field(None, gt=0, le=MOST, description="For how long; null for no end, or for `ends`")
    ends: float | None = Field(None, ge=0, le=LATEST, description="Until when")
    queue: bool = Field(False, description="Wait for the first time that it fits, if it does not fit then")
    saves: bool = Field(False, description="Keep the configurations of its routers when its time is over")
    cold: bool = Field(False, description="Have its machines boot, whatever warm templates there are")

    def wish(self, who: str) -> times.Wish:
        """Raises InputError when the times contradict each other or have passed."""
        now = time.time()
        begins = self.begins if self.begins is not None and self.begins > now else None
        if self.begins is not None and self.begins < now - LATE:
            raise InputError(
                f"It cannot begin at {times.moment(self.begins)}: that has passed.", hint="Leave the begin out for now."
            )
        if self.seconds is not None and self.ends is not None:
            raise InputError("Both a length and an end were given.", hint="Give one of the two.")
        length = ALWAYS if self.seconds is None else self.seconds
        if self.ends is not None:
            length = self.ends - (begins or now)
        if length <= 0:
            raise InputError(f"It would end at {times.moment(self.ends or now)}, before it begins.", hint="Give a later end.")
        return times.Wish(begins=begins, length=length, queue=self.queue, saves=self.saves, who=who, owner=who, cold=self.cold)


@router.post("/labs", status_code=202)
async def deploy(body: LabWish, here: Here, who: Who) -> Started:
    """Make the lab of a blueprint now or book it for later, or bring back what is missing of it."""
    blueprint, wish = await body.blueprint(here), body.wish(who.name)
    name = blueprint.name if body.name is None else body.name
    found = await here.database.read(sandboxes.find, name)
    if found is not None and found.owner != who.name and not who.has(Role.OPERATOR):
        raise StateError(f"Another user has a lab named {name}.", hint="Give yours another name with `--name`.")
    if found is None:
        await _refuse_early(here, blueprint, name, later=wish.begins is not None or wish.queue)
    booked = await here.database.run(
        booking.book, blueprint, name=name, place=here.place, wanted=here.wanted, wish=wish, written=body.written()
    )
    here.changed.set()
    return await started(here, who, name, booked)


async def _refuse_early(here: World, blueprint: Blueprint, name: str, *, later: bool) -> None:
    """What the place could never bear is refused before anything is booked, so that nothing is left behind. `later`: what is
    there then, nobody knows now."""
    drafted = await here.database.read(booking.draft, blueprint, name, here.place)
    problems = unable(here.provider, drafted) if later else await here.provider.check(drafted)
    if problems:
        raise ProviderError(" ".join(problem.message for problem in problems), hint=" ".join(p.hint for p in problems if p.hint))


@router.get("/labs")
async def list_labs(here: Here, who: Who, asked: Pages) -> Page[LabLine]:
    """Those that the caller may see, by name."""
    after = asked.after(str)
    seen_by = None if who.has(Role.OPERATOR) else who.name
    rows = await here.database.recall(outlines.page, asked.more, after[0] if after else "", seen_by=seen_by)
    try:
        running, places = await survey_running(here.provider, [row.name for row in rows])
        trouble = str(places)
    except RacklessError as error:
        running, trouble = {}, f"The place does not answer: {error.message}"
    nobody: frozenset[str] = frozenset()
    hurt = [row for row in rows if row.on and len(running.get(row.name, nobody)) < row.machines]
    should = await here.database.recall(outlines.should_run, tuple(row.id for row in hurt)) if hurt else {}

    whole = sees_all(who, None)

    def told(row: outlines.Outline, off: list[str]) -> str:
        if trouble and row in hurt:
            return trouble
        return note(row, off) if whole else note_without_cards(note(row, off), row.state, off)

    def shown(row: outlines.Outline) -> LabLine:
        runs = running.get(row.name, nobody)
        seen = runs if whole else frozenset(name for name in runs if not naming.is_card(name))
        off = [name for name in should.get(row.id, ()) if name not in runs]
        return LabLine(
            name=row.name,
            state=row.state,
            reason=heard(who, row.reason),
            provider=row.provider,
            routers=row.routers,
            hosts=row.hosts,
            machines=row.machines if whole else row.routers + row.hosts,
            running=len(seen),
            memory=row.memory,
            created=row.created,
            since=row.since,
            note=told(row, off),
            begins=row.span.begins,
            ends=end_of(row),
            owner=row.owner,
        )

    return asked.page(rows, lambda row: (row.name,), shown)


@router.get("/labs/{name}")
async def show(name: str, here: Here, who: Who, everything: All = None) -> Lab:
    """What is known of a lab, with what the place itself says of its machines now; `all` of it for operators."""
    return lab_for(who, await lab_of(here, name), everything)


@router.delete("/labs/{name}", status_code=202)
async def take_down(name: str, here: Here, who: Who, wait: Wait = 0, saves: bool = False) -> Started | None:
    """Take away all that carries the lab's mark. A job that runs on it is told to stop first. `saves`: keep configurations."""
    row = await here.database.read(sandboxes.find, name)
    if row is None:
        await _gone_already(here, name)
        return None
    booked = await starting.take_down(here, name, "down was asked for", saves=saves, who=who.name)
    return await begun(here, who, name, booked, wait)


async def _gone_already(here: World, name: str) -> None:
    """Success for a lab that has ended; what carries its mark all the same is removed."""
    orphans = bool((await survey(here.provider, name)).refs)
    if not orphans and await here.database.read(sandboxes.latest, name) is None:
        raise NotFoundError(f"There is no lab named {name}.", hint="`rackless list` shows the labs.")
    if orphans and (left := await remove_owned(here.provider, name)):
        raise ProviderError(f"Still there: {'; '.join(left)}.", hint=f"Run `rackless down {name}` again.", made=tuple(left))


@router.post("/jobs/{job}/cancel", status_code=202)
async def cancel(job: str, here: Here) -> None:
    """Tell a job to stop. What it made stays owned by its lab."""
    row = await here.database.read(jobs.get, job)
    if row.state is not JobState.RUNNING:
        return
    if row.verb == "teardown":
        raise StateError("A teardown is not stopped half way.", hint="Wait for its end.")
    await here.database.run(jobs.ask_cancel, job)
    durable.cancel(job)
