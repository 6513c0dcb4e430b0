"""Configuration drives as clouds attach them: a CD (ISO 9660) or a FAT disk, with the volume label config-2."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

LABEL = "config-2"
FILE = "rackless.json"
BLOCK = 2048


def fat_disk(path: Path, identity: dict[str, object]) -> Path:
    """A disk without partitions. Made with dosfstools and mtools."""
    text = path.with_suffix(".json")
    text.write_text(json.dumps(identity))
    for command in (
        ["mkfs.vfat", "-C", "-n", LABEL, str(path), "1440"],
        ["mcopy", "-i", str(path), str(text), f"::{FILE}"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def both(value: int, letter: str = "I") -> bytes:
    """ECMA-119 has its numbers twice: little-endian, then big-endian."""
    return struct.pack(f"<{letter}", value) + struct.pack(f">{letter}", value)


def record(name: bytes, block: int, size: int, *, folder: bool) -> bytes:
    """A directory record (ECMA-119, 9.1)."""
    tail = both(1, "H") + bytes([len(name)]) + name + bytes(1 - len(name) % 2)
    body = b"\0" + both(block) + both(size) + bytes([126, 11, 21, 0, 0, 0, 0]) + bytes([2 if folder else 0, 0, 0]) + tail
    return bytes([len(body) + 1]) + body


def cd(path: Path, identity: dict[str, object]) -> Path:
    """The least ISO 9660 volume (ECMA-119) with one file in its root folder."""
    content = json.dumps(identity).encode()
    root, paths, data, blocks = 20, (18, 19), 21, 21 + -(-len(content) // BLOCK)
    here = record(b"\0", root, BLOCK, folder=True)
    folder = here + record(b"\1", root, BLOCK, folder=True) + record(b"RACKLESS.JSON;1", data, len(content), folder=False)
    tables = [bytes([1, 0]) + struct.pack(f"{order}IH", root, 1) + b"\0\0" for order in "<>"]
    head = b"\1CD001\1\0" + b" " * 32 + LABEL.encode().ljust(32) + bytes(8) + both(blocks) + bytes(32)
    head += both(1, "H") + both(1, "H") + both(BLOCK, "H") + both(len(tables[0]))
    head += struct.pack("<II", paths[0], 0) + struct.pack(">II", paths[1], 0) + here
    head += b" " * (4 * 128 + 3 * 37) + (b"0" * 16 + b"\0") * 4 + b"\1\0"
    whole = bytes(16 * BLOCK) + head.ljust(BLOCK, b"\0") + b"\xffCD001\1".ljust(BLOCK, b"\0")
    for part in (*tables, folder, content):
        whole += part.ljust(-(-len(part) // BLOCK) * BLOCK, b"\0")
    path.write_bytes(whole)
    return path
