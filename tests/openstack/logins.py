"""A guest in a boot sector: it says that somebody may log in, which is all that a host of the family `frr` is waited for."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CODE = bytes.fromhex(
    "31c0 8ed8 fc fb f4 b401 cd16 750e bafd03 ec a801 74f0 baf803 ec eb04 b400 cd16"
    "3c0d 75e2 be317c baf803 ac 84c0 74d7 ee ebf8"
)  # fmt: skip
"""16-bit code at 0x7c00: wait for an interrupt of the timer; when a carriage return came on the serial line (8250: data at 0x3f8,
status at 0x3fd), say the text behind the code. A BIOS that has its own console there takes what comes, and gives it out as a key
(int 16h)."""
_SAID = b"\r\nx login: \0"


def disk(folder: Path) -> Path:
    """frr.qcow2 in the folder."""
    raw, made = folder / "frr.raw", folder / "frr.qcow2"
    raw.write_bytes((_CODE + _SAID).ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, made], check=True)
    return made
