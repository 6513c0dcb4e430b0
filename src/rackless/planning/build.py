"""Blueprint + Site -> Plan. Pure: the same input gives the same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rackless.model import naming
from rackless.model.blueprint import Blueprint, RouterWish, Wire
from rackless.model.errors import InputError
from rackless.model.family import NicRole, Role
from rackless.model.plan import Forward, MachineSpec, Plan, SegmentSpec, WireSpec
from rackless.model.site import Site
from rackless.planning import addresses, identity, machines, placement, reach, relabelling
from rackless.planning.wires import has_port, wire


def plan(blueprint: Blueprint, site: Site, *, sandbox: str | None = None, there: Plan | None = None) -> Plan:
    """The plan of a blueprint at a site. `sandbox` (default: the blueprint's name) marks all that will be made. Machines that are
    `there` already keep their MACs and addresses.

    Names and MACs follow from (sandbox, router, card, NIC) alone: neither the order of the file nor another router
    changes them. Management addresses follow from a hash too; they move only when two fall on the same one.

    Raises:
        InputError: bad sandbox name, unknown family or place, a static address that cannot be had, a wire that cannot
            be made.
        CapacityError: the management network is full.
    """
    sandbox = blueprint.name if sandbox is None else sandbox
    if not naming.is_name(sandbox):
        raise InputError(
            f"'{sandbox}' cannot be the name of a lab.",
            hint=f"Use at most {naming.NAME_MOST} lower-case letters, digits and single hyphens, starting with a letter.",
        )
    wished, blueprint = blueprint, placement.located(blueprint, site, there)
    places = tuple(machines.places(blueprint, site))
    macs = {spec.name: spec.nics[0].mac for spec in there.machines if spec.nics} if there is not None else {}
    firsts = machines.first_macs(sandbox, [place.name for place in places], macs)
    management = _management(sandbox, site, blueprint, places, there)
    specs = tuple(
        identity.given(spec, place.family, blueprint, cloud=identity.at_a_cloud(spec, site), tag=identity.trunk_tag(spec, site))
        for place in places
        for spec in [relabelling.kept(machines.machine(place, sandbox, firsts[place.name], management), there)]
    )
    empty = Plan(sandbox=sandbox, provider=site.provider, blueprint=wished, machines=specs, segments=(), wires=())
    mtus = {place.owner: place.family.wire_mtu for place in places}
    joined = [
        _as_wished(wish, *wire(empty, *wish.ends, mtu=reach.wire_mtu(site, empty, wish.ends, mtus)))
        for wish in blueprint.wires
        if not wish.planned or all(has_port(empty, end) for end in wish.ends)
    ]
    for segment, made in joined:
        reach.check_reach(site, empty, segment, made.wire)
    internal = tuple(
        _internal(sandbox, router.name, specs, _internal_mtu(site, blueprint, router))
        for router in blueprint.routers
        if machines.family_of(site, router.family, router.name).has_cards
    )
    return replace(
        empty,
        segments=internal + tuple(segment for segment, _ in joined),
        wires=tuple(made for _, made in joined),
    )


def _as_wished(wish: Wire, segment: SegmentSpec, made: WireSpec) -> tuple[SegmentSpec, WireSpec]:
    return segment, replace(made, wire=replace(made.wire, impairment=wish.impairment))


def _management(
    sandbox: str, site: Site, blueprint: Blueprint, places: Iterable[machines.Place], there: Plan | None
) -> dict[str, str]:
    """Management addresses by machine: each of the network of its place, which several may have in common."""
    static = {
        naming.controller(router.name): (router.name, router.fxp0.address)
        for router in blueprint.routers
        if router.fxp0.address is not None
    }
    held = addresses.held(there) if there is not None else {}
    was = {spec.name: there.place_of(spec) for spec in there.machines} if there is not None else {}
    by: dict[str, list[str]] = {}
    for place in places:
        if was.get(place.name) != (place.at or site.provider):
            held.pop(place.name, None)  # it moves, and may not reach that network from there
        if place.role is not Role.CARD:
            network: str = getattr(site.place(place.at), "management_subnet", "") or site.management_network
            by.setdefault(network, []).append(place.name)
    found: dict[str, str] = {}
    for network, names in by.items():
        wanted = {name: address for name, address in static.items() if name in names}
        found |= addresses.allot(sandbox, replace(site, management_network=network), names, wanted, held)
    return found


def _internal_mtu(site: Site, blueprint: Blueprint, router: RouterWish) -> int:
    """What the family's guests expect, or less where the place promises less."""
    family = machines.family_of(site, router.family, router.name)
    place = site.place(machines.place_of(site, blueprint, router))
    promised: int = getattr(place, "internal_mtu", family.internal_mtu)
    return min(family.internal_mtu, promised)


def _internal(sandbox: str, router: str, specs: tuple[MachineSpec, ...], mtu: int) -> SegmentSpec:
    ports = tuple(spec.port(nic) for spec in specs if spec.owner == router for nic in spec.nics if nic.role is NicRole.INTERNAL)
    return SegmentSpec(
        sandbox=sandbox,
        name=naming.internal_segment(router),
        kind="internal",
        ports=ports,
        mtu=mtu,
        place=ports[0].place if ports else "",
    )


def allot(
    plan: Plan,
    console_ports: Mapping[str, int],
    forwards: Mapping[str, tuple[Forward, ...]],
    numbers: Mapping[str, int] | None = None,
) -> Plan:
    """The plan with what was booked out of the pools, by machine name; `numbers` by segment. What is not named keeps what it has.

    Raises:
        InputError: a name is of no machine of the plan.
    """
    names = {spec.name for spec in plan.machines}
    for name in (*console_ports, *forwards):
        if name not in names:
            raise InputError(f"Lab '{plan.sandbox}' has no machine '{name}' to book for.")
    return replace(
        plan,
        machines=tuple(
            replace(
                spec,
                console_port=console_ports.get(spec.name, spec.console_port),
                forwards=forwards.get(spec.name, spec.forwards),
            )
            for spec in plan.machines
        ),
        segments=tuple(replace(one, number=(numbers or {}).get(one.name, one.number)) for one in plan.segments),
    )
