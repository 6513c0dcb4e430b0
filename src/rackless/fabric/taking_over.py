"""Two full nodes without a third voice: one of them is the fabric, the other a standby, and only an operator changes that. Pure.

Two halves that do not hear each other cannot know which of them is alone. So the standby never takes over by itself; an operator
says that the other is off, and that is looked at as far as it can be. Each take-over is a generation: of two halves the higher
one is the fabric, and a node that starts without a word from its partner waits to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rackless.fabric import actions, placing
from rackless.fabric.truth import Truth
from rackless.model.errors import StateError
from rackless.model.fabric import Function, Life, Node, NodeRole


def paired(truth: Truth) -> bool:
    """Is it of the kind that needs an operator?"""
    full = [each for each in truth.layout.nodes if each.role is NodeRole.FULL]
    return len(full) == 2 and len(truth.layout.voters) == 1


def partner(truth: Truth, me: str) -> Node | None:
    return next((each for each in truth.layout.nodes if each.role is NodeRole.FULL and each.id != me), None)


def take_over(truth: Truth, me: str, *, off: bool, answers: Mapping[str, bool], now: float) -> Truth:
    """`truth`: what this node was handed last. `off`: the operator says that the other one is off. `answers`: by way (`ping`,
    `etcd`, `database`, `agent`), whether the other answered just now.

    Raises:
        StateError: not here, not needed, or not safe; says why.
    """
    node = truth.layout.node(me)
    other = partner(truth, me)
    if node is None or other is None or not paired(truth):
        raise StateError(
            "This fabric elects by itself; nothing is taken over by hand.",
            hint="`rackless fabric switchover` moves the primary.",
        )
    if node.has(Function.VOTE):
        raise StateError(f"{node.name} has the primary already.", hint=f"Run it on the standby, when {node.name} is gone.")
    sure(other, off, answers)
    given = replace(node, functions=node.functions | {Function.VOTE, Function.DATABASE})
    taken = replace(other, functions=other.functions - {Function.VOTE, Function.DATABASE, Function.ADDRESS})
    layout = placing.assign(truth.with_node(given).with_node(taken).layout)
    before = truth.verdict(other.id)
    dead = replace(before, life=Life.DEAD, since=now, term=before.term + 1, why=f"{node.name} took over, by an operator's word")
    truth = replace(truth, layout=layout, generation=truth.generation + 1, tasks=()).judged(other.id, dead)
    return truth.asked(actions.HAND_ON, node=other.id, term=dead.term).asked(actions.APPLY, text=str(layout.version))


def sure(other: Node, off: bool, answers: Mapping[str, bool]) -> None:
    """Raises StateError unless all that can be known says that the other one is off."""
    alive = sorted(way for way, answered in answers.items() if answered)
    if alive:
        raise StateError(
            f"{other.name} answers ({', '.join(alive)}): two would be primary.",
            hint=f"Switch {other.name} off first; while both are well nothing has to be taken over.",
        )
    if not off:
        raise StateError(
            f"That {other.name} does not answer does not say that it is off.",
            hint="Make sure that it is, then run `rackless fabric takeover --other-is-off`. What was acknowledged on it and not "
            "copied yet is lost, if copies were not synchronous.",
        )


def may_lead(truth: Truth, me: str, heard: int | None, told: bool) -> str:
    """May this node, which starts, lead with what it knows? "" if so, else why not. `heard`: the generation of its partner; None
    if that does not answer. `told`: an operator said so."""
    node = truth.layout.node(me)
    other = partner(truth, me)
    if node is None or other is None or not paired(truth) or told:
        return ""
    if heard is None:
        return (
            f"{other.name} does not answer and may have taken over while {node.name} was off; it goes on once that answers, "
            "or an operator runs `rackless fabric takeover --other-is-off` here."
        )
    if heard > truth.generation:
        return f"{other.name} took over (generation {heard}, here {truth.generation}): this node becomes its standby."
    return "" if node.has(Function.VOTE) else f"{other.name} has the primary."
