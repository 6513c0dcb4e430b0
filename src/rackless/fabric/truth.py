"""What the nodes of a fabric agree on: one text in etcd, changed by compare-and-swap only, by whoever holds the office.

The office is etcd's lease; its number (`epoch`) grows with each holder. Whoever acts shows it, and whoever is acted on refuses an
older one than it has seen: a decider that was frozen and woken finds every door shut.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from rackless.model.errors import InputError
from rackless.model.fabric import Alarm, Layout, Life, Node


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided of a node. `term`: below which it may not act."""

    life: Life = Life.ALIVE
    since: float = 0.0
    why: str = ""
    term: int = 0
    incarnation: str = ""
    """Which of its starts is heard; another one that speaks at the same time is a copy of it."""
    machines: tuple[str, ...] = ()
    """Machines of labs that were on it when it died."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something decided and not known to be done: whoever holds the office does it (again) and takes it away.

    `kind`: one of actions.KINDS. `number` grows, so that tasks are done in order."""

    number: int
    kind: str
    node: str = ""
    term: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """A rolling upgrade: `node` is the one whose turn it is, at `stage` since `since`; `stopped`: why it does not go on. `how`: a
    node comes by the release (installing.py)."""

    release: str
    how: str = ""
    before: str = ""
    order: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    node: str = ""
    stage: str = ""
    since: float = 0.0
    stopped: str = ""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """`generation`: one more with every take-over by an operator: of two halves the higher one is the fabric. `verdicts` has
    removed nodes too: what they could still do stays below their term."""

    layout: Layout
    numbered: int = 0
    """The highest number that a node ever had."""
    epoch: int = 0
    decider: str = ""
    generation: int = 1
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    tasked: int = 0
    """Number of the last task ever."""
    alarms: tuple[Alarm, ...] = ()
    upgrade: Upgrade | None = None

    def verdict(self, node: str) -> Verdict:
        return self.verdicts.get(node, Verdict())

    def with_node(self, node: Node) -> Truth:
        """In the place of the one with that id, or as one more. The layout's version grows."""
        known = self.layout.node(node.id) is not None
        rest = self.layout.nodes if known else (*self.layout.nodes, node)
        nodes = tuple(node if each.id == node.id else each for each in rest)
        return replace(self, layout=replace(self.layout, nodes=nodes, version=self.layout.version + 1))

    def judged(self, node: str, verdict: Verdict) -> Truth:
        return replace(self, verdicts={**self.verdicts, node: verdict})

    def asked(self, kind: str, *, node: str = "", term: int = 0, text: str = "") -> Truth:
        """With one more task."""
        task = Task(number=self.tasked + 1, kind=kind, node=node, term=term, text=text)
        return replace(self, tasks=(*self.tasks, task), tasked=task.number)

    def did(self, *numbers: int) -> Truth:
        return replace(self, tasks=tuple(each for each in self.tasks if each.number not in numbers))

    def living(self) -> frozenset[str]:
        """Members that are not held for dead."""
        return frozenset(each.id for each in self.layout.nodes if self.verdict(each.id).life in {Life.ALIVE, Life.SUSPECT})

    def dead(self) -> frozenset[str]:
        return frozenset(each.id for each in self.layout.nodes) - self.living()


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A heartbeat, as its node wrote it. `count` grows within an incarnation, which is one start of the node's daemon."""

    node: str
    fabric: str
    incarnation: str
    count: int
    term: int = 0
    machine: str = ""
    release: str = ""
    facts: str = ""
    """model.fabric.Health as text."""
    ended: bool = False
    """The last one of its incarnation: it ends in order, and acts no more."""


# ---- as text

T = TypeVar("T")


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def as_text(value: Any) -> str:
    """Of a dataclass; sets are sorted, so that the same value is the same text."""
    return json.dumps(asdict(value), separators=(",", ":"), default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(type(value).__name__)


def from_text(kind: type[T], text: str) -> T:
    """Fields that are not there get their defaults, those that are not known are left out: nodes of two releases read each other.

    Raises:
        InputError: it is no such text.
    """
    try:
        return cast(T, _adapter(cast(Any, kind)).validate_json(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "text"
        raise InputError(f"This is no {kind.__name__.lower()}: {where}: {first['msg']}.") from error
