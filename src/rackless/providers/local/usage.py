"""What each of our machines takes of this one, as its kernel counts it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from rackless.providers.measuring import Usage
from rackless.qemu import process

FRESH = 2.0
"""Seconds for which an answer is given again: the kernel walks all pages of a machine for it, some milliseconds each."""
_PROC = Path("/proc")


class Meter:
    """`prefix`: of the marks of this installation's processes."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._reading: asyncio.Task[dict[tuple[str, str], Usage]] | None = None
        self._when = 0.0

    async def read(self) -> Mapping[tuple[str, str], Usage]:
        """By sandbox and machine. However many ask, the kernel is asked once."""
        reading = self._reading
        if reading is None or (reading.done() and time.monotonic() - self._when > FRESH):
            self._when = time.monotonic()
            reading = self._reading = asyncio.create_task(asyncio.to_thread(self._look))
        return await asyncio.shield(reading)

    def _look(self) -> dict[tuple[str, str], Usage]:
        found = {}
        for one in process.marked(self._prefix):
            _, sandbox, kind, name = one.mark.split("/", 3)
            used = of(one.pid) if kind == "machine" else None
            if used is not None:
                found[sandbox, name] = used
        return found


def of(pid: int) -> Usage | None:
    """What a process takes; None when there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    user, system = stat[stat.rindex(")") + 2 :].split()[11:13]
    private, proportional = _memory(pid)
    return Usage(private=private, proportional=proportional, cpu=(int(user) + int(system)) / os.sysconf("SC_CLK_TCK"))


def _memory(pid: int) -> tuple[int | None, int | None]:
    """Octets that are only its own, and its proportional share (proc(5), smaps_rollup)."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:  # gone meanwhile, or another user's
        return None, None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.endswith("kB")}
    return (kib.get("Private_Clean", 0) + kib.get("Private_Dirty", 0)) << 10, kib.get("Pss", 0) << 10
