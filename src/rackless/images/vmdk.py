"""A VMware disk of one file: whether it is whole in itself. VMware, Virtual Disk Format 5.0; QEMU, block/vmdk.c."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from rackless.model.errors import InputError

SECTOR = 512
MOST_DESCRIPTOR = 1 << 20
WHOLE = {"monolithicSparse", "streamOptimized"}
NO_PARENT = "ffffffff"
WAY_OUT = "Make it whole: qemu-img convert -O qcow2 DISK.vmdk disk.qcow2"


def check(path: Path) -> None:
    """The header, and the descriptor inside it: QEMU would open by its path whatever that names.

    Raises:
        InputError: the disk stands on another, or its data are elsewhere.
    """
    with path.open("rb") as file:
        head = file.read(SECTOR)
        if len(head) < SECTOR or head[:4] != b"KDMV":
            raise InputError(f"{path.name} is no VMDK of one file.", hint=WAY_OUT)
        _, _, capacity, _, at, size = struct.unpack_from("<IIQQQQ", head, 4)
        if not capacity or not at or not 0 < size * SECTOR <= MOST_DESCRIPTOR:
            raise InputError(f"The VMDK {path.name} has no descriptor in itself: its data are elsewhere.", hint=WAY_OUT)
        file.seek(at * SECTOR)
        text = file.read(size * SECTOR).split(b"\0", 1)[0].decode("utf-8", errors="replace")
    values = dict(re.findall(r"^\s*(\w[\w.]*)\s*=\s*\"?([^\"\r\n]*)\"?\s*$", text, re.M))
    extents = re.findall(r"^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)", text, re.M)
    if values.get("parentCID", NO_PARENT).lower() != NO_PARENT or "parentFileNameHint" in values:
        raise InputError(f"The VMDK {path.name} stands on another disk.", hint="Export the machine without snapshots.")
    if values.get("createType") not in WHOLE or extents != ["SPARSE"]:
        kind = values.get("createType", "no kind")
        raise InputError(f"The VMDK {path.name} is of the kind {kind[:40]!r}, whose data are in other files.", hint=WAY_OUT)
