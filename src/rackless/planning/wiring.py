"""Wires that are there and wires that are wanted -> which go, which come. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rackless.model.changes import Change, Effect, Live, LiveWire, Verb
from rackless.model.plan import Plan, PortRef, WireSpec


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """`unwire`: segments of the wires that go first, one that comes back with other ports too."""

    changes: tuple[Change, ...]
    unwire: tuple[str, ...]
    impair: tuple[str, ...] = ()
    """Segments of the wires that stay, and do something else to frames than the blueprint wanted before."""


def wiring(there: Plan, plan: Plan, live: Live, *, prune: bool) -> Wiring:
    """`plan` is what will be there."""
    rows = {wire.spec.segment: wire for wire in live.wires}
    known = {wire.segment: wire.wire.impairment for wire in there.wires}
    changes: list[Change] = []
    unwire: list[str] = []
    impair: list[str] = []
    for wire in plan.wires:
        row = rows.get(wire.segment)
        if row is not None and (_ports(row.spec) != _ports(wire) or _moved(wire, there, plan)):
            unwire.append(wire.segment)
        if row is None:
            changes.append(_row(Verb.ADD, wire, "it was disconnected" if wire.segment in known else "it is new"))
        elif not row.connected:
            changes.append(_row(Verb.ADD, wire, "it is not connected yet"))
        elif wire.segment not in unwire and wire.wire.impairment != known.get(wire.segment):
            impair.append(wire.segment)
            was, is_ = known.get(wire.segment), wire.wire.impairment
            changes.append(_row(Verb.CHANGE, wire, f"{was or 'not impaired'} => {is_ or 'not impaired'}"))
        else:
            changes.append(_row(Verb.KEEP, wire, "it was drawn live, and is in the blueprint now" if row.drawn else ""))
    for segment, reason in _going(there, plan, live, prune=prune):
        unwire.append(segment)
        changes.append(_row(Verb.REMOVE, rows[segment].spec, reason))
    gone = set(unwire)
    changes += [_row(Verb.KEEP, row.spec, "it was drawn live") for row in _others(plan, live) if row.spec.segment not in gone]
    return Wiring(changes=tuple(changes), unwire=tuple(unwire), impair=tuple(impair))


def _row(verb: Verb, wire: WireSpec, reason: str) -> Change:
    effect = Effect.NONE if verb is Verb.KEEP else Effect.LIVE
    return Change(verb=verb, kind="wire", name=str(wire.wire), reason=reason, effect=effect)


def _ports(wire: WireSpec) -> frozenset[PortRef]:
    return frozenset(wire.ports)


def _moved(wire: WireSpec, there: Plan, plan: Plan) -> bool:
    """Whether an end of it is at another place than it was."""
    machines = {port.machine for port in wire.ports}
    was, is_ = ({spec.name: each.place_of(spec) for spec in each.machines if spec.name in machines} for each in (there, plan))
    return any(was.get(name, is_[name]) != is_[name] for name in is_)


def _others(plan: Plan, live: Live) -> Iterator[LiveWire]:
    """Wires that are there and not in the plan."""
    wanted = {wire.segment for wire in plan.wires}
    return (row for row in live.wires if row.spec.segment not in wanted)


def _going(there: Plan, plan: Plan, live: Live, *, prune: bool) -> Iterator[tuple[str, str]]:
    """Those that go, with the reason."""
    labels = {spec.port(nic): nic.label for spec in plan.machines for nic in spec.nics}
    taken = {port: wire for wire in plan.wires for port in wire.ports}
    for row in _others(plan, live):
        wire = row.spec
        ends = list(zip(wire.ports, wire.wire.ends, strict=True))
        lost = [str(end) for port, end in ends if labels.get(port) != end.port]
        other = next((taken[port] for port, _ in ends if port in taken), None)
        if lost:
            yield wire.segment, f"{' and '.join(lost)} {'goes' if len(lost) == 1 else 'go'}"
        elif not row.drawn:
            yield wire.segment, "it is no longer in the blueprint"
        elif other is not None:
            yield wire.segment, f"it was drawn live, and {other.wire} takes its port"
        elif _moved(wire, there, plan):
            yield wire.segment, "it was drawn live, and an end of it moves to another place"
        elif prune:
            yield wire.segment, "it was drawn live, and is not in the blueprint"
