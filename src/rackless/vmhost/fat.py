"""Files of a FAT32 file system as places on the disk, so that they are read and written over without mounting it. Pure over
reads.

Source: Microsoft FAT specification (2005), chapters 3 to 7. Long names are read; nothing is made, grown or removed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Read = Callable[[int, int], bytes]
END_OF_CHAIN = 0x0FFFFFF8
MOST_CLUSTERS = 1 << 20


class DamagedError(ValueError):
    """This is no FAT32, or one whose chains lead nowhere."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file's first cluster and its bytes; where it lies is looked up when it is asked for (`Fat.places`)."""

    first: int
    size: int


class Fat:
    """One file system.

    Raises:
        DamagedError: it is none.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        boot = read(0, 512)
        if len(boot) < 512 or boot[510:512] != b"\x55\xaa" or boot[82:87] != b"FAT32":
            raise DamagedError("no FAT32")
        sector, self._per, reserved, copies = struct.unpack_from("<HBHB", boot, 11)
        (length,) = struct.unpack_from("<I", boot, 36)
        (self._root,) = struct.unpack_from("<I", boot, 44)
        if sector not in (512, 4096) or not self._per or not copies:
            raise DamagedError("no sector size")
        self._cluster = sector * self._per
        self._data = (reserved + copies * length) * sector
        self._table = read(reserved * sector, length * sector)
        self.label = boot[71:82].decode("ascii", errors="replace").strip()

    def _chain(self, first: int) -> Iterator[int]:
        """Offsets of the clusters of a file or folder."""
        at, seen = first, 0
        while at < END_OF_CHAIN:
            if at < 2 or at * 4 + 4 > len(self._table) or seen > MOST_CLUSTERS:
                raise DamagedError(f"cluster {at}")
            yield self._data + (at - 2) * self._cluster
            at = struct.unpack_from("<I", self._table, at * 4)[0] & 0x0FFFFFFF
            seen += 1

    def _entries(self, first: int) -> Iterator[tuple[str, bool, int, int]]:
        """(name, is folder, first cluster, bytes) of a folder."""
        raw = b"".join(self._read(at, self._cluster) for at in self._chain(first))
        long = ""
        for start in range(0, len(raw) - 31, 32):
            entry = raw[start : start + 32]
            if entry[0] == 0:
                return
            if entry[0] == 0xE5:
                long = ""
            elif entry[11] == 0x0F:
                part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le", errors="replace")
                long = part.partition("\0")[0].rstrip("\uffff") + long
            elif entry[11] & 0x08:
                long = ""
            else:
                name, ending = entry[:8].decode("latin-1").rstrip(), entry[8:11].decode("latin-1").rstrip()
                short = name + (f".{ending}" if ending else "")
                high, low, size = struct.unpack_from("<H", entry, 20)[0], *struct.unpack_from("<HI", entry, 26)
                yield long or short, bool(entry[11] & 0x10), (high << 16) | low, size
                long = ""

    def files(self) -> dict[str, File]:
        """All, by path from the top in lower case."""
        found: dict[str, File] = {}
        self._walk("", self._root, found, 0)
        return found

    def _walk(self, above: str, first: int, found: dict[str, File], depth: int) -> None:
        if depth > 8:
            raise DamagedError("folders without an end")
        for name, folder, cluster, size in self._entries(first):
            if name in (".", ".."):
                continue
            path = f"{above}{name.lower()}"
            if folder:
                self._walk(f"{path}/", cluster, found, depth + 1)
            else:
                found[path] = File(first=cluster, size=size)

    def places(self, file: File) -> tuple[tuple[int, int], ...]:
        """(offset, bytes) on the partition, in order, what follows on itself as one."""
        places: list[tuple[int, int]] = []
        left = file.size
        for at in self._chain(file.first) if left else ():
            count = min(left, self._cluster)
            if places and sum(places[-1]) == at:
                places[-1] = (places[-1][0], places[-1][1] + count)
            else:
                places.append((at, count))
            left -= count
            if not left:
                break
        if left:
            raise DamagedError("a file that ends too early")
        return tuple(places)

    def read(self, file: File) -> bytes:
        """What is in a file."""
        return b"".join(self._read(at, count) for at, count in self.places(file))
