"""Where the file systems of a raw disk are: MBR with its logical partitions, GPT, or none.

UEFI specification 2.10, 5.2 and 5.3; ext4 on-disk layout (Linux, Documentation/filesystems/ext4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SECTOR = 512
EXTENDED = {0x05, 0x0F, 0x85}
PROTECTIVE = 0xEE
MOST = 64
SUPERBLOCK, MAGIC = 1024, (56, b"\x53\xef")


@dataclass(frozen=True, kw_only=True)
class Partition:
    """`number` as Linux counts, 0 for a disk without a table. Offset in bytes."""

    number: int
    offset: int


def ext_partitions(disk: Path) -> list[Partition]:
    """Those with an ext2, ext3 or ext4."""
    with disk.open("rb") as file:
        found = list(_all(file)) or [Partition(number=0, offset=0)]
        return [partition for partition in found[:MOST] if _is_ext(file, partition.offset)]


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count).ljust(count, b"\0")


def _is_ext(file: BinaryIO, offset: int) -> bool:
    at, magic = MAGIC
    return _at(file, offset + SUPERBLOCK + at, len(magic)) == magic


def _entries(sector: bytes) -> list[tuple[int, int]]:
    """(type, first sector) of the four entries of a boot record."""
    if sector[510:512] != b"\x55\xaa":
        return []
    return [(sector[at + 4], struct.unpack_from("<I", sector, at + 8)[0]) for at in range(446, 510, 16)]


def _all(file: BinaryIO) -> Iterator[Partition]:
    entries = _entries(_at(file, 0, SECTOR))
    if any(kind == PROTECTIVE for kind, _ in entries):
        yield from _gpt(file)
        return
    for number, (kind, first) in enumerate(entries, start=1):
        if kind in EXTENDED:
            yield from _logical(file, first)
        elif kind:
            yield Partition(number=number, offset=first * SECTOR)


def _logical(file: BinaryIO, base: int) -> Iterator[Partition]:
    """A chain of boot records, each with one partition and the way to the next."""
    here = base
    for number in range(5, 5 + MOST):
        entries = _entries(_at(file, here * SECTOR, SECTOR))
        data = [first for kind, first in entries[:1] if kind]
        if data:
            yield Partition(number=number, offset=(here + data[0]) * SECTOR)
        further = [first for kind, first in entries[1:2] if kind in EXTENDED]
        if not further:
            return
        here = base + further[0]


def _gpt(file: BinaryIO) -> Iterator[Partition]:
    head = _at(file, SECTOR, SECTOR)
    if head[:8] != b"EFI PART":
        return
    table, count, size = struct.unpack_from("<QII", head, 72)
    if size < 128 or size > 4096:
        return
    for number in range(min(count, 128)):
        entry = _at(file, table * SECTOR + number * size, 128)
        if any(entry[:16]):
            yield Partition(number=number + 1, offset=struct.unpack_from("<Q", entry, 32)[0] * SECTOR)
