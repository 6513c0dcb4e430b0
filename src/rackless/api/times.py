"""Labs in time: the calendar, another end, and what was done with a lab. Times are seconds since the epoch."""

from __future__ import annotations

import time

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.hearing import heard
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.model.calendar import ALWAYS, Stay
from rackless.model.durations import LATEST, MOST
from rackless.model.errors import NotFoundError
from rackless.model.lifecycle import SandboxState
from rackless.model.people import Caller
from rackless.sandboxes import times
from rackless.store import bookings, history, outlines, sandboxes

router = APIRouter(tags=["times"], responses=RESPONSES)


class LabTimes(BaseModel):
    """`ends` null: until it is taken down."""

    name: str
    state: SandboxState
    begins: float
    ends: float | None


class NewEnd(BaseModel):
    """One of the two; none of them takes the end away."""

    seconds: float | None = Field(None, gt=0, le=MOST, description="Longer by this than it has now; from now, if it has no end")
    ends: float | None = Field(None, ge=0, le=LATEST, description="Until then")


class Held(BaseModel):
    """A lab in the calendar. One that waits has the times that it will get, if nothing else changes; null when that can't be
    said, because labs without an end are before it."""

    lab: str
    owner: str
    state: SandboxState
    begins: float | None
    ends: float | None
    amounts: dict[str, float]


class CalendarBody(BaseModel):
    """`capacity`: of each resource all that labs may hold together, null for no limit; `held` now. Memory and disk in MiB.
    What only one place has is called by it: memory@munich."""

    now: float
    capacity: dict[str, float | None]
    held: dict[str, float]


class HistoryEntry(BaseModel):
    time: float
    who: str
    what: str
    why: str


def end_of(row: sandboxes.SandboxRow | outlines.Outline) -> float | None:
    """Null for a lab that has none."""
    return _finite(row.span.ends)


def _finite(number: float) -> float | None:
    return None if number == ALWAYS else number


@router.post("/labs/{name}/extend")
async def extend(name: str, body: NewEnd, here: Here, who: Who) -> LabTimes:
    """Give a lab another end, later or sooner, if what it has is free until then."""
    row = await here.database.read(sandboxes.get, name)
    ends = ALWAYS if body.ends is None else body.ends
    if body.ends is None and body.seconds is not None:
        ends = body.seconds + (time.time() if row.span.ends == ALWAYS else row.span.ends)
    row = await here.database.run(times.extend, name, ends, here.place, who=who.name)
    here.changed.set()
    return LabTimes(name=name, state=row.state, begins=row.span.begins, ends=end_of(row))


@router.get("/calendar")
async def calendar(here: Here) -> CalendarBody:
    """How much labs hold now, and of how much. Who holds it, and when: the list of bookings."""
    capacity, now = here.place.capacity, time.time()
    held = (await here.database.recall(bookings.holding)).at(now)
    return CalendarBody(now=now, capacity={name: _finite(most) for name, most in capacity.rows.items()}, held=held.rows)


@router.get("/bookings")
async def list_bookings(here: Here, asked: Pages) -> Page[Held]:
    """Labs that have not ended, by the time of their begin; after them those that wait in the queue."""
    place, now, after = here.place, time.time(), asked.after(bool, float, str)

    found = await here.database.recall(bookings.page, asked.more, after)
    waits = any(booked.waits for booked in found)
    queue = await here.database.read(times.queued, place, now) if waits else {}
    return asked.page(found, lambda booked: booked.key, lambda booked: _held(booked, queue.get(booked.id)))


def _held(booked: bookings.Booked, queued: Stay | None) -> Held:
    span = booked.span if not booked.waits else queued.span if queued else None
    return Held(
        lab=booked.lab,
        owner=booked.owner,
        state=booked.state,
        begins=span.begins if span else None,
        ends=_finite(span.ends) if span else None,
        amounts=booked.amounts.rows,
    )


@router.get("/labs/{name}/history")
async def show_history(name: str, here: Here, who: Who, asked: Pages) -> Page[HistoryEntry]:
    """Who did what with the newest lab of this name, and why, oldest first; of an ended one too."""
    after = asked.after(int)

    def look(db: sa.Connection) -> list[history.Entry]:
        key = sandboxes.latest(db, name)
        if key is None:
            raise NotFoundError(f"There is no lab named {name}.", hint="`rackless list` shows the labs.")
        return history.of(db, key, most=asked.more, after=after[0] if after else 0)

    return asked.page(await here.database.read(look), lambda entry: (entry.id,), lambda entry: _entry(entry, who))


def _entry(entry: history.Entry, who: Caller) -> HistoryEntry:
    return HistoryEntry(time=entry.time, who=entry.who, what=heard(who, entry.what), why=heard(who, entry.why))
