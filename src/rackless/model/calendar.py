"""Time and amounts: what a sandbox needs, and for how long. Times are seconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

ALWAYS = math.inf
"""End of a stay that has none."""


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Of each resource that can run out. Memory and disk in MiB; processors are those of the machines' guests; `consoles` and
    `forwards` are numbers of the pools; `labs`, `routers` and `machines` are what quotas count. In a capacity infinity means that
    nothing limits it. `others`: what only some places have, by a name such as memory@munich; where a capacity says nothing of
    it, nothing limits it."""

    memory: float = 0
    processors: float = 0
    disk: float = 0
    consoles: float = 0
    forwards: float = 0
    labs: float = 0
    routers: float = 0
    machines: float = 0
    others: Mapping[str, float] = field(default_factory=dict, hash=False)

    def of(self, name: str) -> float:
        return float(getattr(self, name)) if name in RESOURCES else self.others.get(name, 0)

    @property
    def names(self) -> tuple[str, ...]:
        return (*RESOURCES, *sorted(self.others))

    @property
    def rows(self) -> dict[str, float]:
        """By name."""
        return {name: self.of(name) for name in self.names}

    def __add__(self, other: Amounts) -> Amounts:
        return self._with(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: Amounts) -> Amounts:
        return self._with(other, lambda mine, theirs: mine - theirs)

    def most(self, other: Amounts) -> Amounts:
        """Of each resource the greater."""
        return self._with(other, max)

    def _with(self, other: Amounts, join: Callable[[float, float], float]) -> Amounts:
        others = {name: join(self.of(name), other.of(name)) for name in (*self.others, *other.others)}
        return amounts({name: join(getattr(self, name), getattr(other, name)) for name in RESOURCES}, others)

    def beyond(self, most: Amounts) -> str | None:
        """The first resource of which this is more, None when it fits."""
        first = next((name for name in RESOURCES if getattr(self, name) > getattr(most, name)), None)
        return first or next((name for name in sorted(self.others) if self.others[name] > most.limit(name)), None)

    def limit(self, name: str) -> float:
        """As of a capacity."""
        return self.of(name) if name in RESOURCES or name in self.others else math.inf

    def within(self, other: Amounts) -> bool:
        """Whether it is no more of anything; what the other says nothing of, it has none of."""
        return all(self.of(name) <= other.of(name) for name in self.names)


RESOURCES = tuple(field.name for field in fields(Amounts) if field.name != "others")
UNITS = {"memory": "MiB of memory", "processors": "processors", "disk": "MiB of disk"}
UNITS |= {"consoles": "console ports", "forwards": "forwarded ports", "numbers": "segment numbers"}
UNITS |= {"labs": "labs", "routers": "routers", "machines": "machines", "machine_hours": "machine-hours in 7 days"}
PLACED = ("memory", "processors", "disk")
"""What each place has of its own."""


def amounts(fixed: Mapping[str, float], others: Mapping[str, float] | None = None) -> Amounts:
    """By name; `others` as those of `Amounts`."""
    values: dict[str, Any] = {**fixed, "others": dict(others or {})}
    return Amounts(**values)


UNLIMITED = amounts(dict.fromkeys(RESOURCES, math.inf))


def placed(resource: str, place: str) -> str:
    """The name of a resource that only this place (or fabric) has."""
    return f"{resource}@{place}"


def of_places(by: Mapping[str, Amounts]) -> Amounts:
    """What places have, or what is wanted at each: in all, and of each what is its own alone."""
    found = Amounts()
    for name, has in by.items():
        own = {placed(one, name): has.of(one) for one in PLACED if has.of(one) < math.inf}
        found += replace(has, others={**has.others, **own})
    return found


def unit(resource: str) -> str:
    """What it is counted in: "MiB of memory", "segment numbers of core"."""
    kind, _, place = resource.partition("@")
    return f"{UNITS[kind]}{f' at {place}' if kind in PLACED else f' of {place}'}" if place else UNITS[kind]


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `begins` until, not including, `ends`."""

    begins: float
    ends: float = ALWAYS

    @property
    def length(self) -> float:
        return self.ends - self.begins


@dataclass(frozen=True, kw_only=True)
class Stay:
    """What a sandbox holds in a span."""

    sandbox: str
    span: Span
    amounts: Amounts


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """Why something does not fit: at `at`, of `resource`, `wanted` are more than the `free` ones of `most`."""

    resource: str
    at: float
    wanted: float
    free: float
    most: float = math.inf

    def __str__(self) -> str:
        return f"{self.wanted:g} {unit(self.resource)} are wanted, and {max(self.free, 0):g} are free"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A lab in the queue. `asked`: when; `share`: of the whole place, the greatest of its shares of a resource (0 to 1)."""

    key: int
    owner: str
    asked: float
    share: float
