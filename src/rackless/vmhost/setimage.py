"""The image of a set's root: a read-only file system, and behind it a seal with a checksum of every mebibyte. Pure over bytes.

    file system | padding to a mebibyte | seal | seal again

The same bytes lie in a bundle, in a slot of either disk and on an installation medium. So any of them can be checked
anywhere, damage is known to the mebibyte, and every copy of the same mebibyte, whosever it is, can mend it. A seal is found
from the end of the file system, whose size is in its own first mebibyte, or, when that is damaged, by looking at each
mebibyte's beginning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from rackless.model.errors import InputError

CHUNK = 1 << 20
SEAL = 1 << 17
"""Bytes of each of the two seals, which fill a mebibyte of their own with padding between them."""
MAGIC = b"RACKLESS-SET-1\n"
SECOND = CHUNK // 2
"""Where in the seals' mebibyte the second one begins."""
Read = Callable[[int, int], bytes]
"""(offset, bytes) -> what is there; shorter at the end."""


@dataclass(frozen=True, kw_only=True)
class Seal:
    """
    Attributes:
        version: of the set; compared number by number.
        platform: what it runs on, the same word as the bundle's `compatible`.
        built: seconds since the epoch.
        chunks: checksum of each mebibyte before the seals.
        about: what else is worth knowing (kernel, packages).
    """

    version: str
    platform: str
    built: int
    chunks: tuple[str, ...]
    about: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the whole image, seals and all."""
        return (len(self.chunks) + 1) * CHUNK

    @property
    def digest(self) -> str:
        """Of the whole image: equal for equal sets."""
        return hashlib.blake2b("".join(self.chunks).encode(), digest_size=16).hexdigest()


def checksum(data: bytes) -> str:
    """BLAKE2b, 128 bits: the quickest of Python's own on machines without instructions for SHA."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def pack(seal: Seal) -> bytes:
    """The mebibyte of the two seals.

    Raises:
        InputError: the image is too large for it.
    """
    body = json.dumps(
        {
            "version": seal.version,
            "platform": seal.platform,
            "built": seal.built,
            "about": seal.about,
            "chunks": "".join(seal.chunks),
        },
        sort_keys=True,
    ).encode()
    head = MAGIC + f"{len(body)} {checksum(body)}\n".encode()
    if len(head) + len(body) > SEAL:
        raise InputError(f"A root of {len(seal.chunks)} MiB is too large for one set.", hint="Leave packages out.")
    one = (head + body).ljust(SECOND, b"\0")
    return one + one


def unpack(data: bytes) -> Seal | None:
    """Of the mebibyte of seals, or its beginning; None when neither of the two is whole."""
    for start in (0, SECOND):
        found = _unpack_one(data[start : start + SEAL])
        if found is not None:
            return found
    return None


def _unpack_one(data: bytes) -> Seal | None:
    if not data.startswith(MAGIC):
        return None
    try:
        line, rest = data[len(MAGIC) :].split(b"\n", 1)
        length, digest = line.decode("ascii").split()
        body = rest[: int(length)]
        if checksum(body) != digest:
            return None
        values = json.loads(body)
        text = values["chunks"]
        chunks = tuple(text[at : at + 32] for at in range(0, len(text), 32))
        return Seal(
            version=values["version"],
            platform=values["platform"],
            built=values["built"],
            about=values["about"],
            chunks=chunks,
        )
    except (ValueError, KeyError):
        return None


def file_system_size(read: Read) -> int | None:
    """Bytes of an ext4 file system by its superblock (Linux documentation, ext4, Super Block); None when there is none."""
    block = read(1024, 1024)
    if len(block) < 1024 or block[0x38:0x3A] != b"\x53\xef":
        return None
    blocks = int.from_bytes(block[0x4:0x8], "little")
    return blocks * (1024 << int.from_bytes(block[0x18:0x1C], "little"))


def find_seal(read: Read, room: int) -> Seal | None:
    """The seal of the image that lies in a slot of `room` bytes; None when it has none."""
    size = file_system_size(read)
    if size is not None and size < room:
        found = unpack(read(-(-size // CHUNK) * CHUNK, CHUNK))
        if found is not None:
            return found
    for start in range(CHUNK, room - CHUNK + 1, CHUNK):
        for half in (0, SECOND):
            if read(start + half, len(MAGIC)) == MAGIC:
                found = _unpack_one(read(start + half, SEAL))
                if found is not None and found.size == start + CHUNK:
                    return found
    return None


def sound(read: Read, seal: Seal, number: int) -> bool:
    """One mebibyte is as sealed; the last one is the seals' own."""
    data = read(number * CHUNK, CHUNK)
    return data == pack(seal) if number == len(seal.chunks) else checksum(data) == seal.chunks[number]


def damaged(read: Read, seal: Seal) -> tuple[int, ...]:
    """Numbers of the mebibytes that are not as sealed; the seals' own, which is the last, among them."""
    return tuple(number for number in range(len(seal.chunks) + 1) if not sound(read, seal, number))


def newer_or_equal(version: str, least: str) -> bool:
    """Versions are numbers with dots; what is not a number sorts before numbers."""
    return _parts(version) >= _parts(least)


def _parts(version: str) -> list[tuple[int, str]]:
    words = version.replace("-", ".").replace("+", ".").split(".")
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words]
