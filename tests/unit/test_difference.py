"""The difference of two plans, for any two blueprints: what is equal stays, numbers never collide, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rackless.model.blueprint import Blueprint, End, HostWish, Login, RouterWish, Wire
from rackless.model.changes import Difference, Live, LiveWire
from rackless.model.naming import port_label
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.planning import allot, difference, plan
from rackless.routers.families import FAMILIES

SITE = Site(families=FAMILIES)
LIVE_CARDS = frozenset({"reference"})
NAMES = ("west", "east", "north", "south")


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    routers = tuple(
        RouterWish(
            name=name,
            cards=draw(st.integers(1, 3)),
            ports_per_card=draw(st.integers(1, 2)),
            controller_memory=draw(st.sampled_from([None, 300])),
            login=Login(user=draw(st.sampled_from(["lab", "lab", "lab", "ops"]))),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    )
    hosts = tuple(
        HostWish(name=name, nics=draw(st.integers(1, 2))) for name in draw(st.sampled_from([(), ("pc1",), ("pc1", "pc2")]))
    )
    ends = [
        End(owner=router.name, port=port_label(card, port))
        for router in routers
        for card in range(router.cards)
        for port in range(router.ports_per_card)
    ]
    ends += [End(owner=host.name, port=f"eth{nic + 1}") for host in hosts for nic in range(host.nics)]
    mixed = draw(st.permutations(ends))
    count = draw(st.integers(0, len(mixed) // 2))
    wires = tuple(Wire(ends=(mixed[2 * at], mixed[2 * at + 1])) for at in range(count))
    return Blueprint(name="lab", routers=routers, hosts=hosts, wires=wires)


def made(blueprint: Blueprint) -> Plan:
    """As it is there: with console ports."""
    drafted = plan(blueprint, SITE)
    return allot(drafted, {spec.name: 9300 + at for at, spec in enumerate(drafted.machines)}, {})


def live(there: Plan) -> Live:
    return Live(wires=tuple(LiveWire(spec=wire) for wire in there.wires), live_cards=LIVE_CARDS)


def towards(there: Plan, blueprint: Blueprint, state: Live | None = None, *, prune: bool = False) -> Difference:
    return difference(there, plan(blueprint, SITE, there=there), state or live(there), prune=prune)


@given(blueprints())
def test_nothing_differs_from_itself_in_whatever_order_it_is_written(blueprint: Blueprint) -> None:
    there = made(blueprint)
    other = replace(
        blueprint, routers=blueprint.routers[::-1], wires=tuple(Wire(ends=wire.ends[::-1]) for wire in blueprint.wires[::-1])
    )
    found = towards(there, other)
    assert found.empty
    assert sorted(found.plan.machines, key=lambda spec: spec.name) == sorted(there.machines, key=lambda spec: spec.name)


@given(blueprints(), blueprints())
def test_what_stays_keeps_all_it_has_and_what_differs_goes_or_comes(old: Blueprint, new: Blueprint) -> None:
    there = made(old)
    found = towards(there, new)
    before, after = ({spec.name: spec for spec in each.machines} for each in (there, found.plan))
    leaving = {each.machine.name: each for each in found.leaving}
    assert set(after) == {spec.name for spec in plan(new, SITE).machines}
    assert set(before) - set(after) <= set(leaving)
    for name in set(before) & set(after):
        if name not in leaving:
            assert after[name] == before[name]
        same = min(len(before[name].nics), len(after[name].nics))
        assert [nic.mac for nic in after[name].nics[:same]] == [nic.mac for nic in before[name].nics[:same]]
        assert after[name].nics[0].address == before[name].nics[0].address
        assert after[name].console_port == before[name].console_port
    macs = [nic.mac for spec in found.plan.machines for nic in spec.nics]
    addresses = [nic.address for spec in found.plan.machines for nic in spec.nics if nic.label in ("fxp0", "eth0")]
    assert len(set(macs)) == len(macs)
    assert len(set(addresses)) == len(addresses)
    # Whoever is switched off is told, and needs to be allowed, unless their router goes for good.
    stops = [name for change in found.changes for name in change.stops]
    assert sorted(stops) == sorted(leaving)
    allowed = {name for change in found.disruptive for name in change.stops} | (set(before) - set(after))
    assert set(leaving) <= allowed


@given(blueprints(), blueprints())
def test_wires_become_those_of_the_new_blueprint(old: Blueprint, new: Blueprint) -> None:
    there = made(old)
    found = towards(there, new)
    wired = {wire.spec.segment for wire in live(there).wires} - set(found.unwire)
    wired |= {wire.segment for wire in found.plan.wires}
    assert wired == {wire.segment for wire in found.plan.wires}
    # Both again: back by the old blueprint, and nothing differs from it.
    back = towards(found.plan, old)
    assert {wire.segment for wire in back.plan.wires} == {wire.segment for wire in there.wires}
    assert towards(back.plan, old).empty


@given(blueprints(), blueprints(), st.booleans())
def test_wires_drawn_live_stay_where_they_can(old: Blueprint, new: Blueprint, prune: bool) -> None:
    there = made(replace(old, wires=()))
    drawn = plan(old, SITE).wires
    state = Live(wires=tuple(LiveWire(spec=wire, drawn=True) for wire in drawn), live_cards=LIVE_CARDS)
    found = towards(there, new, state, prune=prune)
    ports = {spec.port(nic): nic.label for spec in found.plan.machines for nic in spec.nics}
    taken = {port for wire in found.plan.wires for port in wire.ports}
    wanted = {wire.segment for wire in found.plan.wires}
    for wire in drawn:
        fits = all(ports.get(port) == end.port for port, end in zip(wire.ports, wire.wire.ends, strict=True))
        stays = wire.segment in wanted or (fits and not prune and not taken & set(wire.ports))
        assert (wire.segment not in found.unwire) is stays


@given(blueprints())
def test_what_an_earlier_change_began_to_take_away_goes_first_though_it_comes_back(blueprint: Blueprint) -> None:
    there = made(blueprint)
    empty = towards(there, Blueprint(name="lab", hosts=(HostWish(name="last"),)))
    state = Live(leaving=empty.leaving, live_cards=LIVE_CARDS)
    back = towards(empty.plan, blueprint, state)
    assert {each.machine.name for each in back.leaving} >= {spec.name for spec in there.machines}
    assert all(each.whole for each in back.leaving)
