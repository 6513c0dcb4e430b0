"""Book a lab, a wire or another job of a lab. Each function is one transaction: all of it or nothing.

The database has one writer at a time, so whoever comes second sees what the first booked, and is told.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from rackless.model.blueprint import Blueprint
from rackless.model.calendar import Amounts, Span, Stay
from rackless.model.changes import Verb
from rackless.model.errors import InputError, NotFoundError, StateError
from rackless.model.hooks import SET_UP, TAKE_DOWN
from rackless.model.lifecycle import JobState, SandboxState, WireState
from rackless.model.plan import Plan, WireSpec
from rackless.model.site import HookRules
from rackless.planning import plan
from rackless.sandboxes import departures, exclusion, hooks, numbers, placing, secrecy
from rackless.sandboxes.times import Place, Wish, check_growth, fits
from rackless.store import blueprints, history, jobs, locks, machines, pools, ports, sandboxes, secrets, wires

EXCLUSIVE = frozenset({"deploy", "apply", "teardown", "snapshot", "restore"})
"""Verbs that no other job of the lab may run beside."""


COLD = "cold"
"""Argument of a deployment whose machines are to boot."""


SNAPSHOT = "snapshot"
"""Argument of a deployment whose machines go on from the snapshot of that name."""


class Kind(StrEnum):
    NEW = "new"
    AGAIN = "again"
    """The lab was there: what is missing or stopped is brought back."""
    CHANGED = "changed"
    """The lab was there, and becomes one of another blueprint."""
    UNCHANGED = "unchanged"
    """The same, and nothing had to be done."""
    FOLLOWED = "followed"
    """A job that was interrupted by the server's death goes on already."""
    BOOKED = "booked"
    """For later: there is no job yet."""
    WAITING = "waiting"
    """In the queue: there is no job yet."""


@dataclass(frozen=True, kw_only=True)
class Booking:
    kind: Kind
    job: str
    sandbox_id: int
    was: str = ""
    """State of the lab before."""


def draft(db: sa.Connection, blueprint: Blueprint, name: str, place: Place, span: Span | None = None) -> Plan:
    """The plan as it would be booked now: addresses that other labs hold are avoided, and what has a choice of places is put
    where most is free. A lab that is there stays where it is. Changes nothing."""
    found = sandboxes.find(db, name)
    there = found.plan if found is not None and any(one.group for one in place.site.places) else None
    return plan(blueprint, placing.situated(db, place, name, span), sandbox=name, there=there)


def book(
    db: sa.Connection,
    blueprint: Blueprint,
    *,
    name: str,
    place: Place,
    wanted: Callable[[Plan], Amounts],
    wish: Wish | None = None,
    written: blueprints.Written | None = None,
) -> Booking:
    """A deployment of this blueprint as the lab `name`, now or for later.

    Args:
        wanted: what a plan takes of the place's capacity.
        written: the blueprint as it was written, to be kept.

    Raises:
        StateError: the name is taken by another blueprint, a job is at work on the lab, or somebody has a lock of it.
        CapacityError: it does not fit beside what is booked, in the time that is wished.
    """
    wish, now = wish or Wish(), time.time()
    hooks.check(place.site.hooks, blueprint.hooks)
    digest = secrecy.digest(blueprint)
    found = sandboxes.find(db, name)
    if found is not None:
        booked = _again(db, found, blueprint, place, wish.who)
        if written is not None:
            blueprints.put(db, found.id, written, who=wish.who)
        return booked
    span = Span(begins=now if wish.begins is None else wish.begins, ends=(wish.begins or now) + wish.length)
    drafted = secrecy.without(draft(db, blueprint, name, place, span))
    amounts = wanted(drafted) + numbers.pooled(drafted, place.site, place.forwarded)
    stay = Stay(sandbox=name, span=span, amounts=amounts)
    within = fits(db, stay, place, owner=wish.owner, queue=wish.queue)
    if (why := exclusion.in_the_way(db, blueprint.locks, span)) and not wish.queue:
        raise StateError(why, hint="Wait for it with `--queue`, or book another time with `--from`.")
    state = SandboxState.BOOKED if within and not why else SandboxState.WAITING
    if wish.cold and (state is SandboxState.WAITING or span.begins > now):
        raise InputError("Only a lab that begins now can be told to boot cold.", hint="For all of them: `warm: no` in site.yaml.")
    key = sandboxes.add(
        db,
        plan=drafted,
        digest=digest,
        boot_id=place.boot_id,
        state=state,
        span=span,
        amounts=amounts,
        saves=wish.saves,
        who=wish.who,
        owner=wish.owner,
    )
    for holder, kind, value in secrecy.chosen(blueprint):
        secrets.put(db, key, holder, kind, value)
    if written is not None:
        blueprints.put(db, key, written, who=wish.who)
    if state is SandboxState.WAITING:
        return Booking(kind=Kind.WAITING, job="", sandbox_id=key)
    if span.begins > now:
        return Booking(kind=Kind.BOOKED, job="", sandbox_id=key)
    job = begin(db, key, place, "its time begins now", who=wish.who, more=_arguments(wish))
    return Booking(kind=Kind.NEW, job=job, sandbox_id=key)


def begin(
    db: sa.Connection, key: int, place: Place, why: str, *, who: str = history.SELF, more: dict[str, Any] | None = None
) -> str:
    """The time of a booked or waiting lab has come: it gets its numbers out of the pools, and a job that deploys it.

    Raises:
        CapacityError: a pool is empty; site.yaml was made smaller since.
        StateError: somebody has a lock of it.
    """
    row = sandboxes.by_id(db, key)
    exclusion.take(db, row)
    final = numbers.take(db, row.plan, key, place.site, place.forwarded)
    sandboxes.replan(db, key, final)
    sandboxes.booted(db, key, place.boot_id)
    for spec in final.machines:
        machines.add(db, key, spec, str(place.transcripts / row.name / f"{spec.name}.log"))
        ports.add(db, key, spec)
    for wire in final.wires:
        wires.put(db, key, wire)
    sandboxes.move(db, key, SandboxState.DEPLOYING, why, who=who)
    return add_job(db, row.name, key, "deploy", hooks.kept(place.site.hooks, row.plan.blueprint, SET_UP) | (more or {}))


def _arguments(wish: Wish) -> dict[str, Any]:
    return ({COLD: True} if wish.cold else {}) | ({SNAPSHOT: wish.snapshot} if wish.snapshot else {})


def _again(db: sa.Connection, found: sandboxes.SandboxRow, blueprint: Blueprint, place: Place, who: str) -> Booking:
    name, digest, site = found.name, secrecy.digest(blueprint), place.site
    _check_stays(found)
    if found.digest != digest:
        found = _rewritten(db, found, blueprint, place)
    if found.state in {SandboxState.BOOKED, SandboxState.WAITING}:
        kind = Kind.BOOKED if found.state is SandboxState.BOOKED else Kind.WAITING
        return Booking(kind=kind, job="", sandbox_id=found.id, was=found.state.value)
    if (running := followed(db, found, digest)) is not None:
        return running
    # A change that did not end has left something that the plan has not: a deployment alone would not take it away.
    verb, arguments = "deploy", hooks.kept(site.hooks, found.plan.blueprint, SET_UP)
    if departures.pending(db, found):
        verb, arguments = "apply", {**departures.arguments(db, found), **arguments}
    sandboxes.move(db, found.id, SandboxState.DEPLOYING, "up was asked for again", who=who)
    job = add_job(db, name, found.id, verb, arguments)
    return Booking(kind=Kind.AGAIN, job=job, sandbox_id=found.id, was=found.state.value)


def _check_stays(found: sandboxes.SandboxRow) -> None:
    if found.state is SandboxState.TEARING_DOWN:
        name = found.name
        raise StateError(f"Lab {name} is being taken down.", hint=f"Wait with `rackless logs {name} --follow`, then try again.")


def _rewritten(db: sa.Connection, found: sandboxes.SandboxRow, blueprint: Blueprint, place: Place) -> sandboxes.SandboxRow:
    """The lab with a blueprint that makes the same: in another order, with other hooks, with wires for later.

    Raises:
        StateError: the blueprint says something else than what the lab was made from.
    """
    from rackless.sandboxes.changing import compare

    what = compare(db, found, blueprint, place, plans_only=True)
    if any(change.verb is not Verb.KEEP for change in what.changes):
        raise StateError(
            f"Lab {found.name} exists already, and was made from a different blueprint.",
            hint=f"`rackless apply FILE` changes it (`--dry-run` shows how); or take it down with `rackless down {found.name}`, "
            "or give this one another name with `--name`.",
        )
    digest = secrecy.digest(blueprint)
    if jobs.running(db, found.id):
        return replace(found, digest=digest)  # A job's plan never changes under it.
    sandboxes.made_from(db, found.id, digest)
    sandboxes.replan(db, found.id, secrecy.without(what.plan))
    return sandboxes.by_id(db, found.id)


def followed(db: sa.Connection, found: sandboxes.SandboxRow, digest: str) -> Booking | None:
    """The job that brings the lab to this blueprint already, and was interrupted by its server's death; None when nothing runs.

    Raises:
        StateError: another job is at work on the lab, or it is being taken down.
    """
    _check_stays(found)
    name = found.name
    for job in jobs.running(db, found.id):
        if job.verb in {"deploy", "apply"} and job.resumed and found.digest == digest:
            return Booking(kind=Kind.FOLLOWED, job=job.id, sandbox_id=found.id, was=found.state.value)
        if job.verb == "deploy":
            raise StateError(
                f"Lab {name} is already being deployed (job {job.id}, since {_clock(job.started)}).",
                hint=f"Follow it with `rackless logs {name} --follow`, or end it with `rackless down {name}`.",
            )
        raise _busy(name, job)
    return None


def book_teardown(
    db: sa.Connection,
    name: str,
    why: str = "down was asked for",
    *,
    saves: bool = False,
    who: str = history.SELF,
    rules: HookRules = HookRules(),  # noqa: B008 - frozen
) -> Booking:
    """The end of a lab. Jobs that ran on it must have ended; a teardown that runs is followed. `saves`: keep the
    configurations of its routers first. Hooks are run for a lab that had begun."""
    found = sandboxes.get(db, name)
    for job in jobs.running(db, found.id):
        if job.verb == "teardown":
            return Booking(kind=Kind.FOLLOWED, job=job.id, sandbox_id=found.id, was=found.state.value)
        raise _busy(name, job)
    routers = found.plan.blueprint.routers if saves and found.state is SandboxState.READY else ()
    sandboxes.move(db, found.id, SandboxState.TEARING_DOWN, why, who=who)
    begun = found.state not in {SandboxState.BOOKED, SandboxState.WAITING}
    run = hooks.kept(rules, found.plan.blueprint, TAKE_DOWN) if begun else {}
    teardown = add_job(db, name, found.id, "teardown", {"save": [router.name for router in routers], **run})
    return Booking(kind=Kind.NEW, job=teardown, sandbox_id=found.id, was=found.state.value)


def book_job(db: sa.Connection, name: str, verb: str, arguments: dict[str, Any]) -> Booking:
    """Another job on a lab that is up."""
    found = ready(db, name)
    return Booking(kind=Kind.NEW, job=add_job(db, name, found.id, verb, arguments), sandbox_id=found.id, was=found.state.value)


def book_healing(db: sa.Connection, name: str) -> Booking:
    """A deployment that brings back what stopped, though nobody asked for it."""
    found = ready(db, name)
    sandboxes.move(db, found.id, SandboxState.DEPLOYING, "what stopped is brought back")
    return Booking(kind=Kind.AGAIN, job=add_job(db, name, found.id, "deploy", {}), sandbox_id=found.id, was=found.state.value)


def book_wire(db: sa.Connection, name: str, wire: WireSpec, place: Place) -> Booking:
    """A wire between two free ports, and the job that connects it. It takes a number where segments have one.

    Raises:
        CapacityError: there is none free until the lab's end.
    """
    found = ready(db, name)
    ends = tuple(str(end) for end in wire.wire.ends)
    for row in wires.of(db, found.id, name):
        if row.state is WireState.DISCONNECTED:
            continue
        for end in ends:
            if end in row.ends:
                other = row.ends[1 - row.ends.index(end)]
                raise StateError(
                    f"{end} is already wired to {other}.",
                    hint=f"Run `rackless disconnect {name} {row.ends[0]} {row.ends[1]}` first.",
                )
    wires.put(db, found.id, wire, drawn=True, number=_number(db, found, wire, place))
    return Booking(
        kind=Kind.NEW,
        job=add_job(db, name, found.id, "connect", {"segment": wire.segment, "ends": list(ends)}),
        sandbox_id=found.id,
        was=found.state.value,
    )


def _number(db: sa.Connection, found: sandboxes.SandboxRow, wire: WireSpec, place: Place) -> int | None:
    """The number of the segment of a wire that is drawn live."""
    planned, pool = found.plan.segment(wire.segment), numbers.pool_of(place.site, found.plan, wire.ports)
    if planned is not None or pool is None:
        return planned.number if planned is not None else None
    more = found.amounts + Amounts(others={pool[0]: 1})
    check_growth(db, found, more, place)
    sandboxes.hold(db, found.id, more)
    return pools.take(db, *pool, found.id, wire.segment)


def wire_at(db: sa.Connection, name: str, *ends: str) -> wires.WireRow:
    """The wire with this end, or between these two.

    Raises:
        NotFoundError: there is none.
        InputError: both ends are the same.
    """
    found = sandboxes.get(db, name)
    if len(ends) > 1 and ends[0] == ends[1]:
        raise InputError(f"{ends[0]} cannot be both ends of a wire.", hint="Name the port at its other end.")
    for row in wires.of(db, found.id, name):
        if set(ends) <= set(row.ends) and row.state is not WireState.DISCONNECTED:
            return row
    what = f"between {ends[0]} and {ends[1]}" if len(ends) > 1 else f"at {ends[0]}"
    raise NotFoundError(f"Lab {name} has no wire {what}.", hint=f"`rackless show {name}` lists its wires.")


def ready(db: sa.Connection, name: str) -> sandboxes.SandboxRow:
    """The lab, if it is up and no deployment or teardown is at work on it.

    Raises:
        StateError: it is not.
    """
    found = sandboxes.get(db, name)
    for job in jobs.running(db, found.id):
        if job.verb in EXCLUSIVE:
            raise _busy(name, job)
    if found.state is not SandboxState.READY:
        raise StateError(
            f"Lab {name} is not ready, it is {found.state.value}.", hint=f"Run `rackless up` again, or `rackless show {name}`."
        )
    return found


def release(db: sa.Connection, key: int, job: str, result: dict[str, list[str]] | None = None) -> None:
    """The end of a sandbox: everything it held in our tables goes; its row and its jobs stay as history. `result`: the job's,
    with what `failed` on the way."""
    from rackless.store.tables import OF_A_SANDBOX

    row = sandboxes.by_id(db, key)
    sandboxes.replan(db, key, replace(row.plan, blueprint=replace(row.plan.blueprint, files=())))
    sandboxes.depart(db, key, ())
    locks.release_of(db, key)
    failed = (result or {}).get("failed", [])
    sandboxes.move(db, key, SandboxState.ENDED, ". ".join(["nothing is left of it", *failed]))
    jobs.end(db, job, JobState.SUCCEEDED, result=result or None)
    for table in OF_A_SANDBOX:  # after its end was told: with its shares goes who may hear of it
        db.execute(table.delete().where(table.c.sandbox_id == key))


def add_job(db: sa.Connection, name: str, key: int, verb: str, arguments: dict[str, Any]) -> str:
    job = f"{name}-{verb}-{uuid.uuid4().hex[:8]}"
    jobs.add(db, job, key, verb, arguments)
    return job


def _busy(name: str, job: jobs.JobRow) -> StateError:
    return StateError(
        f"Lab {name} is busy: job {job.id} ({job.verb}) runs since {_clock(job.started)}.",
        hint=f"Follow it with `rackless logs {name} --follow`.",
    )


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
