"""GUID partition tables as bytes: read, and the damaged one of the two copies made anew from the other. Pure.

Source: UEFI specification 2.10, chapter 5.3 (header and entries, little endian, CRC32 of both).
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass

SECTOR = 512
HEADER = struct.Struct("<8s4sIIIQQQQ16sQIII")
ENTRIES = 32
"""Sectors of the entries: 128 of 128 bytes each."""
COPY = (1 + ENTRIES) * SECTOR
"""Bytes of one copy: header and entries, in whichever order."""
Read = Callable[[int, int], bytes]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A partition; `start` and `size` in bytes."""

    number: int
    name: str
    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One of the two copies: its header's fields that are the same in both, and the entries as bytes."""

    first: int
    last: int
    identity: bytes
    entries: bytes

    def partitions(self) -> tuple[Entry, ...]:
        found = []
        for number in range(128):
            raw = self.entries[number * 128 : (number + 1) * 128]
            if raw[:16] != bytes(16):
                start, end = struct.unpack_from("<QQ", raw, 32)
                name = raw[56:128].decode("utf-16-le", errors="replace").partition("\0")[0]
                found.append(Entry(number=number + 1, name=name, start=start * SECTOR, size=(end - start + 1) * SECTOR))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What a disk has: each copy, or None where it is damaged."""

    primary: Copy | None
    backup: Copy | None

    @property
    def best(self) -> Copy | None:
        return self.primary or self.backup

    @property
    def whole(self) -> bool:
        return self.primary is not None and self.primary == self.backup


def read(source: Read, size: int) -> Table:
    """Of a disk of `size` bytes."""
    last = size // SECTOR - 1
    return Table(
        primary=_read_copy(source, 1, 2, last),
        backup=_read_copy(source, last, last - ENTRIES, last),
    )


def _read_copy(source: Read, header_at: int, entries_at: int, last: int) -> Copy | None:
    sector = source(header_at * SECTOR, SECTOR)
    if len(sector) < SECTOR or sector[:8] != b"EFI PART":
        return None
    fields = HEADER.unpack_from(sector)
    _, _, length, crc, _, own, _, first, end, identity, _, count, size, entries_crc = fields
    zeroed = sector[:16] + bytes(4) + sector[20:length]
    if (
        not HEADER.size <= length <= SECTOR
        or zlib.crc32(zeroed) != crc
        or own != header_at
        or end > last
        or (count, size) != (128, 128)
    ):
        return None
    entries = source(entries_at * SECTOR, ENTRIES * SECTOR)
    if zlib.crc32(entries) != entries_crc:
        return None
    return Copy(first=first, last=end, identity=identity, entries=entries)


def write(copy: Copy, size: int) -> tuple[tuple[int, bytes], ...]:
    """(offset, bytes) of both copies and of the protective boot record's partition, for a disk of `size` bytes; backup first."""
    last = size // SECTOR - 1
    backup = (last - ENTRIES) * SECTOR, copy.entries + _header(copy, last, 1, last - ENTRIES)
    primary = SECTOR, _header(copy, 1, last, 2) + copy.entries
    return (backup, primary, (446, _protective(last)))


def _header(copy: Copy, own: int, other: int, entries_at: int) -> bytes:
    entries_crc = zlib.crc32(copy.entries)
    values = [own, other, copy.first, copy.last, copy.identity, entries_at, 128, 128, entries_crc]
    plain = HEADER.pack(b"EFI PART", b"\0\0\1\0", HEADER.size, 0, 0, *values)
    return HEADER.pack(b"EFI PART", b"\0\0\1\0", HEADER.size, zlib.crc32(plain), 0, *values).ljust(SECTOR, b"\0")


def _protective(last: int) -> bytes:
    """The 66 bytes at the end of the boot record: one partition over the whole disk, marked active for the BIOSes that insist."""
    first = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, min(last, 0xFFFFFFFF))
    return first + bytes(48) + b"\x55\xaa"


def identity_text(copy: Copy) -> str:
    """The disk's identifier as it is written."""
    return str(uuid.UUID(bytes_le=copy.identity))
