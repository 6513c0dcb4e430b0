"""Time and amounts: what a sandbox needs, and for how long. Times are seconds since the epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

ALWAYS = math.inf
"""End of a stay that has none."""


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Of each resource that can run out. Memory and disk in MiB; processors are those of the machines' guests; `consoles` and
    `forwards` are numbers of the pools; `labs`, `routers` and `machines` are what quotas count. In a capacity infinity means that
    nothing limits it."""

    memory: float = 0
    processors: float = 0
    disk: float = 0
    consoles: float = 0
    forwards: float = 0
    labs: float = 0
    routers: float = 0
    machines: float = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) + getattr(other, name) for name in RESOURCES})

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) - getattr(other, name) for name in RESOURCES})

    def beyond(self, most: Amounts) -> str | None:
        """The first resource of which this is more, None when it fits."""
        return next((name for name in RESOURCES if getattr(self, name) > getattr(most, name)), None)


RESOURCES = tuple(field.name for field in fields(Amounts))
UNITS = {"memory": "MiB of memory", "processors": "processors", "disk": "MiB of disk"}
UNITS |= {"consoles": "console ports", "forwards": "forwarded ports"}
UNITS |= {"labs": "labs", "routers": "routers", "machines": "machines", "machine_hours": "machine-hours in 7 days"}

UNLIMITED = Amounts(**dict.fromkeys(RESOURCES, math.inf))


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
        return f"{self.wanted:g} {UNITS[self.resource]} are wanted, and {max(self.free, 0):g} are free"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A lab in the queue. `asked`: when; `share`: of the whole place, the greatest of its shares of a resource (0 to 1)."""

    key: int
    owner: str
    asked: float
    share: float
