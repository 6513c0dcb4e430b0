"""What is repaired at boot, before anything of the disks is used: facts in, the next repairs out. Pure.

`linux/early.py` looks, asks, acts, and looks again, until nothing is left to do: so each answer holds only what the facts of
that look allow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rackless.vmhost.bootstate import BootState, split

MOST_RESTARTS = 2
"""Restarts into a repaired set since one was last confirmed."""


class Verb(StrEnum):
    TABLE_FROM_COPY = "partition table from its own other copy"
    TABLE_FROM_SAVED = "partition table from the copy on the other disk"
    BIOS = "boot loader for BIOS"
    BOOT = "boot partition made anew"
    MEND = "root mended from other copies"
    CHECK = "file system checked"
    REMAKE = "file system made anew, from the other disk"
    GIVE_UP = "set given up"
    RESTART = "restart into the repaired set"


@dataclass(frozen=True, kw_only=True)
class Repair:
    """`disk` 1 or 2; `part` a partition's name or empty."""

    verb: Verb
    disk: int
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class DiskFacts:
    """
    Attributes:
        table: `whole`, `half` (one copy damaged) or `gone`.
        saved: the other disk has this disk's table.
        bios, boot: what they hold is what should be there.
        roots: for each slot that was looked at: `whole`, `damaged`, `unmendable` (damaged, and no other copy of it) or `none`.
        systems: of `vm` and `var`, where looked at: `sound`, `unsound` (a check is due), `gone` (a check could not help).
    """

    table: str = "whole"
    saved: bool = False
    bios: bool = True
    boot: bool = True
    roots: dict[str, str] = field(default_factory=dict)
    systems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """
    Attributes:
        running: name of the set whose kernel runs.
        why: why GRUB took it.
        state: None when no disk knows it.
        disks: those that are there, by number.
        failed: repairs that were tried at this boot and did not help.
    """

    running: str
    why: str
    state: BootState | None
    disks: dict[int, DiskFacts]
    failed: frozenset[Repair] = frozenset()


def next_repairs(facts: Facts) -> tuple[Repair, ...]:
    """What to do now; empty when the running set can be gone on with."""
    if facts.state is not None and not facts.state.recovery:
        return _without_recovery(facts)
    for stage in (_tables, _boots, _roots, _systems, _restart):
        found = tuple(repair for repair in stage(facts) if repair not in facts.failed)
        if found:
            return found
    return ()


def _without_recovery(facts: Facts) -> tuple[Repair, ...]:
    """Nothing is repaired; a damaged root is still not run."""
    disk, slot = split(facts.running)
    damaged = facts.disks[disk].roots.get(slot) in ("damaged", "unmendable") if disk in facts.disks else False
    return (Repair(verb=Verb.GIVE_UP, disk=disk, part=f"root-{slot}"),) if damaged and facts.why != "last-resort" else ()


def _tables(facts: Facts) -> list[Repair]:
    found = []
    for number, disk in sorted(facts.disks.items()):
        if disk.table == "half":
            found.append(Repair(verb=Verb.TABLE_FROM_COPY, disk=number))
        elif disk.table == "gone" and disk.saved:
            found.append(Repair(verb=Verb.TABLE_FROM_SAVED, disk=number))
    return found


def _usable(facts: Facts) -> list[tuple[int, DiskFacts]]:
    return [(number, disk) for number, disk in sorted(facts.disks.items()) if disk.table != "gone"]


def _boots(facts: Facts) -> list[Repair]:
    found = [Repair(verb=Verb.BIOS, disk=number) for number, disk in _usable(facts) if not disk.bios]
    return found + [Repair(verb=Verb.BOOT, disk=number) for number, disk in _usable(facts) if not disk.boot]


def _roots(facts: Facts) -> list[Repair]:
    found = [
        Repair(verb=Verb.MEND, disk=number, part=f"root-{slot}")
        for number, disk in _usable(facts)
        for slot, condition in sorted(disk.roots.items())
        if condition == "damaged"
    ]
    number, slot = split(facts.running)
    own = Repair(verb=Verb.MEND, disk=number, part=f"root-{slot}")
    there = facts.disks.get(number)
    hopeless = there is not None and (there.roots.get(slot) == "unmendable" or own in facts.failed)
    if hopeless and facts.why != "last-resort":
        found.append(Repair(verb=Verb.GIVE_UP, disk=number, part=f"root-{slot}"))
    return found


def _systems(facts: Facts) -> list[Repair]:
    found = []
    for number, disk in _usable(facts):
        for part, condition in sorted(disk.systems.items()):
            check = Repair(verb=Verb.CHECK, disk=number, part=part)
            if condition == "unsound" and check not in facts.failed:
                found.append(check)
            elif condition in ("unsound", "gone"):
                found.append(Repair(verb=Verb.REMAKE, disk=number, part=part))
    return found


def _restart(facts: Facts) -> list[Repair]:
    """The current set is fit again, and something else runs in its stead."""
    state = facts.state
    if state is None or facts.why not in ("snapshot", "alternate", "last-resort") or state.repairs >= MOST_RESTARTS:
        return []
    primary = facts.disks.get(1)
    if primary is None or not state.bootable(state.current) or facts.running == f"1{state.current}":
        return []
    fit = primary.table == "whole" and primary.bios and primary.boot and primary.roots.get(state.current) == "whole"
    return [Repair(verb=Verb.RESTART, disk=1, part=f"root-{state.current}")] if fit else []
