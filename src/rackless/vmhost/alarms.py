"""What is wrong and goes on working: alarms, of the facts of one moment. Pure. None of them stops a guest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rackless.model.vmhost import Alarm, GuestState, Severity
from rackless.vmhost.boot import bootable
from rackless.vmhost.facts import BACKUP, PRIMARY, Disk, Health, Host, Slot

FULL = 0.05
"""Part of a file system that is free below which it counts as full."""


@dataclass(frozen=True, kw_only=True)
class Guests:
    """`states` and `slots` (where the image in use lies) by guest; `unrepaired`: what recovery found and left alone."""

    states: Mapping[str, GuestState] = field(default_factory=dict)
    slots: Mapping[str, Slot | None] = field(default_factory=dict)
    unrepaired: tuple[str, ...] = ()
    recovers: bool = True
    clock: str = ""
    """What is wrong with the time."""
    failed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By disk: the serial number of the one whose test failed, and what was found."""


Raised = tuple[str, Severity, str]


def raised(host: Host, guests: Guests, since: Mapping[str, float], now: float) -> tuple[Alarm, ...]:
    """All that hold now; `since` has those that held before."""
    found = [*_disks(host), *_failing(host, guests), *_sets(host), *_guests(host, guests)]
    return tuple(Alarm(name=name, severity=severity, since=since.get(name, now), text=text) for name, severity, text in found)


def _disks(host: Host) -> Iterator[Raised]:
    for name in (PRIMARY, BACKUP):
        disk = host.disk(name)
        if not disk.present:
            # A host of one disk has no names for two: only an appliance misses one.
            if host.booted is not None:
                yield f"{name}-missing", Severity.MAJOR, f"{name} is missing: it is not there, or does not answer."
            continue
        yield from _disk(disk)


def _failing(host: Host, guests: Guests) -> Iterator[Raised]:
    for name in (PRIMARY, BACKUP):
        disk, (serial, why) = host.disk(name), guests.failed.get(name, ("", ""))
        found = disk.failing or (why if disk.serial == serial else "")
        if disk.present and found:
            yield f"{name}-failing", Severity.MAJOR, f"{name} is failing: {found}. Replace it."


def _disk(disk: Disk) -> Iterator[Raised]:
    if disk.read_only:
        yield f"{disk.name}-read-only", Severity.MAJOR, f"{disk.name} is read-only: nothing on it is repaired or saved."
    if disk.table is not Health.OK:
        yield f"{disk.name}-table", Severity.MAJOR, f"The partition table of {disk.name} is {disk.table.value}."
        return
    for part in disk.partitions:
        if part.health in {Health.DAMAGED, Health.MISSING}:
            yield f"{disk.name}-{part.name}", Severity.MAJOR, f"{part.name} on {disk.name} is {part.health.value}."
        elif part.free < FULL and part.name in {"vm", "var"}:
            left = f"{part.free:.0%}"
            yield f"{disk.name}-{part.name}-full", Severity.MINOR, f"{part.name} on {disk.name} is full: {left} is free."


def _sets(host: Host) -> Iterator[Raised]:
    if host.booted is None:
        return
    if host.booted is Slot.SNAPSHOT:
        text = f"The host runs from the snapshot on {BACKUP}."
        yield "backup-boot", Severity.MAJOR, text
    current = host.loader.current
    if host.disk(PRIMARY).present and host.disk(PRIMARY).table is Health.OK:
        why = bootable(host.set(current), host.loader)
        if why:
            yield "current-set", Severity.MAJOR, f"The current set {current.value} cannot boot: {why}."
    if host.disk(BACKUP).present and not host.taken and host.booted is not Slot.SNAPSHOT:
        yield "no-snapshot", Severity.MINOR, f"There is no snapshot on {BACKUP} that could boot."


def _guests(host: Host, guests: Guests) -> Iterator[Raised]:
    for name, state in guests.states.items():
        if state is GuestState.FAILED:
            yield f"guest-{name}-failed", Severity.MAJOR, f"Guest {name} does not come up from any image."
        slot = guests.slots.get(name)
        if slot is not None and host.booted is not None and slot is not host.booted and state is not GuestState.FAILED:
            yield f"guest-{name}-image", Severity.MAJOR, f"Guest {name} runs from the image of set {slot.value}."
    if guests.unrepaired:
        yield "not-repaired", Severity.MAJOR, f"Found and left as it is: {'; '.join(guests.unrepaired)}."
    if not guests.recovers:
        yield "no-auto-recovery", Severity.MINOR, "Auto-recovery is switched off."
    if guests.clock:
        yield "clock", Severity.MINOR, guests.clock
