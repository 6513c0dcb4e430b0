"""A whole disk of a VM host made from a set: by an installation medium, for a new backup disk, and by the image's builder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import ProviderError, StateError
from rackless.running import run
from rackless.vmhost import layouts
from rackless.vmhost.bootstate import BootState
from rackless.vmhost.linux import bootloader, filesystems, sets, tables
from rackless.vmhost.linux.disks import PATH, Area, Disk, area, look
from rackless.vmhost.setimage import CHUNK, Seal, file_system_size

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A set: its root as bytes, the seal of that, and the folder of its guest image."""

    root: Area
    seal: Seal
    guest: Path | None


def fits(path: Path, layout: layouts.Layout, source: Source) -> None:
    """
    Raises:
        StateError: a slot of this layout is smaller than the set's root.
    """
    if source.seal.size > layout.sizes["root-a"]:
        raise StateError(
            f"The set's root has {source.seal.size >> 20} MiB, and a slot of {path} {layout.sizes['root-a'] >> 20} MiB.",
            hint="Use a larger disk.",
        )


async def partition(path: Path, number: int, serial: str = "") -> Disk:
    """A new partition table by the layout of the disk's size, and empty file systems.

    Raises:
        InputError: the disk is too small.
    """
    disk = look(path, serial)
    layout = layouts.choose(disk.size, layouts.known())
    identity = f"{disk.serial} {disk.size} {number}"
    text = layouts.table(layout, disk.size, number, identity)
    words: list[str | Path] = ["sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always", "--no-reread", path]
    await run(words, deadline=120, env=PATH, stdin=text.encode(), hint="Install the package fdisk.")
    await tables.seen_by_kernel(disk)
    disk = look(path, serial)
    for part in ("root-a", "root-b"):
        clear(disk, part)
    for part in ("vm", "var"):
        await filesystems.make(disk, part)
    return disk


def clear(disk: Disk, part: str) -> None:
    """A slot holds nothing that could be taken for a set, whatever lay here before."""
    with area(disk, part, writing=True) as place:
        size = file_system_size(place.read)
        place.write(0, bytes(CHUNK))
        if size is not None and size + CHUNK <= place.size:
            place.write(size, bytes(CHUNK))


async def put_set(disk: Disk, slot: str, source: Source) -> None:
    """A set into a slot: first its guest image, then its root, whose seal comes last."""
    if source.guest is not None:
        async with filesystems.part_of(disk, "vm") as vm:
            await sets.put_guest(source.guest, vm, slot)
    with area(disk, f"root-{slot}", writing=True) as target:
        sets.write_root(source.root, source.seal, target)


async def install(path: Path, number: int, source: Source, state: BootState, files: Path, *, serial: str = "", say: Say) -> Disk:
    """All of a disk; whatever was on it is gone. It can be booted only at the end."""
    disk = look(path, serial)
    fits(path, layouts.choose(disk.size, layouts.known()), source)
    say(f"{path}: partitions and file systems")
    disk = await partition(path, number, serial)
    say(f"{path}: set {source.seal.version}")
    await put_set(disk, "a", source)
    say(f"{path}: boot loader")
    await bootloader.make_boot(disk, files, state)
    bootloader.write_bios(disk, files)
    return disk


async def install_host(paths: list[tuple[Path, str]], source: Source, files: Path, *, say: Say) -> list[Disk]:
    """One disk, or two: then the second holds the first snapshot.

    Args:
        paths: of the primary disk and, if there is one, the backup disk, each with its serial.

    Raises:
        InputError: a disk is too small; nothing was written then.
    """
    for path, serial in paths:
        fits(path, layouts.choose(look(path, serial).size, layouts.known()), source)
    state = BootState().activated("a")
    if len(paths) > 1:
        state = state.snapshot_taken("a")
    disks: list[Disk] = []
    # The backup disk first: a host whose installation was cut off still starts its medium, or what it had.
    for number, (path, serial) in reversed(list(enumerate(paths, start=1))):
        disks.insert(0, await install(path, number, source, state, files, serial=serial, say=say))
    for disk, other in ((disks[0], disks[-1]), (disks[-1], disks[0])):
        if disk is not other:
            with contextlib.suppress(ProviderError):
                tables.keep(disk, other)
    return disks
