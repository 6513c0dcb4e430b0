"""A file into the file system of a disk that is not running, with e2fsprogs: no mount, no loop device, no privilege."""

from __future__ import annotations

import re
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
    depths = {partition: await _depth(disk, partition, place) for partition in found}
    best = max(found, key=lambda partition: depths[partition], default=None)
    if best is None or not depths[best]:
        where = f"partition {number} of the disk" if number is not None else "the disk"
        raise InputError(f"There is no ext2, ext3 or ext4 on {where} that has the folder {place.split('/')[1]}.")
    await _check(disk, best)
    source = disk.with_name("inside")
    source.write_text(text)
    folders = [str(folder) for folder in reversed(PurePosixPath(place).parents)][1:]
    lines = [*(f"mkdir {folder}" for folder in folders), f"cd {PurePosixPath(place).parent}", f"rm {PurePosixPath(place).name}"]
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


async def _depth(disk: Path, partition: Partition, place: str) -> int:
    """How many folders of the way to the file are there."""
    depth = 0
    for folder in [str(folder) for folder in reversed(PurePosixPath(place).parents)][1:]:
        if "Type: directory" not in await _debugfs(disk, partition, "-R", f"stat {folder}"):
            break
        depth += 1
    return depth


async def _debugfs(disk: Path, partition: Partition, *words: str) -> str:
    done = await run(["debugfs", *words, _device(disk, partition)], deadline=SECONDS, env=PATH, hint="Install e2fsprogs.")
    return done.out.decode(errors="replace")


async def _check(disk: Path, partition: Partition) -> None:
    """Take its journal in, and see that it is whole."""
    done = await run(["e2fsck", "-fp", _device(disk, partition)], deadline=SECONDS, env=PATH, check=False)
    if done.code not in REPAIRED:
        said = (done.out + done.err).decode(errors="replace").strip().splitlines()
        raise InputError(f"The file system of partition {partition.number} is damaged: {said[-1] if said else done.code}.")


def _device(disk: Path, partition: Partition) -> str:
    """As libext2fs takes it: a file, and where in it."""
    return f"{disk}?offset={partition.offset}"
