"""A qcow2's header, read before QEMU opens the file, since some releases open what it names (QEMU, docs/interop/qcow2)."""

from __future__ import annotations

import struct
from pathlib import Path

from rackless.model.errors import InputError

EXTERNAL_DATA = 1 << 2
"""Of the incompatible features."""
ENCRYPTED = {1: "AES", 2: "LUKS"}
WAY_OUT = "Make it whole: qemu-img convert -O qcow2 DISK whole.qcow2"


def check(path: Path) -> None:
    """Raises InputError when it is broken, encrypted, or refers to another file."""
    with path.open("rb") as file:
        head = file.read(104)
    if len(head) < 72 or head[:4] != b"QFI\xfb":
        raise InputError("The disk is no whole qcow2.", hint="Fetch it again.")
    version, backing = struct.unpack_from(">IQ", head, 4)
    (encryption,) = struct.unpack_from(">I", head, 32)
    if version not in {2, 3} or (version == 3 and len(head) < 104):
        raise InputError(f"The disk is a qcow2 of version {version}.", hint=WAY_OUT)
    features = struct.unpack_from(">Q", head, 72)[0] if version == 3 else 0
    if backing or features & EXTERNAL_DATA:
        raise InputError("The disk refers to another file, which is not in it.", hint=WAY_OUT)
    if encryption:
        raise InputError(f"The disk is encrypted ({ENCRYPTED.get(encryption, 'unknown')}).", hint=WAY_OUT)
