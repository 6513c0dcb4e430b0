"""What operators change: a node joins, is removed, is taken out of service and back. Pure: of a truth the next one.

The same change asked for twice is one change, so that whoever got no answer may ask again.
"""

from __future__ import annotations

from dataclasses import replace

from rackless.fabric import actions, placing
from rackless.fabric.truth import Truth, Verdict
from rackless.model.errors import NotFoundError, StateError
from rackless.model.fabric import Function, JoinRequest, Layout, Life, Node


def begin(layout: Layout, first: JoinRequest, now: float) -> Truth:
    """A fabric of one node. `layout`: its id, name, virtual address and time sources."""
    node = _as_node(first, 1, now)
    return Truth(layout=placing.assign(replace(layout, nodes=(node,))), numbered=1)


def join(truth: Truth, request: JoinRequest, now: float) -> Truth:
    """The preflight had nothing against it. Its vote, if it gets one, is a task: etcd takes it as a learner first."""
    if truth.layout.node(request.id) is not None:
        return truth
    number = truth.numbered + 1
    after = replace(truth.with_node(_as_node(request, number, now)), numbered=number)
    return _placed(truth, after)


def _as_node(request: JoinRequest, number: int, now: float) -> Node:
    return Node(
        id=request.id,
        name=request.name,
        address=request.address,
        role=request.role,
        number=number,
        network=request.network,
        machine=request.machine,
        hypervisor=request.hypervisor,
        release=request.release,
        joined_at=now,
    )


def remove(truth: Truth, id: str, now: float) -> Truth:
    """It may be dead or alive. What it had goes to others, and what it still does is refused.

    Raises:
        StateError: the fabric cannot go on without it.
    """
    node = truth.layout.node(id)
    if node is None:
        return truth
    why = placing.removable(truth.layout, node, truth.dead())
    if why:
        raise StateError(why, hint="Bring dead nodes back, or add another one first.")
    if truth.upgrade is not None and truth.upgrade.node == id:
        raise StateError(f"{node.name} is being upgraded.", hint="Abandon the upgrade first.")
    before = truth.verdict(id)
    gone = Verdict(life=Life.DEAD, since=now, why="it was removed", term=before.term + 1, incarnation=before.incarnation)
    rest = tuple(each for each in truth.layout.nodes if each.id != id)
    after = replace(truth, layout=replace(truth.layout, nodes=rest, version=truth.layout.version + 1))
    return _placed(truth, after.judged(id, gone).asked(actions.HAND_ON, node=id, term=gone.term))


def replace_lost(truth: Truth, id: str) -> Truth:
    """A voter is dead for so long that another gets its vote; the same truth if there is none that could."""
    if placing.spare(truth.layout, _unable(truth) | {id}) is None:
        return truth
    return _placed(truth, truth, id)


def _unable(truth: Truth) -> set[str]:
    """Dead, and without a vote: they get none. Dead ones that have one keep it until it is replaced."""
    return {each.id for each in truth.layout.nodes if each.id in truth.dead() and not each.has(Function.VOTE)}


def _placed(before: Truth, after: Truth, lost: str = "") -> Truth:
    """With the tasks that follow from another layout. A lost vote goes before another comes: in between fewer are needed; and
    those of nodes that are gone or dead go before those of living ones, who are the majority that the first change takes."""
    layout = placing.assign(after.layout, _unable(after) | ({lost} if lost else set()))
    after = replace(after, layout=layout)
    had, have = ({each.id for each in which.layout.voters} for which in (before, after))
    for id in sorted(had - have, key=lambda id: (layout.node(id) is not None and id not in after.dead(), id)):
        after = after.asked(actions.REMOVE_VOTE, node=id)
    for node in layout.voters:
        if node.id not in had:
            after = after.asked(actions.ADD_VOTE, node=node.id)
    return after.asked(actions.APPLY, text=str(layout.version)) if layout != before.layout else after


def rehouse(truth: Truth, id: str, machine: str) -> Truth:
    """The node is on other hardware now, by an operator's word (`rackless fabric adopt`). Not while the old one is heard: then
    somebody adopted a copy of it."""
    node = truth.layout.node(id)
    if node is None or node.machine == machine or truth.verdict(id).life is not Life.DEAD:
        return truth
    return truth.with_node(replace(node, machine=machine))


def maintain(truth: Truth, id: str, on: bool, primary: str = "") -> Truth:
    """`primary`: the node that has it now.

    Raises:
        NotFoundError: no such node.
        StateError: nobody else could be primary.
    """
    node = truth.layout.node(id)
    if node is None:
        raise NotFoundError(f"There is no node {id}.", hint="`rackless fabric status` lists them.")
    if node.maintenance == on:
        return truth
    others = [
        each
        for each in truth.layout.having(Function.DATABASE)
        if each.id != id and each.id in truth.living() and not each.maintenance
    ]
    if on and id == primary and not others:
        raise StateError(
            f"{node.name} has the only database that may be primary now.",
            hint="Bring another database node back or out of maintenance.",
        )
    truth = truth.with_node(replace(node, maintenance=on))
    truth = truth.asked(actions.APPLY, text=str(truth.layout.version))
    return truth.asked(actions.SWITCH_OVER, node=id) if on and id == primary else truth
