"""Disks of a VM host as they are: found, read, written, attached and mounted.

A disk may also be a plain file, as in tests and in the builder: then its partitions are reached through loop devices.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import ProviderError
from rackless.running import run
from rackless.vmhost import gpt

PATTERN = re.compile(r"rl([12U])-([a-z-]+)")
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Disk:
    """
    Attributes:
        path: of the device or file.
        size: bytes.
        serial: what the disk says of itself; its path's name when it says nothing.
        table: both copies of its partition table.
    """

    path: Path
    size: int
    serial: str
    table: gpt.Table

    @property
    def number(self) -> str:
        """`1` primary, `2` backup, `U` installation medium; empty when it is none of ours."""
        for entry in self.table.best.partitions() if self.table.best else ():
            found = PATTERN.fullmatch(entry.name)
            if found:
                return found[1]
        return ""

    def part(self, name: str) -> gpt.Entry:
        """
        Raises:
            ProviderError: there is no such partition.
        """
        for entry in self.table.best.partitions() if self.table.best else ():
            if entry.name == f"rl{self.number}-{name}":
                return entry
        raise ProviderError(
            f"Disk {self.path} has no partition {name}.", hint="Its partition table is damaged, or it is of another layout."
        )


def disk_size(path: Path) -> int:
    with path.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def look(path: Path, serial: str = "") -> Disk:
    """A disk as it is now.

    Raises:
        OSError: it cannot be read.
    """
    size = disk_size(path)
    fd = os.open(path, os.O_RDONLY)
    try:
        table = gpt.read(lambda at, count: os.pread(fd, count, at) if at >= 0 else b"", size)
    finally:
        os.close(fd)
    return Disk(path=path, size=size, serial=serial or path.name, table=table)


def find(sysfs: Path = Path("/sys"), dev: Path = Path("/dev")) -> list[Disk]:
    """All whole disks of this machine that can be read and are no loop, RAM or optical device, in the kernel's order."""
    found = []
    for entry in sorted((sysfs / "block").iterdir()):
        if entry.name.startswith(("loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd")):
            continue
        with contextlib.suppress(OSError):
            found.append(look(dev / entry.name, _serial(entry)))
    return found


def _serial(entry: Path) -> str:
    for name in ("serial", "device/serial", "device/wwid", "wwid"):
        with contextlib.suppress(OSError):
            text = (entry / name).read_text().strip()
            if text:
                return text
    return ""


@dataclass
class Area:
    """A part of a disk as bytes: reads are short at its end, writes are refused beyond it."""

    fd: int
    start: int
    size: int

    def read(self, at: int, count: int) -> bytes:
        """A block that the disk cannot read reads as empty."""
        count = max(0, min(count, self.size - at))
        try:
            return os.pread(self.fd, count, self.start + at)
        except OSError:
            return b""

    def write(self, at: int, data: bytes) -> None:
        """
        Raises:
            ProviderError: it goes beyond the end.
            OSError: the disk cannot be written.
        """
        if at + len(data) > self.size:
            raise ProviderError(f"{len(data)} bytes at {at} are more than the {self.size} that are there.")
        view = memoryview(data)
        while view:
            written = os.pwrite(self.fd, view, self.start + at)
            view = view[written:]
            at += written


@contextlib.contextmanager
def _opened(path: Path, start: int, size: int, *, writing: bool) -> Iterator[Area]:
    fd = os.open(path, os.O_RDWR if writing else os.O_RDONLY)
    try:
        yield Area(fd, start, size)
        if writing:
            os.fsync(fd)
    finally:
        os.close(fd)


def area(disk: Disk, name: str = "", *, writing: bool = False) -> contextlib.AbstractContextManager[Area]:
    """A partition, or the whole disk. What was written is on the disk when it is left.

    By the partition's own device where there is one: Linux caches a disk and each of its partitions apart, so what RAUC and a
    mount have written to a partition may not be seen through the disk.
    """
    if not name:
        return _opened(disk.path, 0, disk.size, writing=writing)
    entry = disk.part(name)
    node = own_device(disk, entry)
    if node is not None:
        return _opened(node, 0, entry.size, writing=writing)
    return _opened(disk.path, entry.start, entry.size, writing=writing)


def partition_node(disk: Disk, number: int) -> Path:
    return disk.path.with_name(disk.path.name + ("p" if disk.path.name[-1].isdigit() else "") + str(number))


def own_device(disk: Disk, entry: gpt.Entry, sysfs: Path = Path("/sys/class/block")) -> Path | None:
    """A partition's device, where the kernel knows the partition as the table has it."""
    node = partition_node(disk, entry.number)
    try:
        start, size = (int((sysfs / node.name / name).read_text()) * gpt.SECTOR for name in ("start", "size"))
    except (OSError, ValueError):
        return None
    there = disk.path.is_block_device() and node.is_block_device()
    return node if there and (start, size) == (entry.start, entry.size) else None


@contextlib.asynccontextmanager
async def attached(disk: Disk, name: str) -> AsyncIterator[Path]:
    """A partition as a block device: the kernel's own, or a loop device where it has none."""
    entry = disk.part(name)
    node = own_device(disk, entry)
    if node is not None:
        yield node
        return
    words: list[str | Path] = [
        "losetup",
        "--find",
        "--show",
        "--offset",
        str(entry.start),
        "--sizelimit",
        str(entry.size),
        disk.path,
    ]
    loop = Path((await run(words, deadline=30, env=PATH, hint="Run as root, with the module loop.")).out.decode().strip())
    try:
        yield loop
    finally:
        await run(["losetup", "--detach", loop], deadline=30, env=PATH)


@contextlib.asynccontextmanager
async def mounted(disk: Disk, name: str, *, options: str = "") -> AsyncIterator[Path]:
    """A partition's file system, mounted where nobody else looks. All is on the disk when it is left."""
    async with attached(disk, name) as device:
        folder = Path(tempfile.mkdtemp(prefix=f"rackless-{name}-"))
        try:
            await run(["mount", *(["-o", options] if options else []), device, folder], deadline=60, env=PATH)
            try:
                yield folder
            finally:
                await run(["umount", folder], deadline=120, env=PATH)
        finally:
            folder.rmdir()
