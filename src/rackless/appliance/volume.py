"""How the volume of a node's data is grown while it is in use: facts about disks in, the next command out. Pure.

An appliance keeps its data on one btrfs over whole disks, without partitions: it takes what a virtual disk was enlarged by,
and any disk that was added. On other hosts the file system is as its owner made it: btrfs, ext4 or XFS, on a disk, a partition
or LVM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MEBIBYTE = 1 << 20
WORTH = 16 * MEBIBYTE
"""Bytes below which there is nothing to gain: alignment, and the second copy of a partition table."""
LABEL = "rackless-data"


class Form(StrEnum):
    BTRFS = "btrfs"
    EXT4 = "ext4"
    XFS = "xfs"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A whole disk. `empty`: nothing is on it, as far as its first and last mebibyte and the kernel say."""

    path: str
    size: int
    empty: bool = False


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a file system, or a volume group, stands on: a disk, or a partition of one.

    `size`: bytes of the device; `used`: bytes of it that the layer above knows of; `number` 0: the whole disk. `room`: bytes
    after the partition that no other has; `next`: the partition that begins after it.
    """

    path: str
    disk: str
    size: int
    used: int
    number: int = 0
    room: int = 0
    next: str = ""
    id: str = ""
    """Of btrfs: the device's number."""


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The file system at `mount`. `group`: of LVM, with `logical` its volume and `free` bytes that the group has left."""

    form: Form
    mount: str
    device: str
    size: int
    """Bytes of the file system."""
    carrier: int
    """Bytes of what it is on, where that is one device: a partition, a disk, a logical volume."""
    pieces: tuple[Piece, ...]
    group: str = ""
    logical: str = ""
    free: int = 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command; `stdin` for it. After it one looks again: nothing is remembered from one step to the next."""

    about: str
    words: tuple[str, ...]
    stdin: str = ""


def gigabytes(size: int) -> str:
    return f"{size / 10**9:.1f} GB"


def step(volume: Volume, added: Sequence[Disk] = ()) -> Step | None:
    """The next one, or None when all is done.

    Args:
        added: disks that it is to take, as they are now; those it has already are passed over.
    """
    for piece in volume.pieces:
        if piece.number and piece.room >= WORTH:
            return Step(
                about=f"Partition {piece.number} of {piece.disk}: {gigabytes(piece.room)} more",
                # The partition's own start stays; "+" is all that is free after it (sfdisk(8)).
                words=("sfdisk", "--quiet", "--no-reread", "--force", "-N", str(piece.number), piece.disk),
                stdin=", +\n",
            )
    own = {piece.disk for piece in volume.pieces} | {piece.path for piece in volume.pieces}
    new = [disk for disk in added if disk.path not in own]
    if volume.group:
        return _group(volume, new)
    if volume.form is Form.BTRFS:
        return _btrfs(volume, new)
    return _plain(volume)


def _group(volume: Volume, new: list[Disk]) -> Step | None:
    for piece in volume.pieces:
        if piece.size - piece.used >= WORTH:
            return Step(about=f"{piece.path}: {gigabytes(piece.size - piece.used)} more", words=("pvresize", piece.path))
    if new:
        # vgextend makes the disk a physical volume itself where it is none.
        return Step(about=f"{new[0].path} into {volume.group}", words=("vgextend", "--yes", volume.group, new[0].path))
    if volume.free >= WORTH:
        return Step(
            about=f"{volume.logical}: {gigabytes(volume.free)} more",
            words=("lvextend", "--extents", "+100%FREE", f"{volume.group}/{volume.logical}"),
        )
    return _plain(volume) if volume.form is not Form.BTRFS else _btrfs(volume, [])


def _btrfs(volume: Volume, new: list[Disk]) -> Step | None:
    for piece in volume.pieces:
        if piece.id and piece.size - piece.used >= WORTH:
            words = ("btrfs", "filesystem", "resize", f"{piece.id}:max", volume.mount)
            return Step(about=f"{piece.path}: {gigabytes(piece.size - piece.used)} more", words=words)
    if new:
        about = f"{new[0].path}, {gigabytes(new[0].size)}, is added"
        return Step(about=about, words=("btrfs", "device", "add", new[0].path, volume.mount))
    return None


def _plain(volume: Volume) -> Step | None:
    if volume.carrier - volume.size < WORTH:
        return None
    about = f"The file system: {gigabytes(volume.carrier - volume.size)} more"
    if volume.form is Form.XFS:
        return Step(about=about, words=("xfs_growfs", volume.mount))
    return Step(about=about, words=("resize2fs", volume.device))


def refusal(volume: Volume, added: Sequence[Disk]) -> str:
    """Why these disks are not taken; "" when they are."""
    own = {piece.disk for piece in volume.pieces} | {piece.path for piece in volume.pieces}
    for disk in added:
        if disk.path in own:
            continue
        if not disk.empty:
            return f"{disk.path} is not empty, and would lose what is on it. Wipe it first (wipefs --all {disk.path})."
        if not volume.group and volume.form is not Form.BTRFS:
            return (
                f"{volume.mount} is {volume.form} on {volume.device}, which has one disk for good: {disk.path} can't be added. "
                "Enlarge the disk that is there."
            )
    return ""


def remark(volume: Volume, empty: Sequence[Disk]) -> str:
    """What is said where there was nothing to do."""
    stuck = next((piece for piece in volume.pieces if piece.next and piece.number), None)
    if stuck is not None:
        return (
            f"Nothing is left to grow into: behind partition {stuck.number} of {stuck.disk} lies {stuck.next}. "
            "Add a disk, or move that partition."
        )
    names = ", ".join(disk.path for disk in empty)
    if names:
        return f"Nothing to grow; empty disks that can be added: {names}."
    return "Nothing to grow: enlarge a virtual disk of this machine, or add an empty one, and say it again."


def making(disks: Sequence[Disk]) -> Step:
    """A new volume on these empty disks. Its tables are kept twice, data once: what keeps data safe is the fabric."""
    words = ("mkfs.btrfs", "--quiet", "--label", LABEL, "--data", "single", "--metadata", "dup" if len(disks) == 1 else "raid1")
    return Step(about=f"A volume on {', '.join(disk.path for disk in disks)}", words=(*words, *(disk.path for disk in disks)))
