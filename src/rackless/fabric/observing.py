"""A node's own facts, of the Linux that it runs on: /proc, file systems, chrony, certificates. Only reads.

What only the fabric's daemon knows (database, etcd, virtual address) it adds itself, by `replace`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from rackless import running
from rackless.model.errors import RacklessError
from rackless.model.fabric import Filesystem, Health

PROC = Path("/proc")
CHRONY = (Path("/etc/chrony/chrony.conf"), Path("/etc/chrony/conf.d"), Path("/etc/chrony/sources.d"), Path("/etc/chrony.conf"))
ASKED = 5.0
"""Seconds that chrony may take to answer."""
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""


class Observer:
    """`paths`: whose file systems are looked at; `certificates`: PEM files, those that are there. What processors do is told of
    the time between two looks."""

    def __init__(self, node: str, release: str, paths: Iterable[Path], certificates: Iterable[Path] = ()) -> None:
        self._node, self._release = node, release
        self._paths, self._certificates = tuple(paths), tuple(certificates)
        self._ticks = (0.0, 0.0)

    async def look(self) -> Health:
        offset, source, sources = await clock()
        memory, used = _memory()
        return Health(
            node=self._node,
            at=time.time(),
            release=self._release,
            processors=os.cpu_count() or 1,
            cpu=self._cpu(),
            load=os.getloadavg()[0] / (os.cpu_count() or 1),
            memory=memory,
            memory_used=used,
            filesystems=await asyncio.to_thread(filesystems, self._paths),
            clock_offset=offset,
            time_source=source,
            time_sources=sources,
            certificate_until=await asyncio.to_thread(expiry, self._certificates),
        )

    def _cpu(self) -> float | None:
        """Percent; None at the first look."""
        fields = [float(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        before, self._ticks = self._ticks, (sum(fields), sum(fields) - fields[3] - fields[4])
        passed = self._ticks[0] - before[0]
        return round(100.0 * (self._ticks[1] - before[1]) / passed, 1) if before[0] and passed > 0 else None


def _memory() -> tuple[int, int]:
    """Bytes there are, and in use: what could be had at once does not count as used (MemAvailable, proc(5))."""
    rows = (line.split() for line in (PROC / "meminfo").read_text().splitlines())
    found = {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 1}
    return found["MemTotal"], found["MemTotal"] - found.get("MemAvailable", 0)


def filesystems(paths: Iterable[Path]) -> tuple[Filesystem, ...]:
    """One for each that is different, by the first path on it; paths that are not there are left out."""
    found: dict[int, Filesystem] = {}
    for path in paths:
        try:
            device, at = path.stat().st_dev, os.statvfs(path)
        except OSError:
            continue
        used = (at.f_blocks - at.f_bfree) * at.f_frsize
        found.setdefault(device, Filesystem(path=str(path), size=used + at.f_bavail * at.f_frsize, used=used))
    return tuple(found.values())


# ---- time


async def clock() -> tuple[float | None, str, tuple[str, ...] | None]:
    """The clock's offset in seconds (None: nobody measures it), the source it follows ("": none), and the sources that are set up
    (None: not known)."""
    if shutil.which("chronyc"):
        try:
            answer = await running.run(["chronyc", "-c", "tracking"], deadline=ASKED)
            return tracking(answer.out.decode(errors="replace"), configured(CHRONY))
        except (RacklessError, OSError):
            pass  # it does not run: the kernel knows whether anybody else keeps its time
    return None, "kernel" if _kept() else "", ()


def tracking(line: str, sources: tuple[str, ...]) -> tuple[float | None, str, tuple[str, ...] | None]:
    """Of `chronyc -c tracking` (chronyc(1)): reference, its name, stratum, time, and how far the clock is behind, seconds."""
    fields = line.strip().split(",")
    if len(fields) < 14 or fields[13] == "Not synchronised":
        return None, "", sources
    return -float(fields[4]), fields[1], sources


def configured(places: Iterable[Path]) -> tuple[str, ...]:
    """Names after `server`, `pool` and `peer` in chrony's configuration (chrony.conf(5))."""
    found: list[str] = []
    for place in places:
        files = sorted(place.glob("*.conf")) + sorted(place.glob("*.sources")) if place.is_dir() else [place]
        for file in files:
            try:
                words = [line.split() for line in file.read_text(errors="replace").splitlines()]
            except OSError:
                continue
            found += [row[1] for row in words if len(row) > 1 and row[0] in {"server", "pool", "peer"} and row[1] not in found]
    return tuple(found)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as the status; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _kept() -> bool:
    """Somebody keeps the kernel's clock in step."""
    timex = _Timex()
    return ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) >= 0 and not timex.status & UNSYNCHRONISED


# ---- certificates


def expiry(paths: Iterable[Path]) -> float | None:
    """When the first of them expires, seconds since the epoch; None: there is none."""
    found = []
    for path in paths:
        try:
            read = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            continue
        found += [each.not_valid_after_utc.timestamp() for each in read]
    return min(found, default=None)
