"""The file systems `vm` and `var` of a disk: made, looked at, checked; never emptied to make them fit."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from rackless.model.errors import DeadlineError, ProviderError
from rackless.running import run
from rackless.vmhost.layouts import label
from rackless.vmhost.linux.disks import PATH, Disk, area, attached, mounted, partition_node

SKELETON = ("log", "lib", "lib/rackless-vmhost", "tmp", "cache", "crash", "spool")
CHECKED = 3600
"""Seconds that a check of a file system may take."""
METADATA = 20.0
"""Seconds that keeping metadata may take."""
BEGIN = 16 << 20
"""Bytes of a partition's beginning: superblock and the first groups."""
UNREPAIRED = 4
"""From this bit of e2fsck's exit status on, errors are left (e2fsck(8))."""


async def make(disk: Disk, part: str) -> None:
    """An empty one. Only for a partition that holds nothing, or after what it held was kept."""
    async with attached(disk, part) as device:
        words: list[str | Path] = [
            "mke2fs",
            "-q",
            "-F",
            "-t",
            "ext4",
            "-L",
            label(int(disk.number), part),
            "-E",
            "lazy_itable_init=1,nodiscard",
            device,
        ]
        await run(words, deadline=600, env=PATH, hint="Install the package e2fsprogs.")
    if part == "var":
        async with mounted(disk, part) as folder:
            for name in SKELETON:
                (folder / name).mkdir(exist_ok=True)
            (folder / "tmp").chmod(0o1777)
            for name, target in (("run", "/run"), ("lock", "/run/lock")):
                (folder / name).symlink_to(target)


async def sound(disk: Disk, part: str) -> bool:
    """It needs no check: its journal is replayed where it was not unmounted, and it was not found in error."""
    async with attached(disk, part) as device:
        done = await run(["e2fsck", "-p", device], deadline=CHECKED, env=PATH, check=False)
    return done.code < UNREPAIRED


async def _keep_metadata(disk: Disk, part: str, device: Path, aside: Path) -> None:
    """All metadata as they are; where these are so damaged that e2image does not end, the partition's beginning."""
    target = aside / f"{part}-metadata.qcow2"
    with contextlib.suppress(DeadlineError):
        if (await run(["e2image", "-Q", device, target], deadline=METADATA, env=PATH, check=False)).code == 0:
            return
    target.unlink(missing_ok=True)
    with area(disk, part) as place:
        (aside / f"{part}-begin.bin").write_bytes(place.read(0, BEGIN))


async def check(disk: Disk, part: str, aside: Path | None) -> bool:
    """A whole check, which takes every repair; before it, where there is room, the metadata as they were are kept.

    Returns:
        Whether it can be used now.
    """
    async with attached(disk, part) as device:
        if aside is not None:
            aside.mkdir(parents=True, exist_ok=True)
            await _keep_metadata(disk, part, device, aside)
        for more in ([], ["-b", "32768", "-B", "4096"]):
            done = await run(["e2fsck", "-f", "-y", *more, device], deadline=CHECKED, env=PATH, check=False)
            if done.code < UNREPAIRED:
                return True
    return False


def keep_raw(disk: Disk, part: str, aside: Path) -> None:
    """The whole partition as a sparse file.

    Raises:
        ProviderError: there is no room for it; nothing is left of the attempt.
    """
    aside.mkdir(parents=True, exist_ok=True)
    target = aside / f"{part}.img"
    piece = 1 << 20
    try:
        with area(disk, part) as place, target.open("wb") as file:
            for at in range(0, place.size, piece):
                data = place.read(at, piece).ljust(min(piece, place.size - at), b"\0")
                if data.count(0) != len(data):
                    file.seek(at)
                    file.write(data)
            file.truncate(place.size)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise ProviderError(f"What is in {part} of disk {disk.number} cannot be kept: {error.strerror}.") from error


@contextlib.asynccontextmanager
async def part_of(disk: Disk, part: str) -> AsyncIterator[Path]:
    """A file system of a disk: where it is mounted already, or else for a while."""
    wanted = str(partition_node(disk, disk.part(part).number))
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, where = line.split()[:2]
        if device == wanted:
            yield Path(where)
            return
    async with mounted(disk, part) as folder:
        yield folder
