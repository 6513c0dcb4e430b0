"""When etcd runs on a node, and when what it kept is of a vote that was taken; and which vote is taken first."""

from __future__ import annotations

from dataclasses import replace

from rackless.fabric import actions, changing
from rackless.fabric.etcd import Member
from rackless.fabric.places import Self
from rackless.fabric.truth import Truth, Verdict
from rackless.fabric.voting import Seat, seat, settled
from rackless.model.fabric import JoinRequest, Layout, Life, NodeRole

NAMES = ("n1", "n2", "n3")


def request(name: str) -> JoinRequest:
    """Its id sorts the other way round: nothing may hang on that."""
    number = int(name[1:])
    address = f"10.0.0.{10 + number}"
    return JoinRequest(id=f"id-{9 - number}", name=name, address=address, role=NodeRole.FULL, network="10.0.0.0/24", machine=name)


def three() -> Truth:
    truth = changing.begin(Layout(fabric="f", name="rackless"), request("n1"), 0.0)
    for name in NAMES[1:]:
        truth = changing.join(truth, request(name), 0.0)
    return replace(truth, tasks=())


def me(name: str) -> Self:
    asked = request(name)
    return Self(id=asked.id, name=name, fabric="f", address=asked.address, machine=name)


def member(name: str, number: int, *, started: bool = True) -> Member:
    asked = request(name)
    return Member(id=number, name=asked.id if started else "", peer=f"https://{asked.address}:2380")


ALL = [member(name, number) for number, name in enumerate(NAMES, 1)]


def taken(truth: Truth) -> list[str]:
    return [task.node for task in truth.tasks if task.kind == actions.REMOVE_VOTE]


def test_a_voter_runs_also_while_nothing_is_known() -> None:
    truth = three()
    assert seat(truth.layout, me("n2"), ALL, "2").runs
    assert seat(truth.layout, me("n2"), None, "2") == Seat(runs=True)
    assert not seat(truth.layout, me("n2"), None, None).runs


def test_a_new_voter_waits_until_etcd_takes_it() -> None:
    truth = three()
    assert seat(truth.layout, me("n3"), ALL[:2], None) == Seat(runs=False)
    found = seat(truth.layout, me("n3"), [*ALL[:2], member("n3", 3, started=False)], None)
    assert found.runs
    assert found.member == "3"
    assert dict(found.others) == {one.name: one.peer for one in ALL[:2]}


def test_a_founder_begins_alone() -> None:
    truth = changing.begin(Layout(fabric="f", name="rackless"), request("n1"), 0.0)
    assert seat(truth.layout, me("n1"), None, None, founder=True) == Seat(runs=True)


def test_a_vote_goes_on_until_it_is_taken_in_etcd() -> None:
    truth = changing.remove(three(), me("n3").id, 1.0)
    assert [each.name for each in truth.layout.voters] == ["n1"]
    for name, number in (("n2", "2"), ("n3", "3")):
        assert seat(truth.layout, me(name), ALL, number).runs, "the majority that takes it may need it"
        assert seat(truth.layout, me(name), None, number).runs
        assert seat(truth.layout, me(name), ALL[:1], number) == Seat(runs=False, stale=True)


def test_who_gets_a_vote_anew_follows_with_nothing() -> None:
    truth = three()
    again = [ALL[0], member("n2", 7, started=False)]
    assert seat(truth.layout, me("n2"), again, "2") == Seat(runs=False, stale=True)
    assert seat(truth.layout, me("n2"), again, None).member == "7"


def test_a_member_of_the_same_address_and_another_name_is_another() -> None:
    truth = three()
    old = replace(ALL[2], name="id-of-its-earlier-life")
    assert seat(truth.layout, me("n3"), [*ALL[:2], old], None) == Seat(runs=False)


def test_the_vote_of_the_node_that_leaves_is_taken_first() -> None:
    """With that node dead the other's could not be: the two that are left of three would lose their majority."""
    for name in NAMES:
        truth = three().judged(me(name).id, Verdict(life=Life.DEAD, since=0.0, why="", term=1, incarnation=""))
        found = taken(changing.remove(truth, me(name).id, 1.0))
        assert found[0] == me(name).id
        assert len(found) == 2


def test_etcds_list_is_settled_when_all_who_are_to_vote_do_and_nobody_else() -> None:
    layout = three().layout
    assert settled(layout, ALL)
    assert not settled(layout, ALL[:2])
    assert not settled(layout, [*ALL, member("n4", 4)])
    assert not settled(layout, [*ALL[:2], member("n3", 3, started=False)])
    assert not settled(layout, [*ALL[:2], replace(ALL[2], learner=True)])
