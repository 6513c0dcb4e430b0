"""Numbers that labs hold, one owner each at a time: which pools there are, what a plan takes of them, and taking it.

Console ports and forwarded ports are of this machine; a place can have console ports of its own. Segment numbers (VLAN ids, VNIs)
are of a place, or of the fabric that places share: then a number is held once for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import sqlalchemy as sa

from rackless.model.calendar import Amounts, placed
from rackless.model.family import Role
from rackless.model.lifecycle import SandboxState
from rackless.model.places import OF_THIS_MACHINE, Numbers, Place
from rackless.model.plan import Forward, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.model.site import PoolRange, Site
from rackless.planning import allot
from rackless.store import pools, sandboxes

CONSOLE, FORWARD = "console", "forward"
"""Pools of this machine."""
SERVICES = (("ssh", "tcp", 22), ("netconf", "tcp", 830), ("snmp", "udp", 161))
"""What is forwarded to a controller where its management interface has no address of its own."""


def ranges(site: Site) -> dict[str, PoolRange]:
    """Every pool, by name."""
    found = {CONSOLE: site.console_ports, FORWARD: site.forward_ports}
    for place in site.everywhere:
        found |= dict(pool for pool in (consoles_of(site, place), segments_of(place)) if pool is not None)
    return found


def capacity(site: Site) -> Amounts:
    """How many numbers the pools have."""
    own = {name: float(len(span)) for name, span in ranges(site).items() if "@" in name}
    return Amounts(consoles=len(site.console_ports), forwards=len(site.forward_ports), others=own)


def consoles_of(site: Site, place: Place | None) -> tuple[str, PoolRange] | None:
    """The pool of the place's console ports; None when its serial lines have none."""
    own = getattr(place, "console_ports", None)
    if place is not None and isinstance(own, Numbers):
        return placed("consoles", place.name), PoolRange(first=own.first, last=own.last)
    return (CONSOLE, site.console_ports) if place is None or place.provider in OF_THIS_MACHINE else None


def segments_of(place: Place | None) -> tuple[str, PoolRange] | None:
    """The pool of the numbers of the place's segments; None when they have none."""
    if place is None or place.numbers is None:
        return None
    return placed("numbers", place.fabric or place.name), PoolRange(first=place.numbers.first, last=place.numbers.last)


def pool_of(site: Site, plan: Plan, ports: Iterable[PortRef]) -> tuple[str, PoolRange] | None:
    """The pool of the number of a segment with these ports. At two places these are on one fabric, so any of them tells."""
    machines = {spec.name: spec for spec in plan.machines}
    places = [plan.place_of(machines.get(port.machine, port)) for port in ports]
    return segments_of(site.place(places[0])) if places else None


def pooled(plan: Plan, site: Site, forwarded: frozenset[str]) -> Amounts:
    """Numbers that a plan takes out of the pools, and what quotas count of it.

    Args:
        forwarded: places whose management interfaces are reached by forwarded ports.
    """
    controllers = sum(spec.role is Role.CONTROLLER and plan.place_of(spec) in forwarded for spec in plan.machines)
    taken = Counter(pool[0] for spec in plan.machines if (pool := consoles_of(site, site.place(plan.place_of(spec)))))
    taken.update(pool[0] for segment in plan.segments if (pool := pool_of(site, plan, segment.ports)))
    return Amounts(
        consoles=taken.pop(CONSOLE, 0),
        forwards=controllers * len(SERVICES),
        labs=1,
        routers=len(plan.blueprint.routers),
        machines=len(plan.machines),
        others={name: float(count) for name, count in taken.items()},
    )


def drawn(db: sa.Connection, key: int, plan: Plan) -> Amounts:
    """Segment numbers that a lab holds for wires which its plan has not."""
    planned = {segment.name for segment in plan.segments}
    found = Counter(pool for pool, holder in pools.of(db, key) if pool.startswith("numbers@") and holder not in planned)
    return Amounts(others={name: float(count) for name, count in found.items()})


def take(db: sa.Connection, wanted: Plan, key: int, site: Site, forwarded: frozenset[str], *, there: Plan | None = None) -> Plan:
    """The plan with numbers for all that has none yet. Segments that are `there` without one stay so.

    Raises:
        CapacityError: a pool is empty.
    """
    consoles: dict[str, int] = {}
    forwards: dict[str, tuple[Forward, ...]] = {}
    for spec in wanted.machines:
        place = wanted.place_of(spec)
        pool = consoles_of(site, site.place(place))
        if spec.console_port is None and pool is not None:
            consoles[spec.name] = pools.take(db, *pool, key, spec.name)
        if spec.role is Role.CONTROLLER and place in forwarded and not spec.forwards:
            forwards[spec.name] = _forwards(db, spec, key, site)
    old = _unnumbered(there) if there is not None else {}
    numbers: dict[str, int] = {}
    for segment in wanted.segments:
        pool = pool_of(site, wanted, segment.ports)
        if segment.number is None and pool is not None and old.get(segment.name) != _places(wanted, segment):
            numbers[segment.name] = pools.take(db, *pool, key, segment.name)
    return allot(wanted, consoles, forwards, numbers)


def _unnumbered(plan: Plan) -> Mapping[str, frozenset[str]]:
    return {segment.name: _places(plan, segment) for segment in plan.segments if segment.number is None}


def _places(plan: Plan, segment: SegmentSpec) -> frozenset[str]:
    return frozenset(map(plan.place_of, segment.ports))


def _forwards(db: sa.Connection, spec: MachineSpec, key: int, site: Site) -> tuple[Forward, ...]:
    return tuple(
        Forward(
            service=service,
            proto=proto,
            host_port=pools.take(db, FORWARD, site.forward_ports, key, f"{spec.name} {service}"),
            guest_port=guest_port,
        )
        for service, proto, guest_port in SERVICES
    )


def trim(db: sa.Connection, key: int, plan: Plan, *, machine: str = "", segment: str = "") -> None:
    """Give back what a machine or segment holds and the plan gives it no more."""
    if machine:
        spec = plan.machine(machine)
        kept = {spec.console_port, *(forward.host_port for forward in spec.forwards)} if spec is not None else set()
        pools.give_back(db, key, machine, but=kept)
    if segment:
        planned = plan.segment(segment)
        pools.give_back(db, key, segment, but={planned.number} if planned is not None else set())


def recount(db: sa.Connection, site: Site, forwarded: frozenset[str], wanted: Callable[[Plan], Amounts]) -> None:
    """What labs hold of each place, for those that were booked before the site had these places."""
    for row in sandboxes.live(db):
        taken = pooled(row.plan, site, forwarded)
        if row.state not in {SandboxState.BOOKED, SandboxState.WAITING}:
            mine = Counter(pool for pool, _ in pools.of(db, row.id) if "@" in pool)
            taken = Amounts(others={name: float(count) for name, count in mine.items()})
        others = {**wanted(row.plan).others, **taken.others}
        if set(others) - set(row.amounts.others):
            sandboxes.hold(db, row.id, replace(row.amounts, others={**others, **row.amounts.others}))
