"""What an appliance needs of its machine, what its descriptor asks for, and what a machine lacks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rackless.appliance.answers import Part
from rackless.model.fabric import NEEDS as NODES
from rackless.model.fabric import NodeRole

GIB = 1 << 30
SYSTEM = 5 * GIB
"""Bytes of the disk that is distributed: two sets and their logs. As large as that of the vendor's appliance."""
SYSTEM_SOLD = 5 * 10**9
"""What of a node's documented disk the system disk is."""
DATA = 40 * GIB
"""Bytes of the data disk that the descriptor adds; what the vendor recommends, and to add again at 80 %."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """`memory` and `data` in bytes; `data`: of all data disks together."""

    processors: int
    memory: int
    data: int


GIVEN = Size(processors=4, memory=8 * GIB, data=DATA)
"""What the descriptor asks an importer for."""
NEEDS = {
    Part.SINGLE: Size(processors=2, memory=2 * GIB, data=0),
    **{
        part: Size(processors=NODES[role].processors, memory=NODES[role].memory, data=max(0, NODES[role].disk - SYSTEM_SOLD))
        for part, role in {
            Part.FIRST: NodeRole.FULL,
            Part.JOIN: NodeRole.FULL,
            Part.APPLICATION: NodeRole.APP,
            Part.WITNESS: NodeRole.WITNESS,
        }.items()
    },
}
"""At least, as the fabric's preflight wants it (docs/reference/fabric.md); a fabric refuses a node with less."""
TAKEN = 0.92
"""A machine of so many bytes shows this share of them at least: the rest is the kernel's and the firmware's."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Of this machine: processors, bytes of memory as the kernel counts them, bytes of each disk that has room for data."""

    processors: int
    memory: int
    data: Sequence[int]


def _gigabytes(size: float) -> str:
    return f"{size / GIB:.1f} GiB"


def lacking(part: Part, found: Found) -> tuple[str, ...]:
    """A sentence for each thing of which there is too little, with the way out; () when it suffices."""
    needs = NEEDS[part]
    wrong = []
    if found.processors < needs.processors:
        wrong.append(
            f"The machine has {found.processors} processor(s), and the role {part} needs {needs.processors}: "
            "switch it off and give it more."
        )
    if found.memory < needs.memory * TAKEN:
        wrong.append(
            f"The machine has {_gigabytes(found.memory)} of memory, and the role {part} needs {_gigabytes(needs.memory)}: "
            "switch it off and give it more."
        )
    if sum(found.data) < needs.data:
        wrong.append(
            f"The machine has {_gigabytes(sum(found.data))} of data disks, and the role {part} needs {_gigabytes(needs.data)}: "
            "add an empty virtual disk of 40 GB, or enlarge the one that is there."
        )
    return tuple(wrong)
