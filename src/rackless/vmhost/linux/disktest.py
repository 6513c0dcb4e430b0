"""A disk tested: by itself (SMART, through smartctl of smartmontools), or, where it has no test of its own, by reading it."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rackless.model.errors import ProviderError
from rackless.running import run
from rackless.vmhost.linux.disks import PATH, disk_size

PIECE = 1 << 20
SAMPLES = 256
"""Mebibytes that a short test reads, spread over the disk."""
MOST_ERRORS = 16
"""After so many a disk is known to be bad."""
POLL = 5.0
LONGEST = {False: 1800.0, True: 86400.0}
"""Seconds that a disk's own short and long test may take."""
RUNNING = 15
"""In the upper four bits of ATA's self-test execution status (ATA8-ACS, 7.52.6)."""
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """`wrong`: what was found, empty when nothing was."""

    lines: tuple[str, ...]
    wrong: str = ""


async def test(disk: Path, *, extended: bool, tell: Tell) -> Tested:
    """
    Raises:
        ProviderError: the test could not be made; nothing is said of the disk.
    """
    about = await smart(disk, "--info")
    if about.get("smart_support", {}).get("available") and about.get("device", {}).get("protocol") == "ATA":
        return await by_itself(disk, extended=extended, tell=tell)
    return await asyncio.to_thread(by_reading, disk, extended, tell)


async def smart(disk: Path, *words: str) -> dict[str, Any]:
    """smartctl's answer; empty where there is no such program, or no such disk to it."""
    try:
        done = await run(["smartctl", "--json", *words, disk], deadline=60, env=PATH, check=False)
        found = json.loads(done.out)
    except (ProviderError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


async def fails(disk: Path) -> str:
    """What the disk says of its own health, if that is bad."""
    found = await smart(disk, "--health")
    return "it says itself that it is failing (SMART)" if found.get("smart_status", {}).get("passed") is False else ""


async def by_itself(disk: Path, *, extended: bool, tell: Tell) -> Tested:
    kind = "long" if extended else "short"
    await smart(disk, "--test", kind)
    end, told = time.monotonic() + LONGEST[extended], -1
    while True:
        found = await smart(disk, "--all")
        status = found.get("ata_smart_data", {}).get("self_test", {}).get("status", {})
        if not status:
            raise ProviderError(f"{disk} does not say how its {kind} test gets on.")
        if status.get("value", 0) >> 4 != RUNNING:
            break
        percent = 100 - int(status.get("remaining_percent", 100))
        if percent != told:
            tell(f"{percent} %")
        told = percent
        if time.monotonic() > end:
            raise ProviderError(f"The {kind} test of {disk} did not end.")
        await asyncio.sleep(POLL)
    words = str(status.get("string", "")).strip() or f"status {status.get('value')}"
    wrong = "" if status.get("passed", status.get("value") == 0) else f"its own test says: {words}"
    return Tested(lines=(f"The disk's own {kind} test: {words}.",), wrong=wrong or await fails(disk))


def places(size: int, extended: bool) -> list[int]:
    """Where is read: everywhere, or at places that cover the disk evenly, with its beginning and its end."""
    last = max(0, size - PIECE) // PIECE * PIECE
    if extended or size <= SAMPLES * PIECE:
        return list(range(0, max(size, 1), PIECE))
    return sorted({last * number // (SAMPLES - 1) // PIECE * PIECE for number in range(SAMPLES)})


def by_reading(disk: Path, extended: bool, tell: Tell) -> Tested:
    size = disk_size(disk)
    # Past the cache: what lies there says nothing of the disk. A file need not be able to.
    direct = os.O_DIRECT if stat.S_ISBLK(disk.stat().st_mode) else 0
    fd, buffer = os.open(disk, os.O_RDONLY | direct), mmap.mmap(-1, PIECE)
    wanted, bad, read, told, began = places(size, extended), [], 0, 0, time.monotonic()
    try:
        for number, at in enumerate(wanted):
            try:
                read += os.preadv(fd, [buffer], at)
            except OSError as error:
                bad.append(at)
                tell(f"Cannot be read at {at >> 20} MiB: {error.strerror}")
                if len(bad) >= MOST_ERRORS:
                    break
            percent = (number + 1) * 10 // len(wanted) * 10
            if percent != told:
                tell(f"{percent} %")
            told = percent
    finally:
        os.close(fd)
    speed = read / max(time.monotonic() - began, 1e-3) / 1e6
    line = f"{read >> 20} of {size >> 20} MiB read, {speed:.0f} MB/s; it has no test of its own."
    if not bad:
        return Tested(lines=(line,))
    return Tested(lines=(line,), wrong=f"it cannot be read at {', '.join(f'{at >> 20} MiB' for at in bad)}")
