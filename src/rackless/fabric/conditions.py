"""What is wrong now, of each node and of the fabric as a whole. Pure. alarms.py makes alarms of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rackless.fabric import placing
from rackless.fabric.ailments import NAMES, SETTLING, of_node
from rackless.fabric.alarms import Condition
from rackless.fabric.membership import Stranger
from rackless.fabric.truth import Truth
from rackless.model.fabric import DatabaseRole, Function, Health, Life, Node, Severity

CRITICAL, MAJOR, MINOR, WARNING = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING

OLD = 60.0
"""Seconds after which a node's facts are too old to say anything."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`health`: by node, of those that are heard. `ages`: of these facts, seconds, by the decider's own clock."""

    health: Mapping[str, Health] = field(default_factory=dict)
    ages: Mapping[str, float] = field(default_factory=dict)
    strangers: tuple[Stranger, ...] = ()


def conditions(truth: Truth, seen: Seen, now: float) -> tuple[Condition, ...]:
    """`now`: seconds since the epoch; only certificates are read by it."""
    return tuple(_all(truth, seen, now))


def _all(truth: Truth, seen: Seen, now: float) -> Iterator[Condition]:
    yield from _members(truth)
    yield from _whole(truth, seen)
    yield from _strangers(truth, seen.strangers)
    upgrading = truth.upgrade is not None
    for node in truth.layout.nodes:
        health = seen.health.get(node.id)
        if health is None or node.id not in truth.living() or seen.ages.get(node.id, 0.0) > OLD:
            yield from _as_before(truth, node)
            continue
        yield from of_node(health, node, now, truth.layout.time_sources)
        if health.release and node.release and health.release != truth.layout.nodes[0].release and not upgrading:
            first = truth.layout.nodes[0]
            yield Condition(
                name="release",
                node=node.id,
                severity=MINOR,
                cause=f"{node.name} runs release {health.release}, {first.name} has {first.release}.",
                hint="Install the release of the others on it: nodes of two releases are for the time of an upgrade only.",
                after=60.0,
            )


def _as_before(truth: Truth, node: Node) -> Iterator[Condition]:
    """Nothing is known of the node: what was wrong with it still counts as wrong."""
    for alarm in truth.alarms:
        if alarm.node == node.id and alarm.name in NAMES:
            yield Condition(
                name=alarm.name,
                node=node.id,
                subject=alarm.subject,
                severity=alarm.severity,
                cause=alarm.cause,
                hint=alarm.hint,
                stays=True,
            )


# ---- members


def _members(truth: Truth) -> Iterator[Condition]:
    for node in truth.layout.nodes:
        verdict = truth.verdict(node.id)
        if node.maintenance or verdict.life is Life.ALIVE:
            continue
        if verdict.life is Life.SUSPECT:
            yield Condition(
                name="node-silent",
                node=node.id,
                severity=WARNING,
                cause=f"{node.name} has missed its heartbeats.",
                hint=f"Look at its load, its disk and the network to {node.address}.",
            )
            continue
        yield Condition(
            name="node-dead",
            node=node.id,
            severity=MAJOR,
            cause=f"{node.name} is away: {verdict.why}.",
            hint=f"Its work went to others. Start it again; it comes back by itself. If it never will: `rackless fabric remove "
            f"{node.name}`.",
        )
        if verdict.machines:
            some = ", ".join(verdict.machines[:5]) + (" ..." if len(verdict.machines) > 5 else "")
            yield Condition(
                name="machines-away",
                node=node.id,
                severity=MAJOR,
                cause=f"{len(verdict.machines)} machines of labs were on {node.name}: {some}",
                hint="They are back with their node if it only lost its network; else take their labs down and up again.",
            )
    yield from _margin(truth)


def _margin(truth: Truth) -> Iterator[Condition]:
    """How many more losses are borne."""
    layout, dead = truth.layout, truth.dead()
    living = [each for each in layout.voters if each.id not in dead]
    if len(layout.voters) > 1 and len(living) == placing.quorum(layout):
        yield Condition(
            name="one-from-a-stop",
            severity=CRITICAL,
            cause=f"{len(living)} of {len(layout.voters)} voters live; the loss of one more stops the fabric.",
            hint="Bring the lost one back, or add a node: it gets the vote by itself.",
        )
    if len(layout.nodes) > 1 and not placing.safe(layout):
        second = placing.standby(layout)
        how = f" {second.name} takes over only by an operator's `rackless fabric takeover`." if second is not None else ""
        yield Condition(
            name="no-failover",
            severity=WARNING,
            cause=f"The fabric cannot survive the loss of {layout.voters[0].name if layout.voters else 'a node'} by itself.{how}",
            hint="Add a third node, or a witness: `rackless fabric join --role witness` on any small machine.",
        )


def _strangers(truth: Truth, strangers: Iterable[Stranger]) -> Iterator[Condition]:
    hints = {
        "clone": "Stop the copy; give it an identity of its own (`rackless fabric forget` on it) before it joins.",
        "other-fabric": "Its addresses lead here: correct them on it.",
        "stranger": "It was removed: run `rackless fabric forget` on it, or switch it off.",
    }
    for one in strangers:
        known = one.node if truth.layout.node(one.node) is not None else ""
        subject = "" if known else one.node
        severity = MINOR if one.name == "stranger" else MAJOR  # It has no part in anything, and does no harm.
        # Two starts of one node overlap for a moment when it restarts.
        yield Condition(
            name=one.name,
            node=known,
            subject=subject,
            severity=severity,
            cause=one.why,
            hint=hints[one.name],
            after=8.0,
            quiet=30.0,
        )


# ---- the fabric as a whole


def _whole(truth: Truth, seen: Seen) -> Iterator[Condition]:
    layout = truth.layout
    fresh = {id: each for id, each in seen.health.items() if id in truth.living() and seen.ages.get(id, 0.0) <= OLD}
    primaries = [id for id, each in fresh.items() if each.database is DatabaseRole.PRIMARY]
    asked = [id for id, each in fresh.items() if each.database is not None]
    if asked and not primaries:
        yield Condition(
            name="no-primary",
            severity=CRITICAL,
            cause="There is no primary database: nothing can be written.",
            hint="It is elected by itself if two voters live; see `rackless fabric status` for which do not.",
            after=SETTLING,
        )
    if len(primaries) > 1:
        names = " and ".join(_name(truth, id) for id in primaries)
        yield Condition(
            name="two-primaries",
            severity=CRITICAL,
            cause=f"{names} both say that they are the primary database.",
            hint="Stop the older one at once (the one that is not etcd's leader key): `rackless fabric maintenance NODE`.",
            after=5.0,
        )
    replicas = [id for id in asked if id not in primaries and fresh[id].database is not DatabaseRole.DOWN]
    if primaries and len(layout.databases) > 1 and not any(fresh[id].database is DatabaseRole.SYNCHRONOUS for id in replicas):
        yield Condition(
            name="not-synchronous",
            severity=MAJOR,
            cause="No replica has every acknowledged write: with the primary's disk the latest ones would be lost.",
            hint="Bring a database node back; see `rackless fabric status`.",
            after=SETTLING,
        )
    holders = [id for id, each in fresh.items() if each.holds_address]
    if layout.virtual_address and len(holders) > 1:
        names = " and ".join(_name(truth, id) for id in holders)
        yield Condition(
            name="address-twice",
            severity=CRITICAL,
            cause=f"{names} both hold the virtual address {layout.virtual_address}.",
            hint="They do not hear each other by VRRP (protocol 112): let it through between them.",
            after=10.0,
        )
    could = [each for each in layout.having(Function.ADDRESS) if each.id in fresh and fresh[each.id].holds_address is not None]
    if layout.virtual_address and could and not holders:
        yield Condition(
            name="no-address",
            severity=CRITICAL,
            cause=f"No node holds the virtual address {layout.virtual_address}.",
            hint="Look at keepalived's log on " + ", ".join(each.name for each in could) + ".",
            after=10.0,
        )
    yield from _stopped(truth)


def _stopped(truth: Truth) -> Iterator[Condition]:
    if truth.upgrade is not None and truth.upgrade.stopped:
        yield Condition(
            name="upgrade-stopped",
            severity=MAJOR,
            cause=f"The upgrade to {truth.upgrade.release} stopped: {truth.upgrade.stopped}",
            hint="Put that right, then resume or abandon it; the nodes work in the meantime.",
        )


def _name(truth: Truth, id: str) -> str:
    node = truth.layout.node(id)
    return node.name if node is not None else id
