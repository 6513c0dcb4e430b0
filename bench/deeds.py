"""What the benches of clouds do at a place, and count: a router made and switched on, a wire made and taken away."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.conformance import specs

from rackless.model.plan import PortRef
from rackless.providers.contract import Power, Provider, Ref, RefKind

ENDS = ("vcp", "vfp0")


async def router(where: Provider, name: str, number: int, *, console: int | None = None) -> None:
    """A controller and a card. `number`: of the router among all, from 0. `console`: port of the controller's serial line."""
    await where.ensure(specs.internal("bench", name))
    for place, end in enumerate(ENDS):
        line = console if end == "vcp" else None
        spec = specs.machine("bench", f"{name}-{end}", number=2 * number + place, console=line)
        await where.ensure(spec.disks[0])
        await where.ensure(spec)
        await where.power(Ref(kind=RefKind.MACHINE, sandbox="bench", name=spec.name), Power.ON)


async def wire(where: Provider, *, there: bool) -> None:
    """Between the cards of r0 and r1: made, both ends attached; or taken away."""
    spec = specs.wire("bench", "wire-1", *(PortRef(sandbox="bench", machine=f"r{at}-vfp0", nic=2) for at in range(2)))
    if there:
        await where.ensure(spec)
        await asyncio.gather(*(where.attach(port, spec) for port in spec.ports))
        return
    await asyncio.gather(*(where.detach(port) for port in spec.ports))
    await where.remove(Ref(kind=RefKind.SEGMENT, sandbox="bench", name="wire-1"))


class Counted:
    """`calls`: gives how often each call was made so far. `tell`: is given each deed's line when it is done. `found`: calls and
    seconds of each deed, by its title."""

    def __init__(self, calls: Callable[[], Mapping[str, int]], tell: Callable[[str], None] = lambda _: None) -> None:
        self._calls = calls
        self._tell = tell
        self.found: dict[str, dict[str, Any]] = {}

    async def deed(self, title: str, work: Awaitable[object], per: int = 1) -> None:
        """`per`: among how many the calls and seconds are shared."""
        before, began = Counter(self._calls()), time.monotonic()
        await work
        self.keep(title, Counter(self._calls()) - before, time.monotonic() - began, per)

    def keep(self, title: str, calls: Counter[str], seconds: float, per: int = 1) -> None:
        self.found[title] = {
            "calls": round(calls.total() / per, 1),
            "seconds": round(seconds / per, 2),
            "by kind": dict(calls.most_common()),
        }
        self._tell(_line(title, self.found[title]))

    def table(self) -> str:
        lines = []
        for title, facts in self.found.items():
            lines.append(_line(title, facts))
            lines.append(" " * 8 + ", ".join(f"{count} {kind}" for kind, count in facts["by kind"].items()))
        return "\n".join(lines)


def _line(title: str, facts: Mapping[str, Any]) -> str:
    return f"{title:55} {facts['calls']:7.1f} calls {facts['seconds']:8.2f} s"
