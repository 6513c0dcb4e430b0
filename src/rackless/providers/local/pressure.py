"""How hard this machine is pressed, and whether one more of its guests may boot now.

The kernel counts for how long somebody waited for a processor, or for memory (PSI: Linux, Documentation/accounting/psi.rst).
Its averages are of ten seconds and more, which is a whole boot; so the share is taken of the time since the last look.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

from rackless.providers.local import admission

PRESSURE = Path("/proc/pressure")
EASY = 0.25
"""Share of the time in which somebody waited for a processor, below which one more than there are processors may boot."""
THRASHING = 0.1
"""Share of the time in which somebody waited for memory, above which nothing more begins."""
SPAN = 1.0
"""Seconds that a share is taken over at least: what was let in last is to show in it."""


class Pressure:
    """Of one resource, "cpu" or "memory"."""

    def __init__(self, resource: str, *, folder: Path = PRESSURE, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = folder / resource, clock
        self._then = (clock(), self._total())
        self.last = 0.0
        """The newest share."""

    @property
    def there(self) -> bool:
        """Whether this kernel tells it."""
        return self._total() is not None

    def share(self) -> float | None:
        """Of the time since the last share: how much of it somebody waited. None: the time is too short yet, or the kernel does
        not tell."""
        now, total = self._clock(), self._total()
        when, before = self._then
        if total is None or before is None or now - when < SPAN:
            return None
        self._then = (now, total)
        self.last = (total - before) / 1e6 / (now - when)
        return self.last

    def _total(self) -> int | None:
        """Microseconds in which somebody waited (the line `some`)."""
        try:
            text = self._file.read_text(encoding="ascii")
        except OSError:  # no such kernel, or started with psi=0: the files are there then and can't be opened
            return None
        line = next((line for line in text.splitlines() if line.startswith("some ")), "")
        return int(line.rpartition("total=")[2]) if line else None


class LocalRoom:
    """Room to boot on this machine (see `workflows.booting.Room`).

    As many as there are processors always may, and more while nobody waits for one; none for which there is no memory beside what
    those that boot may still take. One alone always may: its lab was let in.
    """

    def __init__(
        self,
        *,
        processors: int = 0,
        folder: Path = PRESSURE,
        available: Callable[[], int] = admission.available_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`processors`: 0 for those that this process may use."""
        self._least = processors or max(2, len(os.sched_getaffinity(0)))
        self._cpu, self._memory = (Pressure(one, folder=folder, clock=clock) for one in ("cpu", "memory"))
        self._available = available

    def bars(self, memory: int, booting: Collection[int]) -> str:
        if not booting:
            return ""
        return self._memory_bars(memory, booting) or ("" if len(booting) < self._least else self._processors_bar(len(booting)))

    def _memory_bars(self, memory: int, booting: Collection[int]) -> str:
        need = admission.memory_with(memory)
        free = self._available() - sum(map(admission.memory_with, booting))
        if free < need:
            return f"{max(free, 0)} MiB of memory are free beside those that boot, and it takes {need}"
        self._memory.share()
        return f"somebody waited for memory {self._memory.last:.0%} of the time" if self._memory.last > THRASHING else ""

    def _processors_bar(self, booting: int) -> str:
        if not self._cpu.there:
            return f"{booting} machines boot on {self._least} processors, and this kernel does not tell its pressure"
        waited = self._cpu.share()
        if waited is None:
            return "the last one has just begun"
        return f"somebody waited for a processor {waited:.0%} of the time" if waited >= EASY else ""
