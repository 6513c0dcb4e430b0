"""Which partitions a disk of a VM host has: layouts.toml as data, and the partition table that follows from it. Pure."""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import InputError

FILE = Path(__file__).with_name("layouts.toml")
GIGABYTE = 10**9
MEBIBYTE = 1 << 20
SECTOR = 512
NAMES = ("bios", "boot", "root-a", "root-b", "vm", "var")
NUMBERS = {name: number for number, name in enumerate(NAMES, start=1)}
LABELLED = {"boot": "BOOT", "vm": "VM", "var": "VAR"}
FIRST = 1 * MEBIBYTE
LAST = 1 * MEBIBYTE
"""Bytes before the first and after the last partition: the two copies of the table, and alignment."""
TYPES = {
    "bios": "21686148-6449-6E6F-744E-656564454649",
    "boot": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "root-a": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "root-b": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "vm": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "var": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
}
"""Types of GPT partitions: BIOS boot, EFI system, Linux file system (UEFI specification 2.10, table 5.7; GRUB manual, BIOS
installation)."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """`start` and `size` in bytes."""

    name: str
    number: int
    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`least` bytes of a disk that takes it; `sizes` of all partitions but `vm` in bytes; `guest_storage` bytes."""

    name: str
    least: int
    sizes: dict[str, int]
    guest_storage: int

    def partitions(self, disk: int) -> tuple[Partition, ...]:
        """Of a disk of so many bytes, in their order on it."""
        room = disk - FIRST - LAST
        room -= room % MEBIBYTE
        sizes = {**self.sizes, "vm": room - sum(self.sizes.values())}
        found, start = [], FIRST
        for name in NAMES:
            found.append(Partition(name=name, number=NUMBERS[name], start=start, size=sizes[name]))
            start += sizes[name]
        return tuple(found)


def read(text: str) -> tuple[Layout, ...]:
    """Smallest first."""
    found = []
    for name, values in tomllib.loads(text).items():
        sizes = {part: values[part] * MEBIBYTE for part in NAMES if part != "vm"}
        found.append(Layout(name=name, least=values["disk"] * GIGABYTE, sizes=sizes, guest_storage=values["guest-storage"] << 30))
    return tuple(sorted(found, key=lambda layout: layout.least))


def known() -> tuple[Layout, ...]:
    return read(FILE.read_text(encoding="utf-8"))


def choose(disk: int, layouts: tuple[Layout, ...]) -> Layout:
    """The largest layout that a disk of so many bytes takes.

    Raises:
        InputError: the disk is smaller than the smallest takes.
    """
    fitting = [layout for layout in layouts if disk >= layout.least]
    if not fitting:
        least = layouts[0].least
        raise InputError(
            f"The disk has {disk / GIGABYTE:.1f} GB, and a VM host needs at least {least / GIGABYTE:.0f} GB: two sets, their "
            "guest images and room for logs.",
            hint="Use a larger disk: 50 GB for a host in use, 4 GB for a trial.",
        )
    return fitting[-1]


def label(disk: int, part: str) -> str:
    """Of the file system in a partition of disk 1 (primary) or 2 (backup)."""
    return f"RL{LABELLED[part]}{disk}"


def table(layout: Layout, size: int, disk: int, identity: str) -> str:
    """The partition table for `sfdisk`: of a disk of `size` bytes that is number `disk` of its host.

    Args:
        identity: text from which the identifiers of disk and partitions follow, so that the same disk always gets the same table.
    """
    space = uuid.uuid5(uuid.NAMESPACE_OID, identity)
    lines = ["label: gpt", f"label-id: {str(space).upper()}", "unit: sectors", f"first-lba: {FIRST // SECTOR}", ""]
    for part in layout.partitions(size):
        words = [
            f"start={part.start // SECTOR}",
            f"size={part.size // SECTOR}",
            f"type={TYPES[part.name]}",
            f"uuid={str(uuid.uuid5(space, part.name)).upper()}",
            f'name="rl{disk}-{part.name}"',
        ]
        lines.append(", ".join(words))
    return "\n".join(lines) + "\n"
