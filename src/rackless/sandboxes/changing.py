"""Change a lab that is there, or is booked, into one of another blueprint: what differs, and its booking in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from rackless.model.blueprint import Blueprint, Wire
from rackless.model.calendar import Amounts
from rackless.model.changes import Change, Difference, Live, LiveWire
from rackless.model.errors import CapacityError, StateError
from rackless.model.family import Role
from rackless.model.hooks import SET_UP
from rackless.model.impairment import Impairment
from rackless.model.lifecycle import MachineState, SandboxState, WireState
from rackless.model.plan import Plan, WireSpec
from rackless.planning import absent, difference, plan
from rackless.sandboxes import booking, departures, hooks, numbers, placing, quotas, secrecy
from rackless.sandboxes.times import Place, check_growth
from rackless.store import blueprints, history, jobs, machines, ports, sandboxes, secrets, wires

UNMADE = frozenset({SandboxState.BOOKED, SandboxState.WAITING})


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How far a change may go. `anew`: machines may be switched off and made anew. `prune`: wires that were drawn live and are
    not in the blueprint go."""

    anew: bool = False
    prune: bool = False
    who: str = history.SELF


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`wanted`: what a plan takes of the place's capacity. `written`: the blueprint as it was written, to be kept. `gone`:
    machines that do not run, as the place itself says."""

    blueprint: Blueprint
    place: Place
    wanted: Callable[[Plan], Amounts]
    terms: Terms
    written: blueprints.Written
    gone: frozenset[str] = frozenset()

    def amounts(self, of: Plan) -> Amounts:
        return self.wanted(of) + numbers.pooled(of, self.place.site, self.place.forwarded)


@dataclass(frozen=True, kw_only=True)
class Applied:
    booking: booking.Booking
    difference: Difference


def compare(
    db: sa.Connection,
    found: sandboxes.SandboxRow,
    blueprint: Blueprint,
    place: Place,
    *,
    gone: frozenset[str] = frozenset(),
    prune: bool = False,
    plans_only: bool = False,
    leaving: frozenset[str] = frozenset(),
) -> Difference:
    """What differs between a lab and a blueprint. Changes nothing.

    Args:
        gone: machines that do not run, as the place itself says.
        plans_only: what was asked for is compared, not what became of it.
        leaving: places that it is to leave, as far as it has a choice.
    """
    site = placing.situated(db, place, found.name, leaving=leaving)
    wanted = plan(blueprint, site, sandbox=found.name, there=found.plan)
    live = Live(
        wires=tuple(LiveWire(spec=wire) for wire in found.plan.wires),
        secrets=tuple(_other_secrets(db, found.id, blueprint)),
        live_cards=frozenset(family.name for family in site.families if family.live_cards),
    )
    if found.state not in UNMADE and not plans_only:
        live = _seen(db, found, live, gone)
    return difference(found.plan, wanted, live, prune=prune)


def _seen(db: sa.Connection, found: sandboxes.SandboxRow, live: Live, gone: frozenset[str]) -> Live:
    rows = machines.of(db, found.id)
    unset = {row.owner for row in rows if row.role == Role.CONTROLLER.value and not row.configured}
    unseen = {port.owner for port in ports.of(db, found.id) if port.mac is None}
    return replace(
        live,
        wires=tuple(_wire(row) for row in wires.of(db, found.id, found.name)),
        stopped=frozenset(row.name for row in rows if row.state is not MachineState.RUNNING) | gone,
        unfinished=frozenset(unset | unseen),
        leaving=found.leaving,
    )


def _wire(row: wires.WireRow) -> LiveWire:
    return LiveWire(
        spec=WireSpec(wire=row.wire, segment=row.segment, ports=row.ports),
        drawn=row.drawn,
        connected=row.state in {WireState.CONNECTED, WireState.DOWN},
    )


def _other_secrets(db: sa.Connection, key: int, blueprint: Blueprint) -> Iterable[tuple[str, str]]:
    """(router, which) that the blueprint gives, and the lab has another."""
    for router in blueprint.routers:
        mine = secrets.of(db, key, router.name)
        for kind, what, given in (
            (secrecy.PASSWORD, "login.password", router.login.password),
            (secrecy.COMMUNITY, "snmp.community", router.snmp.community),
        ):
            if given is not None and kind in mine and mine[kind] != given:
                yield router.name, what


def book_change(db: sa.Connection, name: str, asked: Asked) -> Applied:
    """What turns the lab `name` into one of this blueprint: numbers out of the pools for what is new, and the job.

    Raises:
        StateError: a job is at work on the lab, or something would have to be made anew and that is not allowed.
        CapacityError: it does not fit beside what is booked, until the lab's end.
        QuotaError: its owner may not have it.
    """
    found, blueprint, terms = sandboxes.get(db, name), asked.blueprint, asked.terms
    hooks.check(asked.place.site.hooks, blueprint.hooks)
    digest = secrecy.digest(blueprint)
    if (followed := booking.followed(db, found, digest)) is not None:
        return Applied(booking=followed, difference=Difference(changes=(), plan=found.plan))
    what = compare(db, found, blueprint, asked.place, gone=asked.gone, prune=terms.prune)
    refuse(found, what, terms)
    what = replace(what, plan=secrecy.without(what.plan))
    booked = _book_later(db, found, what, asked) if found.state in UNMADE else _book_now(db, found, what, asked)
    sandboxes.made_from(db, found.id, digest)
    blueprints.put(db, found.id, asked.written, who=terms.who)
    return Applied(booking=booked, difference=what)


def book_move(db: sa.Connection, name: str, leaving: str, asked: Asked) -> Applied:
    """What makes anew elsewhere in its group what a lab has at the place `leaving`; of `asked` the blueprint is the lab's own.

    Raises:
        StateError: a job is at work on the lab, or its blueprint wants something at that very place.
        CapacityError: the others have no room for it.
    """
    found = sandboxes.get(db, name)
    if (busy := jobs.running(db, found.id)) and found.state not in UNMADE:
        raise StateError(f"Job {busy[0].id} is at work on lab {name}.", hint="Wait for its end, then try again.")
    what = compare(db, found, asked.blueprint, asked.place, gone=asked.gone, leaving=frozenset({leaving}))
    stuck = sorted({spec.owner for spec in what.plan.machines if what.plan.place_of(spec) == leaving})
    if stuck:
        raise StateError(
            f"{', '.join(stuck)} of lab {name} can't be elsewhere: the blueprint wants it at {leaving}, or it has no group.",
            hint=f"Write another `place`, and `rackless apply --replace`; or take the lab down with `rackless down {name}`.",
        )
    what = replace(what, plan=secrecy.without(what.plan))
    booked = _book_later(db, found, what, asked) if found.state in UNMADE else _book_now(db, found, what, asked)
    return Applied(booking=booked, difference=what)


def as_it_is(
    db: sa.Connection, found: sandboxes.SandboxRow, impaired: Mapping[str, Impairment]
) -> tuple[Blueprint, dict[Wire, str]]:
    """What is there now as a blueprint that makes the same, without secrets; and remarks on its wires. `impaired`: by segment."""
    blueprint = found.plan.blueprint
    later = tuple(wire for wire in blueprint.wires if wire.planned and absent(found.plan, wire))
    notes = {wire: f"not yet connected: {absent(found.plan, wire)}" for wire in later}
    if found.state in UNMADE:
        return replace(blueprint, name=found.name), notes
    rows = [row for row in wires.of(db, found.id, found.name) if row.state is not WireState.DISCONNECTED]
    there = []
    for row in rows:
        remarks = [text for said, text in ((row.drawn, "drawn live"), (row.state is WireState.DOWN, "taken down")) if said]
        wire = replace(row.wire, impairment=impaired.get(row.segment))
        there.append(wire)
        notes |= {wire: ", ".join(remarks)} if remarks else {}
    return replace(blueprint, name=found.name, wires=(*there, *later)), notes


def refuse(found: sandboxes.SandboxRow, what: Difference, terms: Terms) -> None:
    """Raises StateError when machines would have to be made anew, and that is not allowed. One that was never made need not."""
    if what.disruptive and not terms.anew and found.state not in UNMADE:
        raise StateError(
            f"Lab {found.name} would lose running machines: {'; '.join(map(_told, what.disruptive))}.",
            hint="`--dry-run` shows all that differs; `--replace` lets it happen.",
        )


def _told(change: Change) -> str:
    how = "is made anew" if change.effect.value == "anew" else f"restarts {', '.join(change.stops)}"
    return f"{change.name} {how} ({change.reason})"


def _book_later(db: sa.Connection, found: sandboxes.SandboxRow, what: Difference, asked: Asked) -> booking.Booking:
    """A lab of which nothing is made yet is booked anew, in its place."""
    amounts = asked.amounts(what.plan)
    if found.state is SandboxState.BOOKED:
        check_growth(db, found, amounts, asked.place)
    elif (lacks := amounts.beyond(asked.place.capacity)) is not None:
        raise CapacityError(f"Lab {found.name} would wait for ever: this place has not enough {lacks}.", hint="Make it smaller.")
    else:
        quotas.check_growth(db, found, amounts, asked.place.site.quota, time.time(), queue=True)
    for wish in found.plan.blueprint.routers:
        secrets.drop(db, found.id, wish.name)
    for holder, kind, value in secrecy.chosen(asked.blueprint):
        secrets.put(db, found.id, holder, kind, value)
    sandboxes.replan(db, found.id, what.plan)
    sandboxes.hold(db, found.id, amounts)
    history.add(db, found.id, "changed", "another blueprint was applied", who=asked.terms.who)
    kind = booking.Kind.BOOKED if found.state is SandboxState.BOOKED else booking.Kind.WAITING
    return booking.Booking(kind=kind, job="", sandbox_id=found.id, was=found.state.value)


def _book_now(db: sa.Connection, found: sandboxes.SandboxRow, what: Difference, asked: Asked) -> booking.Booking:
    key = found.id
    if what.empty and found.state is SandboxState.READY:
        sandboxes.replan(db, key, what.plan)
        wires.adopt(db, key, [wire.segment for wire in what.plan.wires])
        return booking.Booking(kind=booking.Kind.UNCHANGED, job="", sandbox_id=key, was=found.state.value)
    _hold(db, found, what, asked)
    final = numbers.take(db, what.plan, key, asked.place.site, asked.place.forwarded, there=found.plan)
    _add_rows(db, found, what, final, asked)
    sandboxes.replan(db, key, final)
    sandboxes.depart(db, key, what.leaving)
    sandboxes.move(db, key, SandboxState.DEPLOYING, "a blueprint was applied", who=asked.terms.who)
    arguments = departures.arguments(db, sandboxes.by_id(db, key), unwire=what.unwire)
    arguments |= {"impair": list(what.impair)} if what.impair else {}
    arguments |= hooks.kept(asked.place.site.hooks, asked.blueprint, SET_UP)
    job = booking.add_job(db, found.name, key, "apply", arguments)
    return booking.Booking(kind=booking.Kind.CHANGED, job=job, sandbox_id=key, was=found.state.value)


def _add_rows(db: sa.Connection, found: sandboxes.SandboxRow, what: Difference, final: Plan, asked: Asked) -> None:
    """Of what is new. What is made anew keeps its rows until the old is gone."""
    key, rows = found.id, machines.of(db, found.id)
    known, owners = {row.name for row in rows}, {row.owner for row in rows}
    for spec in final.machines:
        if spec.name not in known:
            machines.add(db, key, spec, str(asked.place.transcripts / found.name / f"{spec.name}.log"))
            ports.add(db, key, spec)
    there = {wish.name for wish in found.plan.blueprint.routers}
    kept = {wish.name: secrets.of(db, key, wish.name) for wish in final.blueprint.routers}
    for holder, kind, value in secrecy.chosen(asked.blueprint, kept):
        if holder not in owners:
            secrets.put(db, key, holder, kind, value)
        elif holder in what.anew or holder not in there:
            secrets.put(db, key, holder, departures.NEXT + kind, value)
    for wire in final.wires:
        wires.put(db, key, wire)
    wires.adopt(db, key, [wire.segment for wire in final.wires])


def _hold(db: sa.Connection, found: sandboxes.SandboxRow, what: Difference, asked: Asked) -> None:
    """Until the change is done, of each resource the most of before and after; numbers of what goes are held until it is gone."""
    place, staying = asked.place, {spec.name for spec in what.plan.machines}
    after = asked.amounts(what.plan) + numbers.drawn(db, found.id, what.plan)
    going = tuple(each.machine for each in what.leaving if each.machine.name not in staying)
    held = numbers.pooled(replace(what.plan, machines=what.plan.machines + going), place.site, place.forwarded)
    most = found.amounts.most(after)
    most = replace(most, consoles=held.consoles, forwards=held.forwards).most(Amounts(others=held.others))
    check_growth(db, found, most, asked.place)
    sandboxes.hold(db, found.id, most)
