"""Upgrade, rollback, abort and snapshot as steps. Pure.

An operation is a list of steps that follows from the request alone; how many are done stands in the record. A step that was
cut off is done again: each leaves the host able to boot what it could before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from rackless.model.errors import CapacityError, InputError, StateError
from rackless.vmhost.actions import Action, CopySet, PartitionDisk, WriteLoader, WriteSet
from rackless.vmhost.alarms import FULL
from rackless.vmhost.boot import bootable, confirmed, tried_next, unusable
from rackless.vmhost.facts import BACKUP, PRIMARY, Health, Host, Slot, other
from rackless.vmhost.record import Operation
from rackless.vmhost.world import Bundle


class Kind(StrEnum):
    ADD = "add-software"
    ROLL_BACK = "roll-back"
    ABORT = "abort-software"
    SNAPSHOT = "take-snapshot"
    RECOVERY = "recovery-snapshot"
    """From the backup disk, which runs, to the primary."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """`do` names what `action` makes of it."""

    do: str
    slot: Slot


STEPS: dict[Kind, tuple[str, ...]] = {
    Kind.ADD: ("spoil", "write", "activate"),
    Kind.ROLL_BACK: ("activate",),
    Kind.ABORT: ("stay",),
    Kind.SNAPSHOT: ("spoil", "partition", "copy", "confirm"),
    Kind.RECOVERY: ("spoil", "copy", "confirm", "activate"),
}


def actions(operation: Operation, host: Host) -> tuple[Action, ...]:
    """What the operation's stage does on this host; empty when there is nothing (left) to do for it."""
    slot, steps = operation.slot, STEPS[Kind(operation.kind)]
    if slot is None or host.booted is None or operation.stage >= len(steps):
        return ()
    step = steps[operation.stage]
    # Nothing is written into a set that could be booted, whatever has happened to the loader's state since it was spoiled.
    names = ("spoil", step) if step in {"write", "copy"} else (step,)
    found = (_action(name, operation, slot, host) for name in names)
    return tuple(action for action in found if action is not None)


def _action(step: str, operation: Operation, slot: Slot, host: Host) -> Action | None:
    loader = host.loader
    if step == "write":
        return WriteSet(slot=slot, bundle=Path(operation.bundle))
    if step == "copy" and host.booted is not None:
        return CopySet(source=host.booted, to=slot)
    if step == "partition":
        return PartitionDisk(disk=slot.disk) if operation.partition else None
    changed, why = {
        "spoil": (unusable(loader, slot), f"{operation.kind} writes set {slot.value}"),
        "activate": (tried_next(loader, slot), f"{operation.kind} asked for it"),
        "confirm": (confirmed(loader, slot), f"set {slot.value} is a copy of what runs"),
        "stay": (replace(loader, current=slot), f"{operation.kind} asked for it"),
    }[step]
    if step == "activate" and loader.current is slot and slot not in loader.bad:
        return None
    return WriteLoader(loader=changed, why=why) if changed != loader else None


def length(operation: Operation) -> int:
    return len(STEPS[Kind(operation.kind)])


# ---- what a request comes to on this host: a slot, or a refusal that changes nothing


def appliance(host: Host) -> Slot:
    if host.booted is None:
        raise StateError(
            "This host is not an appliance: its disks and its boot loader are not the agent's.",
            hint="Its operator upgrades it as any other Debian.",
        )
    return host.booted


def alternate(host: Host) -> Slot:
    """The slot of the primary disk that a new set is written to: never what runs, never the only one that boots."""
    booted = appliance(host)
    if booted is not Slot.SNAPSHOT:
        return other(booted)
    current = host.loader.current
    return other(current) if not bootable(host.set(current), host.loader) else current


def to_add(host: Host, bundle: Bundle, *, oldest: str = "", validate: bool = False) -> Slot:
    """
    Args:
        validate: the guest's configuration has to fit. One that was made with a release fits every later one of its family; of an
            earlier one nothing is known before it has read it.

    Raises:
        StateError: the primary disk can't be written.
        InputError: the bundle is older than allowed, or what runs already, or its guest may not know all of the configuration.
    """
    slot = alternate(host)
    booted = host.booted
    if booted is not None and host.set(booted).digest == bundle.digest:
        raise InputError(f"Set {booted.value}, which runs, is this bundle already: version {bundle.version}.")
    if oldest and numbers(bundle.version) < numbers(oldest):
        raise InputError(
            f"The bundle's version {bundle.version} is older than {oldest}, the oldest that is allowed here.",
            hint="`oldest` in the host's configuration says which.",
        )
    running = host.set(booted).version if booted is not None else ""
    if validate and running and numbers(bundle.version) < numbers(running):
        raise InputError(
            f"The bundle's version {bundle.version} is older than {running}, which runs: its guest may not know all that the "
            "guest's configuration has.",
            hint="`no-validate` adds it all the same; a configuration that it does not take is kept, and its last good one used.",
        )
    _writable(host, PRIMARY)
    if host.disk(PRIMARY).part("vm").free < FULL:
        raise CapacityError(f"vm on {PRIMARY} is full: there is no room for new guest images.", hint="`request vmhost cleanup`.")
    return slot


def to_roll_back(host: Host) -> Slot:
    booted = appliance(host)
    if booted is Slot.SNAPSHOT:
        raise StateError("The host runs from the snapshot on the backup disk.", hint="`request vmhost reboot disk1` leaves it.")
    slot = other(host.loader.current)
    if slot is not booted and (why := bootable(host.set(slot), host.loader)) and why != "its boot attempts are used up":
        raise StateError(f"There is no alternate set to go back to: of set {slot.value} {why}.")
    return slot


def to_abort(host: Host) -> Slot:
    booted = appliance(host)
    if booted is Slot.SNAPSHOT or host.loader.current is booted:
        raise StateError("No upgrade waits for its reboot: the next boot takes the set that runs.")
    return booted


def to_snapshot(host: Host, *, partition: bool = False) -> Slot:
    booted = appliance(host)
    if booted is Slot.SNAPSHOT:
        raise StateError(
            "The host runs from the snapshot on the backup disk, and cannot write over it.",
            hint="`request vmhost snapshot recovery` copies it to the primary disk.",
        )
    if booted not in host.loader.confirmed:
        raise StateError(f"Set {booted.value}, which runs, is not confirmed yet.", hint="Wait until its guest is up.")
    _writable(host, BACKUP, anew=partition)
    return Slot.SNAPSHOT


def to_recover(host: Host) -> Slot:
    """To the primary disk, from the snapshot that runs."""
    if appliance(host) is not Slot.SNAPSHOT:
        raise StateError("The host runs from its primary disk: there is nothing to recover.", hint="Leave out `recovery`.")
    _writable(host, PRIMARY)
    return host.loader.current


def _writable(host: Host, name: str, *, anew: bool = False) -> None:
    disk = host.disk(name)
    if not disk.present:
        raise StateError(f"{name} is not there.", hint="Put a disk in, and reboot.")
    if disk.read_only:
        raise StateError(f"{name} is read-only: it reports errors, or is locked.", hint="Replace it.")
    if disk.table is not Health.OK and not anew:
        raise StateError(f"The partition table of {name} is {disk.table.value}.", hint="Ask for `partition`.")


def numbers(version: str) -> tuple[int | str, ...]:
    """A version's numbers, for comparing: 1.10.0 is later than 1.9. Words come before numbers of their place."""
    parts: list[tuple[int, int, str]] = []
    for part in version.replace("-", ".").replace("+", ".").split("."):
        parts.append((1, int(part), "") if part.isdecimal() else (0, 0, part))
    return tuple(word for part in parts for word in part)
