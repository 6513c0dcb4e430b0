"""Plans: pure, stable, and unique in all that must be unique."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackless import planning
from rackless.model import naming
from rackless.model.blueprint import Blueprint, End, HostWish, Login, Management, RouterWish, Snmp, Wire
from rackless.model.changes import Live, LiveWire
from rackless.model.errors import CapacityError, InputError, NotFoundError
from rackless.model.family import NicRole, Role
from rackless.model.places import FakePlace, Numbers, OpenStackPlace
from rackless.model.plan import Forward, MachineSpec, Plan
from rackless.model.site import Site
from rackless.planning import machines
from rackless.routers.families import FAMILIES

SITE = Site(families=FAMILIES)
WEST = RouterWish(name="west", cards=2)
EAST = RouterWish(name="east", cards=2)
PC1 = HostWish(name="pc1", nics=2)


def end(text: str) -> End:
    owner, _, port = text.partition(":")
    return End(owner=owner, port=port)


def joined(one: str, other: str) -> Wire:
    return Wire(ends=(end(one), end(other)))


LAB = Blueprint(
    name="lab",
    routers=(WEST, EAST),
    hosts=(PC1,),
    wires=(joined("west:ge-0/0/0", "east:ge-0/0/0"), joined("pc1:eth2", "west:ge-1/0/3")),
)

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)


@st.composite
def labs(draw: st.DrawFn) -> Blueprint:
    names = draw(st.lists(NAMES, min_size=2, max_size=8, unique_by=lambda name: name.split("-")[0]))
    split = draw(st.integers(1, len(names)))
    counts = st.integers(1, 4)
    return Blueprint(
        name=draw(NAMES),
        routers=tuple(RouterWish(name=name, cards=draw(counts), ports_per_card=draw(counts)) for name in names[:split]),
        hosts=tuple(HostWish(name=name, nics=draw(counts)) for name in names[split:]),
    )


def by_name(plan: Plan) -> dict[str, MachineSpec]:
    return {machine.name: machine for machine in plan.machines}


def identity(machine: MachineSpec) -> tuple[object, ...]:
    return machine.name, [(nic.label, nic.mac, nic.segment) for nic in machine.nics]


@given(labs())
def test_names_macs_and_addresses_are_unique(blueprint: Blueprint) -> None:
    plan = planning.plan(blueprint, SITE)
    names = [machine.name for machine in plan.machines]
    macs = [nic.mac for machine in plan.machines for nic in machine.nics]
    addresses = [nic.address for m in plan.machines for nic in m.nics if nic.role is NicRole.MANAGEMENT and nic.address]
    for values in (names, macs, addresses):
        assert len(set(values)) == len(values)
    assert len(addresses) == len(blueprint.routers) + len(blueprint.hosts)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs), "locally administered unicast"


@given(labs(), st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_no_machine(blueprint: Blueprint, random: object) -> None:
    routers, hosts = list(blueprint.routers), list(blueprint.hosts)
    random.shuffle(routers)  # type: ignore[attr-defined]  # hypothesis's Random has no public type
    random.shuffle(hosts)  # type: ignore[attr-defined]  # as above
    shuffled = replace(blueprint, routers=tuple(routers), hosts=tuple(hosts))
    assert by_name(planning.plan(blueprint, SITE)) == by_name(planning.plan(shuffled, SITE))


@given(labs())
def test_a_further_router_changes_no_other(blueprint: Blueprint) -> None:
    before = by_name(planning.plan(replace(blueprint, routers=blueprint.routers[1:]), SITE))
    after = by_name(planning.plan(blueprint, SITE))
    for name, machine in before.items():
        assert identity(after[name]) == identity(machine)


@given(labs())
def test_the_same_input_gives_the_same_plan(blueprint: Blueprint) -> None:
    assert planning.plan(blueprint, SITE) == planning.plan(blueprint, SITE)


@settings(max_examples=30)
@given(labs(), st.integers(26, 29))
def test_a_small_network_gives_all_it_has_or_says_so(blueprint: Blueprint, prefix: int) -> None:
    network = ipaddress.IPv4Network(f"172.29.0.0/{prefix}")
    site = replace(SITE, management_network=str(network))
    wanted = len(blueprint.routers) + len(blueprint.hosts)
    if wanted > network.num_addresses - 3:
        with pytest.raises(CapacityError):
            planning.plan(blueprint, site)
        return
    plan = planning.plan(blueprint, site)
    given_out = {nic.address for m in plan.machines for nic in m.nics if nic.role is NicRole.MANAGEMENT and nic.address}
    hosts = {f"{address}/{prefix}" for address in list(network.hosts())[1:]}
    assert len(given_out) == wanted
    assert given_out <= hosts


def test_machines_in_order_with_their_nics() -> None:
    plan = planning.plan(LAB, SITE)
    assert [m.name for m in plan.machines] == [
        "west-vcp", "west-vfp0", "west-vfp1", "east-vcp", "east-vfp0", "east-vfp1", "pc1",
    ]  # fmt: skip
    labels = {m.name: [nic.label for nic in m.nics] for m in plan.machines}
    assert labels["west-vcp"] == ["fxp0", "int"]
    assert labels["west-vfp1"] == ["mgmt", "int", "ge-1/0/0", "ge-1/0/1", "ge-1/0/2", "ge-1/0/3"]
    assert labels["pc1"] == ["eth0", "eth1", "eth2"]
    assert [[nic.index for nic in m.nics] for m in plan.machines] == [list(range(len(m.nics))) for m in plan.machines]
    made = by_name(plan)
    assert [made[name].slot for name in ("west-vcp", "west-vfp0", "west-vfp1", "pc1")] == [None, 0, 1, None]
    assert [made[name].nics[1].address for name in ("west-vcp", "west-vfp0", "west-vfp1")] == [
        "128.0.0.1/16", "128.0.0.16/16", "128.0.0.17/16",
    ]  # fmt: skip
    card_management = made["west-vfp0"].nics[0]
    assert (card_management.role, card_management.address, card_management.segment) == (NicRole.MANAGEMENT, None, None)
    assert made["west-vcp"].disks[0].name == "west-vcp-disk0"
    assert (made["west-vcp"].console_port, made["west-vcp"].forwards) == (None, ())


def test_segments() -> None:
    plan = planning.plan(LAB, SITE)
    assert [(s.name, s.kind, s.mtu, [str(port) for port in s.ports]) for s in plan.segments] == [
        ("west-internal", "internal", 9600, ["lab/west-vcp/1", "lab/west-vfp0/1", "lab/west-vfp1/1"]),
        ("east-internal", "internal", 9600, ["lab/east-vcp/1", "lab/east-vfp0/1", "lab/east-vfp1/1"]),
        (naming.wire_segment("west:ge-0/0/0", "east:ge-0/0/0"), "wire", 9500, ["lab/west-vfp0/2", "lab/east-vfp0/2"]),
        (naming.wire_segment("pc1:eth2", "west:ge-1/0/3"), "wire", 9500, ["lab/pc1/2", "lab/west-vfp1/5"]),
    ]
    assert [str(w.wire) for w in plan.wires] == ["west:ge-0/0/0 -- east:ge-0/0/0", "pc1:eth2 -- west:ge-1/0/3"]
    assert [w.segment for w in plan.wires] == [s.name for s in plan.segments[2:]]


def test_memory_defaults_and_wishes() -> None:
    routers = (WEST, replace(EAST, controller_memory=1024, card_memory=512))
    plan = planning.plan(replace(LAB, routers=routers, hosts=(), wires=()), SITE)
    assert [m.memory for m in plan.machines] == [256, 160, 160, 1024, 512, 512]
    assert plan.memory == 2624


def test_a_sandbox_of_another_name_has_other_macs() -> None:
    one, other = planning.plan(LAB, SITE), planning.plan(LAB, SITE, sandbox="lab-2")
    assert other.sandbox == "lab-2"
    assert {m.sandbox for m in other.machines} == {"lab-2"}
    macs = [{nic.mac for m in plan.machines for nic in m.nics} for plan in (one, other)]
    assert not macs[0] & macs[1]


def test_taken_addresses_are_avoided() -> None:
    first = planning.plan(LAB, SITE)
    taken = frozenset(
        nic.address.split("/")[0] for m in first.machines for nic in m.nics if nic.label in ("fxp0", "eth0") and nic.address
    )
    second = planning.plan(LAB, replace(SITE, taken_addresses=taken))
    given_out = {nic.address.split("/")[0] for m in second.machines for nic in m.nics if nic.address}
    assert len(taken) == 3
    assert not taken & given_out


def test_static_fxp0_is_kept_and_given_to_nobody_else() -> None:
    east = planning.plan(LAB, SITE).machines[3].nics[0].address
    blueprint = replace(LAB, routers=(replace(WEST, fxp0=Management(address=east)), EAST))
    plan = planning.plan(blueprint, SITE)
    assert plan.machines[0].nics[0].address == east
    assert plan.machines[3].nics[0].address != east


@pytest.mark.parametrize(
    ("address", "says"),
    [("172.29.0.1/16", "this machine's own"), ("172.29.0.0/16", "network or broadcast"), ("172.29.0.9/16", "another lab")],
)
def test_static_fxp0_that_cannot_be_had(address: str, says: str) -> None:
    blueprint = replace(LAB, routers=(replace(WEST, fxp0=Management(address=address)), EAST))
    with pytest.raises(InputError, match=says):
        planning.plan(blueprint, replace(SITE, taken_addresses=frozenset({"172.29.0.9"})))


def test_colliding_macs_are_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    real = naming.mac
    # SHA-256 has no known collisions to feed in, so the hash itself is made poor: it sees nothing but the suffix.
    monkeypatch.setattr(naming, "mac", lambda sandbox, machine, nic: real(sandbox, machine.partition("#")[2], nic))
    firsts = machines.first_macs("lab", ["b", "a", "c"], {})
    assert firsts == {"a": real("lab", "", 0), "b": real("lab", "1", 0), "c": real("lab", "2", 0)}
    # What is there keeps its own, whoever collides with it.
    assert machines.first_macs("lab", ["a", "b"], {"b": real("lab", "", 0)}) == {
        "a": real("lab", "1", 0),
        "b": real("lab", "", 0),
    }


def test_bad_sandbox_name_and_unknown_family() -> None:
    with pytest.raises(InputError, match="'Lab_2' cannot be the name of a lab"):
        planning.plan(LAB, SITE, sandbox="Lab_2")
    with pytest.raises(InputError, match="'west' is of the family 'referense'") as caught:
        planning.plan(replace(LAB, routers=(replace(WEST, family="referense"), EAST)), SITE)
    assert caught.value.hint.startswith("Did you mean 'reference'?")


def test_resolve() -> None:
    plan = planning.plan(LAB, SITE)
    found, machine, nic = planning.resolve(plan, "west:ge-1/0/2")
    assert (found, machine.name, nic.index) == (end("west:ge-1/0/2"), "west-vfp1", 4)
    found, machine, nic = planning.resolve(plan, "pc1:eth2")
    assert (machine.role, nic.label) == (Role.HOST, "eth2")


@pytest.mark.parametrize(
    ("text", "kind", "message", "hint"),
    [
        ("west", InputError, "'west' is not the end of a wire.", "Write the router or host, a colon and the port"),
        (":ge-0/0/0", InputError, "':ge-0/0/0' is not the end of a wire.", "Write the router"),
        ("wset:ge-0/0/0", NotFoundError, "Lab 'lab' has no router or host 'wset'.", "Did you mean 'west'?"),
        ("west:ge-0/0/9", NotFoundError, "'west' has no port 'ge-0/0/9'.", "Did you mean 'ge-0/0/0'? Its ports are ge-0"),
        ("west:fxp0", InputError, "west:fxp0 is not a port that takes wires.", "Its ports are ge-0/0/0 to ge-1/0/3."),
        ("west:int", InputError, "west:int is not a port that takes wires.", "Its ports are"),
        ("pc1:eth0", InputError, "pc1:eth0 is not a port that takes wires.", "Did you mean 'eth1'? Its ports are eth1 to"),
    ],
)
def test_resolve_explains(text: str, kind: type[InputError], message: str, hint: str) -> None:
    with pytest.raises(kind) as caught:
        planning.resolve(planning.plan(LAB, SITE), text)
    assert type(caught.value) is kind
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)


def test_a_live_wire_is_the_same_as_a_planned_one() -> None:
    with_wires, without = planning.plan(LAB, SITE), planning.plan(replace(LAB, wires=()), SITE)
    for planned, segment in zip(with_wires.wires, with_wires.segments[2:], strict=True):
        assert planning.wire(without, *planned.wire.ends) == (segment, planned)


def test_a_wire_has_the_same_segment_in_both_directions() -> None:
    plan = planning.plan(LAB, SITE)
    one, _ = planning.wire(plan, end("west:ge-0/0/1"), end("east:ge-0/0/1"))
    other, spec = planning.wire(plan, end("east:ge-0/0/1"), end("west:ge-0/0/1"))
    assert one.name == other.name
    assert [str(port) for port in spec.ports] == ["lab/east-vfp0/3", "lab/west-vfp0/3"]
    with pytest.raises(InputError, match="cannot be wired to itself"):
        planning.wire(plan, end("west:ge-0/0/1"), end("west:ge-0/0/1"))


def test_allot() -> None:
    plan = planning.plan(LAB, SITE)
    ssh = Forward(service="ssh", proto="tcp", host_port=20001, guest_port=22)
    booked = planning.allot(plan, {"west-vcp": 9301}, {"west-vcp": (ssh,), "pc1": ()})
    assert (booked.machines[0].console_port, booked.machines[0].forwards) == (9301, (ssh,))
    assert booked.machines[1:] == plan.machines[1:]
    assert planning.allot(booked, {}, {}) == booked
    with pytest.raises(InputError, match="no machine 'west'"):
        planning.allot(plan, {"west": 9301}, {})


def test_summary() -> None:
    rows = planning.summary(planning.plan(LAB, SITE))
    assert rows["totals"] == {
        "routers": 2, "hosts": 1, "machines": 7, "ports": 18, "wires": 2, "memory": 1312, "vcpus": 7,
    }  # fmt: skip
    wired = {row["port"]: row["peer"] for row in rows["ports"] if row["peer"] is not None}
    assert wired == {
        "west:ge-0/0/0": "east:ge-0/0/0",
        "east:ge-0/0/0": "west:ge-0/0/0",
        "pc1:eth2": "west:ge-1/0/3",
        "west:ge-1/0/3": "pc1:eth2",
    }
    assert rows["networks"][1]["machines"] == ["east-vcp", "east-vfp0", "east-vfp1"]
    wire = rows["wires"][0]
    assert (wire["a"], wire["b"], wire["mtu"]) == ("west:ge-0/0/0", "east:ge-0/0/0", 9500)
    assert json.loads(json.dumps(rows)) == rows


def test_summary_holds_no_secret() -> None:
    west = replace(WEST, login=Login(password="Hidden-1"), snmp=Snmp(community="Hidden-2"))
    plan = planning.plan(replace(LAB, routers=(west, EAST)), SITE)
    assert "Hidden" not in json.dumps(planning.summary(plan))
    assert "Hidden" not in repr(plan)


def test_the_reference_page_documents_exactly_the_keys() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/plan.md").read_text(encoding="utf-8")
    rows = planning.summary(planning.plan(LAB, SITE))
    parts = [rows, rows["machines"][0], rows["ports"][0], rows["wires"][0], rows["networks"][0], rows["totals"]]
    missing = [key for part in parts for key in part if f"`{key}`" not in page]
    assert missing == []


PLACES = (
    FakePlace(name="munich", numbers=Numbers(first=5, last=9), fabric="core"),
    FakePlace(name="vienna", numbers=Numbers(first=5, last=9), fabric="core"),
    OpenStackPlace(name="cloud", management_subnet="10.9.0.0/24", internal_mtu=1500),
)
AT_PLACES = Site(families=FAMILIES, provider="munich", places=PLACES)


def test_everything_of_a_router_is_where_it_is_to_be_and_what_names_no_place_says_nothing() -> None:
    lab = replace(LAB, routers=(WEST, replace(EAST, place="vienna")), place="munich")
    plan = planning.plan(lab, AT_PLACES)
    for spec in plan.machines:
        wanted = "vienna" if spec.owner == "east" else ""
        assert {spec.place, *(disk.place for disk in spec.disks)} == {wanted}
        assert plan.place_of(spec) == (wanted or "munich")
    assert {segment.name: {plan.place_of(port) for port in segment.ports} for segment in plan.segments} == {
        "west-internal": {"munich"},
        "east-internal": {"vienna"},
        plan.wires[0].segment: {"munich", "vienna"},
        plan.wires[1].segment: {"munich"},
    }
    same = planning.plan(replace(LAB, place="munich"), AT_PLACES)
    nowhere = planning.plan(LAB, AT_PLACES)
    assert (same.machines, same.segments, same.wires) == (nowhere.machines, nowhere.segments, nowhere.wires)


def test_a_cloud_has_its_own_management_addresses_and_internal_mtu() -> None:
    lab = replace(LAB, routers=(replace(WEST, place="cloud"), EAST), wires=())
    plan = planning.plan(lab, AT_PLACES)
    networks = {
        spec.owner: ipaddress.IPv4Interface(nic.address).network
        for spec in plan.machines
        for nic in spec.nics
        if nic.role is NicRole.MANAGEMENT and nic.address
    }
    assert {owner: str(network) for owner, network in networks.items()} == {
        "west": "10.9.0.0/24",
        "east": AT_PLACES.management_network,
        "pc1": AT_PLACES.management_network,
    }
    assert {segment.name: segment.mtu for segment in plan.segments} == {"west-internal": 1500, "east-internal": 9600}
    moved = planning.plan(replace(lab, routers=(WEST, EAST)), AT_PLACES, there=plan)
    [fxp0] = [nic.address for nic in by_name(moved)["west-vcp"].nics if nic.role is NicRole.MANAGEMENT]
    assert fxp0 is not None
    assert ipaddress.IPv4Interface(fxp0).network == ipaddress.IPv4Network(AT_PLACES.management_network)
    assert by_name(moved)["east-vcp"] == by_name(plan)["east-vcp"]


def test_places_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="'west' is to be at the place 'munch', which this site does not have") as caught:
        planning.plan(replace(LAB, place="munch"), AT_PLACES)
    assert "Did you mean 'munich'" in caught.value.hint
    apart = replace(LAB, routers=(WEST, replace(EAST, place="cloud")))
    with pytest.raises(InputError, match="would go from munich to cloud, and cloud is on no fabric"):
        planning.plan(apart, AT_PLACES)


def test_numbers_are_kept_by_segments_that_stay() -> None:
    plan = planning.plan(LAB, AT_PLACES)
    numbered = planning.allot(plan, {}, {}, {segment.name: 5 + at for at, segment in enumerate(plan.segments)})
    live = Live(wires=tuple(LiveWire(spec=wire) for wire in plan.wires))
    again = planning.difference(numbered, planning.plan(LAB, AT_PLACES, there=numbered), live).plan
    assert [segment.number for segment in again.segments] == [5, 6, 7, 8]
    moved = replace(LAB, routers=(WEST, replace(EAST, place="vienna")))
    after = planning.difference(numbered, planning.plan(moved, AT_PLACES, there=numbered), live)
    assert [segment.number for segment in after.plan.segments] == [5, None, None, 8]
    assert after.unwire == (plan.wires[0].segment,)
