"""A file into the file system of a disk that is not running, with e2fsprogs: no mount, and no privilege where it is whole."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from rackless.images.partitions import Partition, ext_partitions
from rackless.model.errors import InputError, ProviderError
from rackless.running import run

SECONDS = 300.0
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_PLACE = re.compile(r"/(?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+\Z")
REPAIRED = {0, 1}
"""e2fsck: nothing to do, or done."""


async def put(disk: Path, place: str, text: str, *, number: int | None = None) -> int:
    """Write a file of root's into a raw disk; folders that are missing are made. Returns the partition's number.

    Args:
        number: of the partition; None: that with most of the way to the file.

    Raises:
        InputError: no file system of the disk can hold it.
    """
    if not _PLACE.match(place) or ".." in place.split("/"):
        raise InputError(f"{place!r} is no absolute path of a file.")
    found = [partition for partition in ext_partitions(disk) if number is None or partition.number == number]
    missing = {partition: await lacking(disk, partition, place) for partition in found}
    best = min(found, key=lambda partition: len(missing[partition]), default=None)
    if best is None or len(missing[best]) == len(PurePosixPath(place).parents) - 1:
        where = f"partition {number} of the disk" if number is not None else "the disk"
        raise InputError(f"There is no ext2, ext3 or ext4 on {where} that has the folder {place.split('/')[1]}.")
    await _check(disk, best)
    source = disk.with_name("inside")
    source.write_text(text)
    lines = [
        *(f"mkdir {folder}" for folder in missing[best]),
        f"cd {PurePosixPath(place).parent}",
        f"rm {PurePosixPath(place).name}",
    ]
    lines += [f"write {source} {PurePosixPath(place).name}", f"set_inode_field {place} mode 0100644"]
    script = disk.with_name("inside.debugfs")
    script.write_text("\n".join(lines) + "\n")
    await _debugfs(disk, best, "-w", "-f", str(script))
    written = await _debugfs(disk, best, "-R", f"cat {place}")
    source.unlink()
    script.unlink()
    if written != text:
        raise ProviderError(f"{place} could not be written into partition {best.number}.", hint="Is its file system full?")
    await _check(disk, best)
    return best.number


async def read(disk: Path, place: str, number: int) -> str:
    """A small file of a raw disk, "" when it is not there."""
    [partition] = [one for one in ext_partitions(disk) if one.number == number]
    return await _debugfs(disk, partition, "-R", f"cat {place}")


async def lacking(disk: Path, partition: Partition, place: str) -> list[str]:
    """The folders on the way to the file that are not there, from the top. debugfs(8) is to make no others: of a folder that is
    there already, its `mkdir` leaves an inode that hangs nowhere."""
    folders = [str(folder) for folder in reversed(PurePosixPath(place).parents)][1:]
    for depth, folder in enumerate(folders):
        if "Type: directory" not in await _debugfs(disk, partition, "-R", f"stat {folder}"):
            return folders[depth:]
    return []


@contextlib.asynccontextmanager
async def attached(disk: Path, partition: Partition) -> AsyncIterator[str]:
    """What e2fsck checks of a disk that nobody uses. Of a partition a loop device, where we may make one: having replayed a
    journal, e2fsck opens the file anew, and without the offset that it was given (e2fsprogs 1.47)."""
    loop = await _loop(disk, partition) if partition.offset and os.geteuid() == 0 else ""
    try:
        yield loop or _device(disk, partition)
    finally:
        if loop:
            await run(["losetup", "--detach", loop], deadline=30, env=PATH)


async def _loop(disk: Path, partition: Partition) -> str:
    """ "" where there are none."""
    await _detach(disk)  # what a program that was killed left
    words: list[str | Path] = ["losetup", "--find", "--show", "--offset", str(partition.offset), disk]
    return (await run(words, deadline=30, env=PATH, check=False)).out.decode().strip()


async def _detach(disk: Path) -> None:
    words: list[str | Path] = ["losetup", "--associated", disk, "--noheadings", "--output", "NAME"]
    for loop in (await run(words, deadline=30, env=PATH, check=False)).out.decode().split():
        await run(["losetup", "--detach", loop], deadline=30, env=PATH, check=False)


async def _debugfs(disk: Path, partition: Partition, *words: str) -> str:
    done = await run(["debugfs", *words, _device(disk, partition)], deadline=SECONDS, env=PATH, hint="Install e2fsprogs.")
    return done.out.decode(errors="replace")


async def _check(disk: Path, partition: Partition) -> None:
    """Take its journal in, and see that it is whole."""
    async with attached(disk, partition) as device:
        done = await run(["e2fsck", "-fp", device], deadline=SECONDS, env=PATH, check=False)
    if done.code not in REPAIRED:
        said = (done.out + done.err).decode(errors="replace").strip().splitlines()
        raise InputError(f"The file system of partition {partition.number} is damaged: {said[-1] if said else done.code}.")


def _device(disk: Path, partition: Partition) -> str:
    """As libext2fs takes it: a file, and where in it."""
    return f"{disk}?offset={partition.offset}"
