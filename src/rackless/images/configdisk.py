"""A configuration drive as a CD: an ISO 9660 volume (ECMA-119, interchange level 2) of a few small files.

Without Rock Ridge or Joliet: Linux and FreeBSD show the names in lower case and without their version, which suits every guest
here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

LABEL = "config-2"
"""The volume label of OpenStack's configuration drives, which guests look for."""
BLOCK = 2048
FIRST = 16
"""Blocks of the system area, before the volume descriptors (ECMA-119, 6.2.1)."""
_NAME = re.compile(r"[a-z0-9_]{1,20}(?:\.[a-z0-9_]{1,9})?\Z")
DATE = bytes([126, 11, 21, 0, 0, 0, 0])
"""The same on every drive, so that equal files give equal bytes (9.1.5: years since 1900, month, day, time, zone)."""


@dataclass
class _Folder:
    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)
    block: int = 0
    number: int = 0
    parent: _Folder | None = None
    name: str = ""


def iso(files: Mapping[str, bytes], *, label: str = LABEL) -> bytes:
    """The volume. Paths are relative, of lower-case letters, digits, `_` and one dot a name.

    Raises:
        ValueError: a path cannot be on it.
    """
    root = _tree(files)
    folders = _walk(root)
    tables = FIRST + 2
    block = tables + 2
    for folder in folders:
        folder.block = block
        block += _length(folder) // BLOCK
    places: dict[int, int] = {}
    for folder in folders:
        for data in folder.files.values():
            places[id(data)] = block
            block += max(1, -(-len(data) // BLOCK))
    table_le, table_be = (_path_table(folders, order) for order in "<>")
    if len(table_le) > BLOCK:
        raise ValueError("A configuration drive has room for fewer folders.")
    parts = [bytes(FIRST * BLOCK), _descriptor(root, label, block, len(table_le), tables), b"\xffCD001\1", table_le, table_be]
    parts += [_content(folder, places) for folder in folders]
    parts += [data or b"\0" for folder in folders for data in folder.files.values()]
    return b"".join(part.ljust(-(-len(part) // BLOCK) * BLOCK, b"\0") for part in parts)


def _tree(files: Mapping[str, bytes]) -> _Folder:
    root = _Folder()
    for path, data in files.items():
        *above, name = path.split("/")
        if not all(_NAME.match(part) for part in (*above, name)):
            raise ValueError(f"{path!r} cannot be on a configuration drive.")
        folder = root
        for part in above:
            folder = folder.folders.setdefault(part, _Folder(parent=folder, name=part))
        folder.files[name] = bytes(bytearray(data))  # an object of its own, by which its place is kept
    return root


def _walk(root: _Folder) -> list[_Folder]:
    """In the order of a path table: level by level, each below its parent's turn (9.4, 6.9.1)."""
    found, level = [], [root]
    while level:
        found += level
        level = [folder.folders[name] for folder in level for name in sorted(folder.folders)]
    for number, folder in enumerate(found, start=1):
        folder.number = number
    return found


def _both(value: int, letter: str = "I") -> bytes:
    """Numbers are there twice: little-endian, then big-endian (7.3.3)."""
    return struct.pack(f"<{letter}", value) + struct.pack(f">{letter}", value)


def _record(name: bytes, block: int, size: int, *, folder: bool) -> bytes:
    """A directory record (9.1)."""
    tail = _both(1, "H") + bytes([len(name)]) + name + bytes(1 - len(name) % 2)
    body = b"\0" + _both(block) + _both(size) + DATE + bytes([2 if folder else 0, 0, 0]) + tail
    return bytes([len(body) + 1]) + body


def _content(folder: _Folder, places: Mapping[int, int]) -> bytes:
    """A folder's own records. A record does not go over the end of a block (6.8.1.1)."""
    above = folder.parent or folder
    whole = bytearray(_folder_record(b"\0", folder) + _folder_record(b"\1", above))
    records = {name.upper(): _folder_record(name.upper().encode(), each) for name, each in folder.folders.items()}
    for name, data in folder.files.items():
        key = _identifier(name)
        records[key] = _record(key.encode(), places[id(data)], len(data), folder=False)
    for key in sorted(records):
        if len(whole) % BLOCK + len(records[key]) > BLOCK:
            whole += bytes(-len(whole) % BLOCK)
        whole += records[key]
    return bytes(whole)


def _folder_record(name: bytes, folder: _Folder) -> bytes:
    return _record(name, folder.block, _length(folder), folder=True)


def _identifier(name: str) -> str:
    """Of a file: its name, a dot, its version (7.5.1)."""
    return f"{name.upper()}{'' if '.' in name else '.'};1"


def _length(folder: _Folder) -> int:
    """Bytes of a folder's records, in whole blocks: known before anything has a place."""
    at = 2 * 34
    for name in sorted([*map(str.upper, folder.folders), *map(_identifier, folder.files)]):
        size = 33 + len(name) + (1 - len(name) % 2)
        if at % BLOCK + size > BLOCK:
            at += -at % BLOCK
        at += size
    return -(-at // BLOCK) * BLOCK


def _path_table(folders: list[_Folder], order: str) -> bytes:
    """9.4; `order`: struct's sign of the byte order."""
    whole = b""
    for folder in folders:
        name = folder.name.upper().encode() or b"\0"
        above = folder.parent.number if folder.parent else 1
        whole += bytes([len(name), 0]) + struct.pack(f"{order}IH", folder.block, above) + name + bytes(len(name) % 2)
    return whole


def _descriptor(root: _Folder, label: str, blocks: int, table: int, first: int) -> bytes:
    """The primary volume descriptor (8.4)."""
    head = b"\1CD001\1\0" + b" " * 32 + label.encode().ljust(32) + bytes(8) + _both(blocks) + bytes(32)
    head += _both(1, "H") + _both(1, "H") + _both(BLOCK, "H") + _both(table)
    head += struct.pack("<II", first, 0) + struct.pack(">II", first + 1, 0)
    head += _record(b"\0", root.block, _length(root), folder=True)
    head += b" " * (4 * 128 + 3 * 37) + (b"0" * 16 + b"\0") * 4 + b"\1\0"
    return head.ljust(BLOCK, b"\0")
