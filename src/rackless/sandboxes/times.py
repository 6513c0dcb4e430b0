"""A lab in time: does it fit beside what is booked, when would it, may it have longer. Functions over one transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa

from rackless.model.calendar import ALWAYS, Amounts, Span, Stay, Waiting
from rackless.model.errors import CapacityError, InputError, StateError
from rackless.model.lifecycle import SandboxState
from rackless.model.site import Site
from rackless.planning.calendar import Calendar, earliest, fair_order, share
from rackless.sandboxes import exclusion, quotas
from rackless.store import history, sandboxes


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a lab is made. `forwarded`: places whose management interfaces are reached by forwarded ports, which come out of
    a pool.
    `capacity`: all that labs may hold together. `boot_id`: of this machine now. `transcripts`: directory of those of consoles."""

    site: Site
    forwarded: frozenset[str]
    capacity: Amounts
    boot_id: str
    transcripts: Path
    open: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Places of groups that take something new, with the processors that they have."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """When a lab is wanted. `begins` None: now. `queue`: wait for the first time that it fits. `saves`: keep the
    configurations at its end. `cold`: its machines boot, whatever templates there are. `snapshot`: from which they go on."""

    begins: float | None = None
    length: float = ALWAYS
    queue: bool = False
    saves: bool = False
    who: str = history.SELF
    owner: str = "local"
    cold: bool = False
    snapshot: str = ""


def fits(db: sa.Connection, stay: Stay, place: Place, *, owner: str, queue: bool) -> bool:
    """False when it has to wait. Those that wait already come first.

    Raises:
        CapacityError: it may not wait (`queue`), or would for ever; says when it would fit.
        QuotaError: the same for what its owner may have.
    """
    now, name, amounts, span, capacity = time.time(), stay.sandbox, stay.amounts, stay.span, place.capacity
    ledger = quotas.Ledger(db, place.site.quota, now)
    planned = queued(db, place, now)
    for row in sandboxes.waiting(db) if planned else []:
        if row.id in planned:
            ledger.add(row.owner, planned[row.id])
    within = quotas.check(ledger, owner, name, amounts, span, now=now, queue=queue)
    calendar = Calendar(capacity, [*sandboxes.stays(db, now), *planned.values()])
    lacks = calendar.shortage(amounts, span)
    if lacks is None:
        return within
    first = earliest([calendar, *ledger.limits(owner)], amounts, span.length, span.begins)
    if queue and amounts.beyond(capacity) is None:
        return False
    when = "" if lacks.at <= now else f" at {moment(lacks.at)}"
    way_out = "Make it smaller, or give the site more."
    if first is not None:
        way_out = f"It would fit from {moment(first)} on: say `--from` that, or `--queue` to wait for it."
    elif amounts.beyond(capacity) is None:
        way_out = (
            "Labs without an end hold it: end one (`rackless down`), give one an end (`rackless extend`), or wait (`--queue`)."
        )
    raise CapacityError(f"Lab {name} does not fit{when}: {lacks}.", hint=way_out)


def queued(db: sa.Connection, place: Place, now: float) -> dict[int, Stay]:
    """When those that wait will begin, by sandbox and in their order: each as soon as it fits, in the place and in its owner's
    quota, beside all that are booked and those before it in the queue, whom it never delays. One that would wait for ever, behind
    labs without an end, is left out, and one that waits for a lock."""
    waiting = {row.id: row for row in sandboxes.waiting(db)}
    if not waiting:
        return {}
    booked = sandboxes.stays(db, now)
    ledger = quotas.Ledger(db, place.site.quota, now)
    queue = [
        Waiting(key=row.id, owner=row.owner, asked=row.created, share=share(row.amounts, place.capacity))
        for row in waiting.values()
    ]
    found: dict[int, Stay] = {}
    for one in fair_order(queue, ledger.tally(place.capacity), now):
        row = waiting[one.key]
        limits = [Calendar(place.capacity, booked), *ledger.limits(row.owner)]
        begins = earliest(limits, row.amounts, row.span.length, max(now, row.span.begins))
        if begins is not None:
            span = Span(begins=begins, ends=begins + row.span.length)
            if exclusion.in_the_way(db, row.plan.blueprint.locks, span, but=row.id):
                continue  # it delays nobody meanwhile
            found[row.id] = Stay(sandbox=row.name, span=span, amounts=row.amounts)
            booked.append(found[row.id])
            ledger.add(row.owner, found[row.id])
    return found


def extend(db: sa.Connection, name: str, ends: float, place: Place, *, who: str = history.SELF) -> sandboxes.SandboxRow:
    """Another end of a lab, later or sooner; ALWAYS for none.

    Raises:
        CapacityError: what it has is booked by others from its old end on.
        QuotaError: its owner may not have it for so long.
        StateError: it is being taken down.
        InputError: that end has passed.
    """
    now, found = time.time(), sandboxes.get(db, name)
    if found.state is SandboxState.TEARING_DOWN:
        raise StateError(f"Lab {name} is being taken down.", hint="Deploy it again when that is done.")
    if ends <= max(now, found.span.begins):
        raise InputError(
            f"Lab {name} cannot end at {moment(ends)}: that has passed.", hint=f"`rackless down {name}` ends it now."
        )
    if ends > found.span.ends:
        ledger = quotas.Ledger(db, place.site.quota, now, but=found.id)
        waits = found.state is SandboxState.WAITING
        quotas.check(ledger, found.owner, name, found.amounts, replace(found.span, ends=ends), now=now, queue=waits)
    if ends > found.span.ends and found.state is not SandboxState.WAITING:
        calendar = Calendar(place.capacity, sandboxes.stays(db, now, but=found.id))
        lacks = calendar.shortage(found.amounts, Span(begins=max(found.span.ends, now), ends=ends))
        if lacks is not None:
            raise CapacityError(
                f"Lab {name} cannot have until {moment(ends)}: {lacks} at {moment(lacks.at)}.",
                hint=f"It can have until {moment(lacks.at)}."
                if lacks.at > found.span.ends
                else "Others have booked what it holds.",
            )
    sandboxes.extend(db, found.id, ends, f"ends {moment(ends)}", who=who)
    return sandboxes.by_id(db, found.id)


def moment(time_: float) -> str:
    """A time as this server's zone has it, with the zone: 2026-03-01 14:05 CET; "never" for ALWAYS."""
    return "never" if time_ == ALWAYS else time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(time_))


def check_growth(db: sa.Connection, found: sandboxes.SandboxRow, amounts: Amounts, place: Place) -> None:
    """Raises CapacityError when it is more than is free until the lab's end, QuotaError when more than its owner may have."""
    if amounts.within(found.amounts):
        return
    now = time.time()
    quotas.check_growth(db, found, amounts, place.site.quota, now)
    calendar = Calendar(place.capacity, sandboxes.stays(db, now, but=found.id))
    span = Span(begins=max(found.span.begins, now), ends=max(found.span.ends, now + 1))
    lacks = calendar.shortage(amounts, span)
    if lacks is None:
        return
    when = f" from {moment(lacks.at)} on" if lacks.at > now else ""
    first = calendar.earliest(amounts, min(span.length, 1.0), span.begins)
    free = f"It is free from {moment(first)} on. " if first is not None and first > span.begins and first < span.ends else ""
    raise CapacityError(
        f"Lab {found.name} does not fit{when} with that: {lacks}.",
        hint=f"{free}Make it smaller, end another lab (`rackless down`), or give this one a sooner end (`rackless extend`).",
    )
