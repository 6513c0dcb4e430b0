"""What is repaired when the host starts, and from what. Pure.

Nothing is repaired by emptying it: what was there is kept aside first, and where there is no room for that it stays as it is,
with an alarm. What a repair is made of is the other disk's part of the same name, then what runs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rackless.vmhost.actions import (
    Action,
    CheckFilesystem,
    KeepAside,
    KeepGuestFile,
    MakeTable,
    Recreate,
    RestoreConfiguration,
    RestoreLicence,
    RestoreTable,
    WriteLoader,
)
from rackless.vmhost.boot import bootable, confirmed, order
from rackless.vmhost.facts import BACKUP, PARTITIONS, PRIMARY, ROOTS, Disk, Guest, Health, Host, Partition, Slot

BROKEN = {Health.DAMAGED, Health.MISSING}


@dataclass(frozen=True, kw_only=True)
class Repair:
    """`found` names the fault; one that is found again after its repair was tried is left alone and told."""

    found: str
    actions: tuple[Action, ...]

    @property
    def done(self) -> str:
        return "; ".join(str(action) for action in self.actions) or "nothing can be done"

    @property
    def kept(self) -> str:
        kept = [action for action in self.actions if isinstance(action, KeepAside | KeepGuestFile)]
        return ", ".join(each.part if isinstance(each, KeepAside) else each.what for each in kept)


def storage(host: Host, tried: Collection[str] = (), writing: Slot | None = None) -> Repair | None:
    """The next repair of the disks, in the order of what stands on what; None when nothing is left that can be repaired.

    Args:
        tried: what was found by repairs before.
        writing: a set that an operation was writing, and goes on to write: what is half written there is no damage.
    """
    for name in (PRIMARY, BACKUP):
        disk = host.disk(name)
        if host.booted is not None and disk.usable:
            for repair in _of_disk(host, disk):
                if repair.found not in tried and repair.actions and not _is_root(repair, writing):
                    return repair
    return None


def _is_root(repair: Repair, slot: Slot | None) -> bool:
    parts = [(each.disk, each.part) for each in repair.actions if isinstance(each, Recreate | CheckFilesystem)]
    return slot is not None and (slot.disk, slot.root) in parts


def _of_disk(host: Host, disk: Disk) -> list[Repair]:
    if disk.table in BROKEN:
        found = f"partition table of {disk.name} is {disk.table.value}"
        if disk.table_copy:
            return [Repair(found=found, actions=(RestoreTable(disk=disk.name),))]
        return [Repair(found=found, actions=(KeepAside(disk=disk.name, part="table"), MakeTable(disk=disk.name)))]
    parts = [disk.part(name) for name in PARTITIONS]
    checks = [
        Repair(found=_found(disk, part), actions=(CheckFilesystem(disk=disk.name, part=part.name),))
        for part in parts
        if part.health is Health.DIRTY
    ]
    return checks + [_anew(host, disk, part) for part in parts if part.health in BROKEN]


def _found(disk: Disk, part: Partition) -> str:
    return f"{part.name} on {disk.name} is {part.health.value}"


def _anew(host: Host, disk: Disk, part: Partition) -> Repair:
    found = _found(disk, part)
    source = source_of(host, disk, part.name)
    if source is None or in_use(host, disk, part.name):
        return Repair(found=found, actions=())
    actions: list[Action] = []
    if part.health is Health.DAMAGED:
        actions.append(KeepAside(disk=disk.name, part=part.name))
    actions.append(Recreate(disk=disk.name, part=part.name, source=source))
    slot = _slot(disk.name, part.name)
    if slot is not None and slot in host.loader.bad | host.loader.confirmed:
        loader = confirmed(host.loader, slot)
        if loader != host.loader:
            actions.append(WriteLoader(loader=loader, why=f"set {slot.value} was made anew from {source}"))
    return Repair(found=found, actions=tuple(actions))


def _slot(disk: str, part: str) -> Slot | None:
    if part not in ROOTS:
        return None
    if disk == BACKUP:
        return Slot.SNAPSHOT if part == Slot.SNAPSHOT.root else None
    return Slot.A if part == "root-a" else Slot.B


def in_use(host: Host, disk: Disk, part: str) -> bool:
    """The host runs from it: it cannot be made anew under itself."""
    return host.booted is not None and host.booted.disk == disk.name and part == host.booted.root


def source_of(host: Host, disk: Disk, part: str) -> str | None:
    """Name of the disk that a partition can be made anew from; "" where it is made of what runs, or begins empty with what was
    there kept aside; None when it cannot be made.

    A root of the primary disk comes from a snapshot that was taken; the snapshot from the set that runs. A set is never made
    of its sibling: the two are there to differ.
    """
    second = host.disk(BACKUP if disk.name == PRIMARY else PRIMARY)
    whole = second.present and second.table is Health.OK and second.part(part).health in {Health.OK, Health.DIRTY}
    if part in ROOTS:
        slot = _slot(disk.name, part)
        if slot is None:
            return ""
        if slot is Slot.SNAPSHOT:
            running = host.booted is not None and host.booted is not Slot.SNAPSHOT
            # A snapshot that nobody took is not made by the way.
            return PRIMARY if running and slot in host.loader.confirmed else None
        return BACKUP if host.taken else None
    if whole:
        return second.name
    return ""


def ladder(host: Host, guest: Guest) -> tuple[Slot, ...]:
    """The images a guest is tried from, best first: of the set that runs, of the snapshot, of the other set."""
    first = host.booted if host.booted is not None else host.loader.current
    slots = [first, *(slot for slot in order(host.loader.current) if slot is not first)]
    return tuple(slot for slot in slots if usable(host, guest, slot))


def usable(host: Host, guest: Guest, slot: Slot) -> bool:
    """That set's image may be started. A set that is bad for the boot loader has no image to trust either, unless it runs."""
    if guest.image(slot).health in BROKEN or not host.disk(slot.disk).present:
        return False
    return slot is host.booted or (host.booted is None) or not bootable(host.set(slot), host.loader)


def guest_files(guest: Guest) -> Repair | None:
    """The next repair of a guest's files, before it is started."""
    name = guest.name
    if guest.configuration in BROKEN:
        copies = {"last-good": guest.last_good, "rescue": guest.rescue}
        copy = next((each for each, health in copies.items() if health is Health.OK), None)
        if copy is not None:
            keep = (KeepGuestFile(guest=name, what="configuration"),) if guest.configuration is Health.DAMAGED else ()
            found = f"configuration of guest {name} is {guest.configuration.value}"
            return Repair(found=found, actions=(*keep, RestoreConfiguration(guest=name, copy=copy)))
    if guest.configuration is Health.OK and guest.older and guest.last_good is Health.OK:
        found = f"configuration of guest {name} is older than the last good one"
        keeping = KeepGuestFile(guest=name, what="configuration")
        return Repair(found=found, actions=(keeping, RestoreConfiguration(guest=name, copy="last-good")))
    if guest.licence in BROKEN and guest.licence_copy is Health.OK:
        keep = (KeepGuestFile(guest=name, what="licence"),) if guest.licence is Health.DAMAGED else ()
        return Repair(found=f"licence of guest {name} is {guest.licence.value}", actions=(*keep, RestoreLicence(guest=name)))
    return None
