"""Which set boots, when one counts as good, and what is tried after it. Pure.

The boot loader's own script does what `entry` does; `order` is: the current set, the snapshot on the backup disk if
one was taken, the alternate set on the primary disk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rackless.vmhost.facts import PRIMARY, Health, Host, Loader, Slot, SoftwareSet, other

ATTEMPTS = 3
"""Boots that an unconfirmed set has to bring its guest up. Those of a confirmed set are not counted: power may be cut at any
time."""


def order(current: Slot) -> tuple[Slot, Slot, Slot]:
    return (current, Slot.SNAPSHOT, other(current))


def bootable(found: SoftwareSet, loader: Loader) -> str:
    """ "" or why the boot loader passes over this set."""
    if not found.version:
        return "there is none"
    if found.slot in loader.bad:
        return "it is marked bad"
    if not found.bootable:
        return f"its root is {found.root.value}"
    if found.slot not in loader.confirmed and loader.attempts.get(found.slot, 0) < 1:
        return "its boot attempts are used up"
    return ""


def entry(loader: Loader, sets: tuple[SoftwareSet, ...]) -> tuple[Slot | None, Loader]:
    """What the boot loader starts, and what it has written before it does: one attempt less for an unconfirmed set.

    `sets` are those of the disks that are there and whose boot partition works.
    """
    here = {each.slot: each for each in sets}
    once = (loader.once,) if loader.once is not None else ()
    for slot in (*once, *order(loader.current)):
        if slot in here and not bootable(here[slot], loader):
            left = dict(loader.attempts)
            if slot not in loader.confirmed:
                left[slot] -= 1
            return slot, replace(loader, attempts=left, once=None)
    # Nothing of this is fit; a host that tries is better than one that waits for a person (rauc issue 683).
    last = (slot for slot in order(loader.current) if slot in here and here[slot].bootable)
    return next(last, None), replace(loader, once=None)


def confirmed(loader: Loader, slot: Slot) -> Loader:
    left = {each: count for each, count in loader.attempts.items() if each is not slot}
    return replace(loader, confirmed=loader.confirmed | {slot}, attempts=left, bad=loader.bad - {slot})


def unusable(loader: Loader, slot: Slot) -> Loader:
    """While it is being written, and when its guest did not come up."""
    left = {each: count for each, count in loader.attempts.items() if each is not slot}
    return replace(loader, confirmed=loader.confirmed - {slot}, attempts=left, bad=loader.bad | {slot})


def tried_next(loader: Loader, slot: Slot) -> Loader:
    """`slot` becomes current, and has its attempts before it has to be confirmed, unless it was confirmed before."""
    fresh = {} if slot in loader.confirmed else {slot: ATTEMPTS}
    left = {each: count for each, count in loader.attempts.items() if each is not slot}
    return replace(loader, current=slot, attempts=left | fresh, bad=loader.bad - {slot})


@dataclass(frozen=True, kw_only=True)
class Move:
    """A new state of the boot loader, and why."""

    loader: Loader
    why: str


def settled(host: Host) -> Move | None:
    """After a boot that was not the planned one: what the loader should say from now on."""
    booted, loader = host.booted, host.loader
    if booted is None or booted is loader.current:
        return None
    why = bootable(host.set(loader.current), loader)
    if not why:
        return None  # It was asked for, once; or its disk came back since.
    if booted is not Slot.SNAPSHOT:
        return Move(loader=replace(loader, current=booted), why=f"set {loader.current.value} did not boot: {why}")
    second = other(loader.current)
    if host.disk(PRIMARY).usable and not bootable(host.set(second), loader):
        return Move(
            loader=replace(loader, current=second), why=f"set {second.value} is whole, and of set {loader.current.value} {why}"
        )
    return None


def fallback(host: Host) -> Slot | None:
    """Where an unconfirmed set falls back to when its guest does not come up; None: there is nothing else, it goes on trying."""
    slot = host.booted
    if slot is None or slot is Slot.SNAPSHOT or slot in host.loader.confirmed:
        return None
    for each in order(slot)[1:]:
        found = host.set(each)
        if host.disk(each.disk).present and found.root is not Health.MISSING and not bootable(found, host.loader):
            return each
    return None
