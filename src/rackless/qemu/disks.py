"""Linked clones: qcow2 overlays over an image. Safe to repeat, whole or not there."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from rackless.running import run

CREATE_SECONDS = 60.0


async def overlay(path: Path, backing: Path) -> None:
    """Make `path` an overlay of the qcow2 image `backing`, unless it is there. Written beside and renamed: a crash leaves
    no half disk.

    Raises:
        ProviderError: qemu-img failed (its last line says why).
    """
    if _begin(path):
        await stand_on(path, backing)


def backing(path: Path) -> Path | None:
    """What the overlay stands on (QEMU, docs/interop/qcow2.txt: offset and length of the name at bytes 8 and 16); None for no
    overlay, or none there."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
            if len(head) < 20 or head[:4] != b"QFI\xfb":
                return None
            offset, length = struct.unpack_from(">QI", head, 8)
            file.seek(offset)
            return Path(os.fsdecode(file.read(length))) if length else None
    except FileNotFoundError:
        return None


def untouched(path: Path) -> bool:
    """True when nothing was ever written to the overlay: no entry of its first table leads anywhere (QEMU,
    docs/interop/qcow2.txt: entries and offset of the L1 table at bytes 36 and 40)."""
    with path.open("rb") as file:
        head = file.read(48)
        if len(head) < 48 or head[:4] != b"QFI\xfb":
            return False
        entries, offset = struct.unpack_from(">IQ", head, 36)
        file.seek(offset)
        return not any(file.read(8 * entries))


async def stand_on(path: Path, backing: Path) -> None:
    """Make an overlay anew that stands on another image. What was written to it is lost. Raises as `overlay`."""
    fresh = _afresh(path)
    words: list[str | Path] = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, fresh]
    await run(words, deadline=CREATE_SECONDS, hint="Is there room on the disk?")
    os.chmod(fresh, 0o600)
    os.replace(fresh, path)


def _begin(path: Path) -> bool:
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return True


def _afresh(path: Path) -> Path:
    fresh = unfinished(path)
    fresh.unlink(missing_ok=True)
    return fresh


def unfinished(path: Path) -> Path:
    """Where an overlay is while it is being made."""
    return path.with_name(f".{path.name}.new")
