"""Quotas: what a user, or a group's users together, may hold at once and book. Infinity stands for no limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from rackless.model.calendar import RESOURCES, UNLIMITED, Amounts


@dataclass(frozen=True, kw_only=True)
class Quota:
    """At any moment no more than so many labs, routers, machines, MiB of memory, processors and MiB of disk; in any 7 days no
    more than so many machine-hours (machines times hours booked); no booking longer than `longest` seconds, and none that begins
    more than `ahead` seconds from now."""

    labs: float = math.inf
    routers: float = math.inf
    machines: float = math.inf
    memory: float = math.inf
    processors: float = math.inf
    disk: float = math.inf
    machine_hours: float = math.inf
    longest: float = math.inf
    ahead: float = math.inf

    @property
    def amounts(self) -> Amounts:
        """What may be held at once, as a capacity."""
        return Amounts(**{name: getattr(self, name, getattr(UNLIMITED, name)) for name in RESOURCES})

    def but(self, chosen: Mapping[str, float | None]) -> Quota:
        """With these limits in the place of its own; None: no limit."""
        values = {name: getattr(self, name) for name in LIMITS}
        values |= {name: math.inf if value is None else value for name, value in chosen.items() if name in values}
        return Quota(**values)


LIMITS = tuple(field.name for field in fields(Quota))
BOUNDLESS = Quota()
