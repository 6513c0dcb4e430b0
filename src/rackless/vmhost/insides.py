"""Files in the disk of a guest that is off, or that runs and is only read: with e2fsprogs, and no mount.

What is read of a running guest may be half written: whoever reads checks it (gzip has a checksum).
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from rackless.images.inside import attached, lacking
from rackless.images.partitions import Partition, ext_partitions
from rackless.model.errors import ProviderError, RacklessError
from rackless.running import run
from rackless.vmhost.facts import Health

SECONDS = 300.0
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
MENDED = {0, 1}
"""e2fsck(8): nothing to do, or done."""
MOST = 16 << 20


async def mend(disk: Path) -> bool:
    """Check the file systems of a disk that nobody uses, and repair what can be repaired without a question."""
    try:
        partitions = ext_partitions(disk)
    except OSError:
        return False
    for partition in partitions:
        async with attached(disk, partition) as device:
            done = await run(["e2fsck", "-fp", device], deadline=SECONDS, env=PATH, check=False)
        if done.code not in MENDED:
            return False
    return bool(partitions)


async def replay(disk: Path) -> None:
    """What is in the journals of a disk that nobody uses is put in its place: e2fsprogs read past it, and what they write into
    such a file system is lost with the guest's next mount."""
    try:
        partitions = ext_partitions(disk)
    except OSError:
        return
    for partition in partitions:
        async with attached(disk, partition) as device:
            await run(["e2fsck", "-p", "-E", "journal_only", device], deadline=SECONDS, env=PATH, check=False)


async def read(disk: Path, place: str) -> bytes | None:
    """None when it is not there. Raises ProviderError when there is no file system that could say so."""
    out = disk.with_name(f".{disk.name}.{os.getpid()}.out")
    try:
        partitions = ext_partitions(disk)
    except FileNotFoundError:
        partitions = []
    if not partitions:
        raise ProviderError(f"{disk} has no file system that can be read.")
    try:
        for partition in partitions:
            await run(["debugfs", "-R", f"dump {place} {out}", _device(disk, partition)], deadline=SECONDS, env=PATH, check=False)
            if out.exists():
                return out.read_bytes()[:MOST]
    finally:
        out.unlink(missing_ok=True)
    return None


async def write(disk: Path, place: str, content: bytes) -> None:
    """Raises:
    ProviderError: what was written cannot be read back.
    """
    source, script = disk.with_name(f".{disk.name}.in"), disk.with_name(f".{disk.name}.debugfs")
    folder, name = place.rsplit("/", 1)
    source.write_bytes(content)
    try:
        for partition in ext_partitions(disk):
            lines = [f"mkdir {missing}" for missing in await lacking(disk, partition, place)]
            lines += [f"cd {folder}", f"rm {name}", f"write {source} {name}", f"set_inode_field {name} mode 0100600"]
            script.write_text("\n".join(lines) + "\n")
            await run(["debugfs", "-w", "-f", script, _device(disk, partition)], deadline=SECONDS, env=PATH, check=False)
            if await read(disk, place) == content:
                return
    finally:
        source.unlink(missing_ok=True)
        script.unlink(missing_ok=True)
    raise ProviderError(f"{place} could not be written into {disk.name}.", hint="Is its file system full?")


async def health(disk: Path, place: str) -> Health:
    """Of a file in a disk: missing, damaged, or right as far as it says itself."""
    try:
        return judged(place, await read(disk, place))
    except (RacklessError, OSError):
        return Health.DAMAGED


def judged(place: str, content: bytes | None) -> Health:
    """A compressed text has a checksum. Another one is damaged when it is empty, or has bytes that no text has: what is left
    where a file system lost a block."""
    if content is None:
        return Health.MISSING
    if place.endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return Health.DAMAGED
    return Health.DAMAGED if not content.strip() or b"\0" in content else Health.OK


def _device(disk: Path, partition: Partition) -> str:
    return f"{disk}?offset={partition.offset}" if partition.offset else str(disk)
