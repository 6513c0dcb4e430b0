"""Pure parts of a fabric: placing, preflight, alarms, the truth as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rackless.fabric import ailments, alarms, changing, placing, preflight, taking_over
from rackless.fabric.alarms import Condition, Pending
from rackless.fabric.truth import Truth, Upgrade, Verdict, as_text, from_text
from rackless.model.errors import InputError, NotFoundError, StateError
from rackless.model.fabric import (
    GIB,
    Alarm,
    Filesystem,
    Function,
    Health,
    JoinRequest,
    Layout,
    Life,
    Node,
    NodeRole,
    Severity,
)

F, A, W = NodeRole.FULL, NodeRole.APP, NodeRole.WITNESS


def layout(*roles: NodeRole, virtual_address: str = "10.0.0.100/24") -> Layout:
    nodes = tuple(
        Node(id=f"n{number}", name=f"n{number}", address=f"10.0.0.{number}", role=role, number=number, machine=f"m{number}")
        for number, role in enumerate(roles, 1)
    )
    return placing.assign(Layout(fabric="f", name="lab", virtual_address=virtual_address, time_sources=("t",), nodes=nodes))


@pytest.mark.parametrize(
    ("roles", "votes", "databases", "addresses", "safe"),
    [
        ((F,), "n1", "n1", "n1", False),
        ((F, F), "n1", "n1", "n1", False),
        ((F, A), "n1", "n1", "n1", False),
        ((F, W), "n1", "n1", "n1", False),
        ((F, F, W), "n1 n2 n3", "n1 n2", "n1 n2", True),
        ((F, F, F), "n1 n2 n3", "n1 n2 n3", "n1 n2 n3", True),
        ((F, F, F, F, A), "n1 n2 n3", "n1 n2 n3", "n1 n2 n3", True),
        ((F, A, F, W), "n1 n3 n4", "n1 n3", "n1 n3", True),
    ],
)
def test_functions_follow_from_roles(roles: tuple[NodeRole, ...], votes: str, databases: str, addresses: str, safe: bool) -> None:
    made = layout(*roles)
    assert [each.id for each in made.voters] == votes.split()
    assert [each.id for each in made.having(Function.DATABASE)] == databases.split()
    assert [each.id for each in made.having(Function.ADDRESS)] == addresses.split()
    assert placing.safe(made) is safe
    for node in made.nodes:
        assert node.has(Function.APPLICATION) is (node.role is not W)
        assert node.has(Function.REPLICA) is (node.role is not W and not node.has(Function.DATABASE))


def test_an_assignment_is_repeatable() -> None:
    made = layout(F, F, W, F)
    assert placing.assign(made) is made


def test_votes_stay_where_they_are() -> None:
    three = layout(F, F, W)
    four = replace(three, nodes=(*three.nodes, Node(id="n4", name="n4", address="10.0.0.4", number=4)))
    assert [each.id for each in placing.assign(four).voters] == ["n1", "n2", "n3"]
    assert [each.id for each in placing.assign(four, {"n3"}).voters] == ["n1", "n2", "n4"]
    assert [each.id for each in placing.assign(three, {"n3"}).voters] == ["n1", "n2", "n3"]


def test_a_node_of_another_subnet_never_holds_the_virtual_address() -> None:
    three = layout(F, F, F)
    away = tuple(replace(each, address="10.9.0.3") if each.id == "n3" else each for each in three.nodes)
    assert [each.id for each in placing.assign(replace(three, nodes=away)).having(Function.ADDRESS)] == ["n1", "n2"]


def test_of_two_one_is_the_standby() -> None:
    two = layout(F, F)
    standby = placing.standby(two)
    assert standby is not None
    assert standby.id == "n2"
    assert placing.standby(layout(F, F, W)) is None


# ---- joining


def request(**differs: object) -> JoinRequest:
    plain = JoinRequest(
        id="x",
        name="x",
        address="10.0.0.50",
        machine="mx",
        processors=2,
        memory=2 * GIB,
        disk=40 * 10**9,
        clock_offset=0.01,
        clock_synchronised=True,
        time_sources=("t",),
        reached={"n1": "", "n2": "", "n3": ""},
        reached_by={"n1": "", "n2": "", "n3": ""},
    )
    return replace(plain, **differs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("differs", "names"),
    [
        ({}, []),
        ({"memory": int(1.9 * GIB)}, []),
        ({"memory": GIB, "processors": 1, "disk": 20 * 10**9}, ["processors", "memory", "disk"]),
        ({"memory": GIB, "processors": 1, "disk": 10**9, "role": W}, []),
        ({"disk_used": 80.0}, ["disk-full"]),
        ({"machine": "m2"}, ["clone"]),
        ({"fabric": "g"}, ["other-fabric"]),
        ({"id": "n2"}, ["id-taken"]),
        ({"id": "n2", "machine": "m2", "name": "n2", "address": "10.0.0.2"}, []),
        ({"name": "n2"}, ["name-taken"]),
        ({"address": "10.0.0.2"}, ["address-taken"]),
        ({"address": "10.0.0.100"}, ["address-virtual"]),
        ({"clock_offset": -0.3}, ["clock-offset"]),
        ({"clock_offset": None}, ["clock-unknown"]),
        ({"clock_synchronised": False}, ["clock-alone"]),
        ({"time_sources": ("u",)}, ["other-time-source"]),
        ({"time_sources": ()}, ["no-time-source"]),
        ({"reached": {"n1": "refused", "n2": ""}}, ["unreachable", "unreachable"]),
        ({"reached_by": {"n1": "refused", "n2": "", "n3": ""}}, ["unreached"]),
        ({"addresses_in_use": ("10.0.0.50:5432",)}, ["ports"]),
        ({"address": "10.7.0.1", "hypervisor": "h"}, []),  # it is the fourth
    ],
)
def test_a_join_is_refused_with_every_reason(differs: dict[str, object], names: list[str]) -> None:
    found = preflight.refusals(layout(F, F, F), request(**differs))
    assert [each.name for each in found] == names
    assert all(each.reason.endswith(".") and each.hint for each in found)


def test_first_and_second_node_are_apart_and_in_the_subnet() -> None:
    one = layout(F)
    one = replace(one, nodes=(replace(one.nodes[0], hypervisor="h"),))
    found = preflight.refusals(one, request(address="10.7.0.1", hypervisor="h"))
    assert [(each.name, each.waivable) for each in found] == [("subnet", False), ("same-hypervisor", True)]


def test_a_dead_member_need_not_be_reached() -> None:
    away = request(reached={"n1": "", "n2": ""}, reached_by={"n1": "", "n2": ""})
    assert [each.name for each in preflight.refusals(layout(F, F, F), away)] == ["unreachable", "unreached"]
    assert preflight.refusals(layout(F, F, F), away, lives={"n3": Life.DEAD}) == ()


def test_another_release_is_refused() -> None:
    one = layout(F)
    one = replace(one, nodes=(replace(one.nodes[0], release="2.0"),))
    assert [each.name for each in preflight.refusals(one, request(release="1.0"))] == ["release"]


# ---- changes


def test_a_change_asked_for_twice_is_one() -> None:
    truth = Truth(layout=layout(F, F, F), numbered=3)
    joined = changing.join(truth, request(), 1.0)
    assert changing.join(joined, request(), 2.0) == joined
    gone = changing.remove(joined, "n3", 3.0)
    assert changing.remove(gone, "n3", 4.0) == gone
    assert [task.kind for task in gone.tasks if "vote" in task.kind] == ["remove-vote", "add-vote"]
    assert [
        each.number
        for each in changing.join(gone, request(id="y", name="y", machine="my", address="10.0.0.51"), 5.0).layout.nodes
    ] == [
        1,
        2,
        4,
        5,
    ]


def test_a_removed_node_stays_below_its_term() -> None:
    truth = Truth(layout=layout(F, F, F)).judged("n3", Verdict(term=4, incarnation="i"))
    assert changing.remove(truth, "n3", 1.0).verdict("n3").term == 5


def test_the_last_full_node_is_not_removed() -> None:
    with pytest.raises(StateError, match="n1 is the last full node"):
        changing.remove(Truth(layout=layout(F, W)), "n1", 1.0)
    with pytest.raises(StateError, match="only 1 of 3 voters would live"):
        changing.remove(Truth(layout=layout(F, F, F)).judged("n3", Verdict(life=Life.DEAD)), "n2", 1.0)


def test_take_over_needs_an_operator_and_silence() -> None:
    truth = Truth(layout=layout(F, F))
    with pytest.raises(StateError, match=r"n1 answers \(ping\)"):
        taking_over.take_over(truth, "n2", off=True, answers={"ping": True, "agent": False}, now=1.0)
    with pytest.raises(StateError, match="does not say that it is off"):
        taking_over.take_over(truth, "n2", off=False, answers={}, now=1.0)
    with pytest.raises(StateError, match="elects by itself"):
        taking_over.take_over(Truth(layout=layout(F, F, W)), "n2", off=True, answers={}, now=1.0)
    after = taking_over.take_over(truth, "n2", off=True, answers={}, now=1.0)
    assert (after.generation, [each.id for each in after.layout.voters]) == (2, ["n2"])
    assert after.verdict("n1").life is Life.DEAD
    # The old one, when it starts: its partner's generation is higher. Both never lead.
    assert "took over" in taking_over.may_lead(truth, "n1", after.generation, told=False)
    assert taking_over.may_lead(after, "n2", truth.generation, told=False) == ""
    assert "does not answer" in taking_over.may_lead(truth, "n1", None, told=False)


# ---- alarms

FULL = Condition(name="disk", severity=Severity.MINOR, cause="c.", hint="h.", node="n1", after=10.0, quiet=20.0)


def told(times: list[tuple[float, list[Condition]]]) -> list[str]:
    standing: tuple[Alarm, ...] = ()
    pending, lines = Pending(), []
    for now, found in times:
        step = alarms.step(standing, pending, found, 1000.0 + now, now)
        standing, pending = step.alarms, step.pending
        lines += [f"{now:g} {'cleared' if each.cleared_at else each.severity}" for each in step.changes]
    return lines


def test_an_alarm_is_raised_once_and_cleared_once() -> None:
    worse = replace(FULL, severity=Severity.MAJOR)
    times = [
        (0.0, [FULL]),
        (9.0, [FULL]),
        (10.0, [FULL]),
        (11.0, [FULL]),
        (20.0, []),
        (30.0, [FULL]),
        (40.0, []),
        (59.0, []),
        (60.0, []),
        (61.0, []),
    ]
    assert told(times) == ["10 minor", "60 cleared"]
    assert told([(0.0, [FULL]), (5.0, []), (6.0, [FULL]), (15.0, [FULL]), (16.0, [FULL])]) == ["16 minor"]
    assert told([(0.0, [FULL]), (10.0, [FULL]), (11.0, [worse]), (12.0, [FULL]), (13.0, [worse])]) == ["10 minor", "11 major"]


def test_what_is_between_two_figures_raises_nothing_and_clears_nothing() -> None:
    between = replace(FULL, stays=True)
    assert told([(0.0, [between]), (50.0, [between])]) == []
    assert told([(0.0, [FULL]), (10.0, [FULL]), (20.0, [between]), (90.0, [between])]) == ["10 minor"]


def test_acknowledging() -> None:
    standing = alarms.step((), Pending(), [replace(FULL, after=0.0)], 1.0, 1.0).alarms
    once = alarms.acknowledge(standing, "disk:n1", "ann", 5.0)
    assert alarms.acknowledge(once, "disk:n1", "bob", 6.0) == once
    worse = alarms.step(once, Pending(), [replace(FULL, severity=Severity.CRITICAL)], 7.0, 7.0).alarms
    assert worse[0].acknowledged_by == ""
    with pytest.raises(NotFoundError):
        alarms.acknowledge(standing, "nothing", "ann", 5.0)


@pytest.mark.parametrize(
    ("percent", "severity"), [(76, None), (79, "stays"), (80, Severity.MINOR), (90, Severity.MAJOR), (95, Severity.CRITICAL)]
)
def test_disk(percent: int, severity: Severity | str | None) -> None:
    health = Health(node="n1", filesystems=(Filesystem(path="/", size=100, used=percent),))
    found = list(ailments.of_node(health, layout(F).nodes[0], 0.0))
    assert [("stays" if each.stays else each.severity) for each in found] == ([severity] if severity else [])


def test_a_node_that_says_nothing_has_no_alarms() -> None:
    assert list(ailments.of_node(Health(node="n1"), layout(F).nodes[0], 0.0)) == []


# ---- the truth as text


def test_the_truth_as_text() -> None:
    truth = (
        Truth(layout=layout(F, F, W), epoch=7, upgrade=Upgrade(release="2", order=("n1",)))
        .judged("n2", Verdict(life=Life.DEAD, term=3, machines=("m",)))
        .asked("tell", text="x")
    )
    standing = alarms.step((), Pending(), [replace(FULL, after=0.0)], 1.0, 1.0).alarms
    truth = replace(truth, alarms=standing)
    assert from_text(Truth, as_text(truth)) == truth
    assert from_text(Truth, as_text(truth).replace('"epoch":7', '"epoch":7,"of a later release":1')) == truth
    with pytest.raises(InputError, match="This is no truth: layout"):
        from_text(Truth, "{}")
