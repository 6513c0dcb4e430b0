"""A rolling upgrade: one node at a time, and by itself no further when health falls. Pure.

A node is taken out of service, gives the primary away, installs the release and starts again, has to be healthy for a while, and
is back in service before the next one's turn. The primary's node is the last, so that it moves once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from rackless.fabric import actions, changing
from rackless.fabric.truth import Truth, Upgrade
from rackless.model.errors import StateError
from rackless.model.fabric import DatabaseRole, Function, Health, Life, Node, Severity

DRAIN = 120.0
"""Seconds that a node may take to give away what it has."""
INSTALLED = 900.0
"""Seconds that installing and starting may take."""
SETTLED = 180.0
"""Seconds after that within which it has to be healthy."""
HEALTHY = 30.0
"""Seconds for which it has to be so before the next one's turn."""


class Stage(StrEnum):
    DRAINING = "draining"
    INSTALLING = "installing"
    SETTLING = "settling"


BORNE = frozenset({"one-from-a-stop", "not-synchronous", "no-failover", "release", "upgrade-stopped", "node-dead", "node-silent"})
"""Alarms that an upgraded node itself makes, or that say nothing about going on: who lives is looked at by itself."""


def begin(truth: Truth, release: str, health: Mapping[str, Health], now: float, how: str = "") -> Truth:
    """Raises:
    StateError: one runs already, or the fabric is not healthy to begin with.
    """
    if truth.upgrade is not None:
        raise StateError(f"An upgrade to {truth.upgrade.release} runs already.", hint="Wait for its end, or abandon it.")
    left = [each.id for each in order(truth, health) if not _has(health, each.id, release)]
    if not left:
        return truth
    why = unhealthy(truth, health, "")
    if why:
        raise StateError(
            f"The fabric is not healthy: {why}", hint="Put that right first; `rackless fabric alarms` lists what is wrong."
        )
    before = next((each.release for each in truth.layout.nodes), "")
    return replace(truth, upgrade=Upgrade(release=release, how=how, before=before, order=tuple(left), since=now))


def order(truth: Truth, health: Mapping[str, Health]) -> list[Node]:
    """Nodes without a vote first, then the witness, then voters; the primary's last."""

    def rank(id: str) -> bool:
        known = health.get(id)
        return known is not None and known.database is DatabaseRole.PRIMARY

    return sorted(
        truth.layout.nodes,
        key=lambda each: (rank(each.id), each.has(Function.VOTE), each.has(Function.DATABASE), each.number),
    )


def _has(health: Mapping[str, Health], id: str, release: str) -> bool:
    known = health.get(id)
    return known is not None and known.release == release


def next_step(truth: Truth, health: Mapping[str, Health], now: float) -> Truth:
    """What follows now; the same truth while there is nothing to do but wait."""
    upgrade = truth.upgrade
    if upgrade is None or upgrade.stopped:
        return truth
    why = unhealthy(truth, health, upgrade.node)
    if why:
        return _stopped(truth, why)
    if any(truth.verdict(each.id).life is Life.SUSPECT for each in truth.layout.nodes if each.id != upgrade.node):
        return truth  # it may be nothing: nothing is begun until that is known
    if not upgrade.node:
        return _next_node(truth, upgrade, health, now)
    stages = {Stage.DRAINING: _drained, Stage.INSTALLING: _installed, Stage.SETTLING: _settled}
    return stages[Stage(upgrade.stage)](truth, upgrade, health, now)


def _next_node(truth: Truth, upgrade: Upgrade, health: Mapping[str, Health], now: float) -> Truth:
    left = [id for id in upgrade.order if id not in upgrade.done and truth.layout.node(id) is not None]
    if not left:
        return replace(truth, upgrade=None)
    truth = replace(truth, upgrade=replace(upgrade, node=left[0], stage=Stage.DRAINING, since=now))
    if len(truth.layout.nodes) == 1:  # it has nobody to give anything to
        return truth
    primary = next((id for id, each in health.items() if each.database is DatabaseRole.PRIMARY), "")
    try:
        return changing.maintain(truth, left[0], True, primary)
    except StateError as error:
        return _stopped(truth, str(error))


def _drained(truth: Truth, upgrade: Upgrade, health: Mapping[str, Health], now: float) -> Truth:
    known = health.get(upgrade.node)
    alone = len(truth.layout.nodes) == 1
    primary = known is not None and known.database is DatabaseRole.PRIMARY and not alone
    pending = [task for task in truth.tasks if task.kind in {actions.SWITCH_OVER, actions.APPLY}]
    if not primary and not pending:
        truth = replace(truth, upgrade=replace(upgrade, stage=Stage.INSTALLING, since=now))
        return truth.asked(actions.INSTALL, node=upgrade.node, text=upgrade.release)
    if now - upgrade.since > DRAIN:
        return _stopped(truth, f"{_name(truth)} did not give away what it has within {DRAIN:.0f} s.")
    return truth


def _installed(truth: Truth, upgrade: Upgrade, health: Mapping[str, Health], now: float) -> Truth:
    if _has(health, upgrade.node, upgrade.release) and truth.verdict(upgrade.node).life is Life.ALIVE:
        node = truth.layout.node(upgrade.node)
        assert node is not None
        truth = truth.with_node(replace(node, release=upgrade.release, maintenance=False))
        truth = replace(truth, upgrade=replace(upgrade, stage=Stage.SETTLING, since=now))
        return truth.asked(actions.APPLY, text=str(truth.layout.version))
    if now - upgrade.since > INSTALLED:
        return _stopped(truth, f"{_name(truth)} was not back with {upgrade.release} within {INSTALLED / 60:.0f} minutes.")
    return truth


def _settled(truth: Truth, upgrade: Upgrade, health: Mapping[str, Health], now: float) -> Truth:
    why = unhealthy(truth, health, "")
    if not why and now - upgrade.since >= HEALTHY:
        return replace(truth, upgrade=replace(upgrade, node="", stage="", done=(*upgrade.done, upgrade.node), since=now))
    if now - upgrade.since > SETTLED:
        return _stopped(truth, f"{_name(truth)} is not healthy with {upgrade.release}: {why}")
    return truth


def _stopped(truth: Truth, why: str) -> Truth:
    assert truth.upgrade is not None
    return replace(truth, upgrade=replace(truth.upgrade, stopped=why))


def _name(truth: Truth) -> str:
    assert truth.upgrade is not None
    node = truth.layout.node(truth.upgrade.node)
    return node.name if node is not None else truth.upgrade.node


def unhealthy(truth: Truth, health: Mapping[str, Health], apart: str) -> str:
    """Why no node may be taken away now: one sentence, or "". `apart`: the one that is away anyhow."""
    for node in truth.layout.nodes:
        if node.id == apart:
            continue
        if truth.verdict(node.id).life in {Life.DEAD, Life.RETURNING}:
            return f"{node.name} is {truth.verdict(node.id).life}."
        known = health.get(node.id)
        if known is None:
            return f"Nothing is known of {node.name}."
        if known.engines_down or known.etcd is False:
            return f"On {node.name} {', '.join(known.engines_down) or 'etcd'} does not work."
        if known.database in {DatabaseRole.DOWN, DatabaseRole.STARTING}:
            return f"The database on {node.name} is {known.database}."
    for alarm in truth.alarms:
        if (
            alarm.severity in {Severity.CRITICAL, Severity.MAJOR}
            and alarm.name not in BORNE
            and (not apart or alarm.node != apart)
        ):
            return alarm.cause
    return ""


def resume(truth: Truth, now: float) -> Truth:
    """Go on at the stage where it stopped.

    Raises:
        StateError: none is stopped.
    """
    if truth.upgrade is None or not truth.upgrade.stopped:
        raise StateError("No upgrade is stopped.", hint="`rackless fabric alarms` says what stands.")
    truth = replace(truth, upgrade=replace(truth.upgrade, stopped="", since=now))
    upgrade = truth.upgrade
    assert upgrade is not None
    if upgrade.stage == Stage.INSTALLING and not any(task.kind == actions.INSTALL for task in truth.tasks):
        return truth.asked(actions.INSTALL, node=upgrade.node, text=upgrade.release)
    return truth


def failed(truth: Truth, node: str, why: str) -> Truth:
    """That node tried, and it did not come off."""
    if truth.upgrade is None or truth.upgrade.node != node or truth.upgrade.stopped:
        return truth
    return _stopped(truth, f"{_name(truth)} did not get {truth.upgrade.release}. {why}")


def abandon(truth: Truth) -> Truth:
    """Nodes keep what they have; the one whose turn it was is back in service."""
    if truth.upgrade is None:
        return truth
    node = truth.upgrade.node
    truth = replace(truth, upgrade=None, tasks=tuple(each for each in truth.tasks if each.kind != actions.INSTALL))
    return changing.maintain(truth, node, False) if node and truth.layout.node(node) is not None else truth
