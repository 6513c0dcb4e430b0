"""What one node has heard of the others, by its own monotonic clock only. Pure.

Silence is counted in looks: each look adds the time since the last one, but at most LOOK. So a decider that was frozen, swapped
out or cut off does not take its own absence for the silence of others, and no clock but a monotonic one matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rackless.fabric.truth import Beat
from rackless.model.fabric import Layout, Node

BEAT = 1.0
"""Seconds between two heartbeats, and between two looks."""
LOOK = 2.0
"""What one look counts at most, seconds."""
GIVE_UP = 5.0
"""Seconds without a heartbeat of its own that was taken until a node stops acting; as keepers/heartbeat.py has it for jobs."""
SUSPECT = 4.0
"""Seconds of silence from which a node is suspected: four beats."""
DEAD = 10.0
"""Seconds of silence from which it is held for dead. GIVE_UP, and one beat and one look of the slowest kind, are below it."""
OVER = GIVE_UP + 1.0
"""Seconds of silence after which one start of a node has surely stopped acting, so that another one counts."""
REMEMBERED = 3600.0
"""Seconds for which a silent one is remembered."""
STEADY = 5.0
"""Seconds for which a node has to be heard before it counts as back."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One incarnation of one node. `silent`: seconds watched since its last new beat; `steady`: seconds without a silence of
    SUSPECT."""

    beat: Beat
    silent: float = 0.0
    steady: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """`at`: the last look, by the monotonic clock; `watched`: seconds of looks since this watch began."""

    at: float | None = None
    watched: float = 0.0
    heard: Mapping[tuple[str, str], Heard] = field(default_factory=dict)
    """By node and incarnation."""
    unheard: Mapping[str, float] = field(default_factory=dict)
    """Seconds watched, by member of whom there is nothing at all that counts."""


def look(watch: Watch, layout: Layout, beats: Iterable[Beat], now: float) -> Watch:
    """`beats`: all that can be read now. `now`: monotonic."""
    step = 0.0 if watch.at is None else min(max(0.0, now - watch.at), LOOK)
    heard: dict[tuple[str, str], Heard] = {}
    for beat in beats:
        key = (beat.node, beat.incarnation)
        before = watch.heard.get(key)
        if before is None:
            heard[key] = Heard(beat=beat)  # may be old: silent from now on, until another comes
        elif beat.count > before.beat.count:
            calm = before.silent + step < SUSPECT
            heard[key] = Heard(beat=beat, silent=0.0, steady=before.steady + step if calm else 0.0)
        else:
            heard[key] = replace(before, silent=before.silent + step)
    for key, before in watch.heard.items():  # gone from the store, after a minute of silence
        if key not in heard and before.silent < REMEMBERED:
            heard[key] = replace(before, silent=before.silent + step, steady=0.0)
    spoken = {each.beat.node for each in heard.values() if _counts(layout, each.beat)}
    unheard = {each.id: watch.unheard.get(each.id, 0.0) + step for each in layout.nodes if each.id not in spoken}
    return Watch(at=now, watched=watch.watched + step, heard=heard, unheard=unheard)


def _counts(layout: Layout, beat: Beat) -> bool:
    node = layout.node(beat.node)
    return node is not None and not strange(layout, node, beat)


def strange(layout: Layout, node: Node, beat: Beat) -> str:
    """ "" if that beat is the node's, else why it is not: one sentence."""
    if beat.fabric != layout.fabric:
        return f"{node.name} speaks for the fabric {beat.fabric}, this one is {layout.fabric}."
    if node.machine and beat.machine and beat.machine != node.machine:
        return f"Somebody speaks as {node.name} from another machine than it joined with: its disk was copied, or moved."
    return ""


def of(watch: Watch, node: str) -> tuple[Heard, ...]:
    """What was heard under that name, the liveliest first."""
    found = [heard for (name, _), heard in watch.heard.items() if name == node]
    return tuple(sorted(found, key=lambda each: (each.silent, -each.steady)))


def silence(watch: Watch, layout: Layout, node: Node) -> float:
    """Seconds that were watched without a beat that counts."""
    found = [each.silent for each in of(watch, node.id) if not strange(layout, node, each.beat)]
    return min(found, default=watch.unheard.get(node.id, 0.0))
