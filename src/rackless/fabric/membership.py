"""Who lives, who is dead, who is back, and who only says so. Pure: of the truth and of what was watched, the next truth.

A verdict that takes something from a node raises its term first; all that follows (its jobs go to others) is a task under that
term. So whoever is cut off in between has lost its right to act before anybody else was given what it had. It is written only if
none of those that lose their term was heard since it was found (`silenced`): a node reads the truth after each beat, and has
either the new term then, or was heard.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rackless.fabric import actions, watching
from rackless.fabric.truth import Beat, Truth, Verdict, from_text
from rackless.fabric.watching import DEAD, OVER, STEADY, SUSPECT, Heard, Watch, strange
from rackless.model.errors import InputError
from rackless.model.fabric import Health, Life, Membership, Node
from rackless.model.lifecycle import LIFE, change


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """Somebody who beats and is not counted. `name`: as an alarm's; `why`: one sentence."""

    name: str
    node: str
    why: str


def judge(truth: Truth, watch: Watch, now: float, me: str = "") -> Truth:
    """`now`: seconds since the epoch, for people only. `me`: who decides, and therefore lives."""
    for node in truth.layout.nodes:
        truth = _one(truth, node, watch, now, me)
    return truth


def _one(truth: Truth, node: Node, watch: Watch, now: float, me: str) -> Truth:
    verdict = truth.verdict(node.id)
    heard = acceptable(truth, node, watch)
    mine = next((each for each in heard if each.beat.incarnation == verdict.incarnation), None)
    if verdict.life in {Life.DEAD, Life.RETURNING}:
        return _of_a_dead(truth, node, heard, now)
    other = next((each for each in heard if each is not mine and each.silent < SUSPECT and not each.beat.ended), None)
    if other is not None and (mine is None or mine.beat.ended or mine.silent >= OVER):
        return _restarted(truth, node, other, now)
    ended = mine is not None and mine.beat.ended
    silent = mine.silent if mine is not None else min((each.silent for each in heard), default=watch.unheard.get(node.id, 0.0))
    if ended and node.id != me:
        return _died(truth, node, now, "it ended in order", watch)
    if silent >= DEAD and node.id != me:
        return _died(truth, node, now, f"nothing was heard of it for {DEAD:.0f} s", watch)
    life = Life.SUSPECT if silent >= SUSPECT and node.id != me else Life.ALIVE
    if life is verdict.life:
        return truth
    why = f"nothing was heard of it for {SUSPECT:.0f} s" if life is Life.SUSPECT else "it is heard again"
    return truth.judged(node.id, _became(node, verdict, life, now, why))


def _restarted(truth: Truth, node: Node, other: Heard, now: float) -> Truth:
    """Another start of the same node. What the one before it had is nobody's until it is handed on."""
    verdict = truth.verdict(node.id)
    if not verdict.incarnation:  # the first ever
        return truth.judged(
            node.id, replace(_became(node, verdict, Life.ALIVE, now, "it joined"), incarnation=other.beat.incarnation)
        )
    truth = truth.judged(
        node.id,
        replace(
            _became(node, verdict, Life.ALIVE, now, "it was started again"),
            incarnation=other.beat.incarnation,
            term=verdict.term + 1,
        ),
    )
    return truth.asked(actions.HAND_ON, node=node.id, term=verdict.term + 1)


def _died(truth: Truth, node: Node, now: float, why: str, watch: Watch) -> Truth:
    verdict = truth.verdict(node.id)
    if verdict.life is Life.ALIVE:
        verdict = _became(node, verdict, Life.SUSPECT, now, why)
    dead = replace(_became(node, verdict, Life.DEAD, now, why), term=verdict.term + 1, machines=_machines(watch, node.id))
    truth = truth.judged(node.id, dead).asked(actions.HAND_ON, node=node.id, term=dead.term)
    return truth.asked(actions.REPORT, node=node.id, term=dead.term) if dead.machines else truth


def _of_a_dead(truth: Truth, node: Node, heard: list[Heard], now: float) -> Truth:
    """It is heard, then steadily, then under its new term: only then it is one of us again."""
    verdict = truth.verdict(node.id)
    back = next((each for each in heard if each.silent < SUSPECT and each.steady >= STEADY and not each.beat.ended), None)
    if back is None:
        if verdict.life is Life.RETURNING:
            return truth.judged(node.id, _became(node, verdict, Life.DEAD, now, "it was heard and fell silent again"))
        return truth
    if verdict.life is Life.DEAD:
        returning = _became(node, verdict, Life.RETURNING, now, f"it has been heard for {STEADY:.0f} s")
        return truth.judged(node.id, replace(returning, incarnation=back.beat.incarnation))
    if back.beat.incarnation == verdict.incarnation and back.beat.term == verdict.term:
        alive = replace(_became(node, verdict, Life.ALIVE, now, f"it took term {verdict.term}"), machines=())
        truth = truth.judged(node.id, alive)
        return truth.asked(actions.REPORT_BACK, node=node.id, term=verdict.term) if verdict.machines else truth
    if back.beat.incarnation != verdict.incarnation:
        return truth.judged(node.id, _became(node, verdict, Life.DEAD, now, "it was started again while it came back"))
    return truth


def _became(node: Node, verdict: Verdict, life: Life, now: float, why: str) -> Verdict:
    change(LIFE, "node", node.name, verdict.life, life)
    return replace(verdict, life=life, since=now, why=why)


def silenced(before: Truth, after: Truth) -> Iterator[tuple[str, str]]:
    """The starts of nodes, (id, incarnation), that lose their term from one truth to the other. One of them that is heard before
    that is written reads that it still has it, and goes on: then it must not be written."""
    for node in after.layout.nodes:
        had = before.verdict(node.id)
        if had.incarnation and after.verdict(node.id).term > had.term:
            yield node.id, had.incarnation


def _machines(watch: Watch, node: str) -> tuple[str, ...]:
    """Machines that it had when it was heard last."""
    for heard in watching.of(watch, node):
        health = facts(heard.beat)
        if health is not None:
            return health.machines
    return ()


def facts(beat: Beat) -> Health | None:
    """What the node says of itself in its heartbeat; None if it says nothing that can be read."""
    return _facts(beat.facts) if beat.facts else None


@functools.lru_cache(maxsize=256)
def _facts(text: str) -> Health | None:
    try:
        return from_text(Health, text)
    except InputError:
        return None


# ---- who is not counted


def acceptable(truth: Truth, node: Node, watch: Watch) -> list[Heard]:
    return [heard for heard in watching.of(watch, node.id) if not strange(truth.layout, node, heard.beat)]


def strangers(truth: Truth, watch: Watch) -> Iterator[Stranger]:
    """All that beat now and are not counted, with the reason."""
    for heard in watch.heard.values():
        if heard.silent >= SUSPECT or heard.beat.ended:
            continue
        node = truth.layout.node(heard.beat.node)
        if node is None:
            why = f"Somebody speaks as {heard.beat.node}, which is no member (any more)."
            yield Stranger(name="stranger", node=heard.beat.node, why=why)
            continue
        why = strange(truth.layout, node, heard.beat)
        if why:
            name = "clone" if heard.beat.fabric == truth.layout.fabric else "other-fabric"
            yield Stranger(name=name, node=node.id, why=why)
            continue
        verdict = truth.verdict(node.id)
        known = watch.heard.get((node.id, verdict.incarnation))
        if (
            heard.beat.incarnation != verdict.incarnation
            and known is not None
            and known.silent < SUSPECT
            and not known.beat.ended
        ):
            why = f"Two speak as {node.name} at the same time: a copy of it runs."
            yield Stranger(name="clone", node=node.id, why=why)


def members(truth: Truth, watch: Watch) -> tuple[Membership, ...]:
    """As it is shown. Ages are of whoever asks, and as old as its own watch at most."""
    found = []
    for node in truth.layout.nodes:
        verdict = truth.verdict(node.id)
        lively = watching.of(watch, node.id)
        found.append(
            Membership(
                node=node.id,
                life=verdict.life,
                age=lively[0].silent if lively else None,
                since=verdict.since,
                why=verdict.why,
                term=verdict.term,
            )
        )
    return tuple(found)
