"""What the host looks like at one moment, as the decisions take it. Frozen, no I/O.

A software SET is a host's root and its guest images of one version. The primary disk has the slots `a` and `b`: one is
*current*, the other *alternate*; the backup disk has a *snapshot* that can boot by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Slot(StrEnum):
    """Where a set lies."""

    A = "a"
    B = "b"
    SNAPSHOT = "snapshot"

    @property
    def disk(self) -> str:
        return BACKUP if self is Slot.SNAPSHOT else PRIMARY

    @property
    def root(self) -> str:
        """Name of its root partition on its disk."""
        return "root-b" if self is Slot.B else "root-a"


PRIMARY, BACKUP = "disk1", "disk2"
"""As `request vmhost reboot disk1` has them."""
ROOTS = ("root-a", "root-b")
PARTITIONS = ("boot", *ROOTS, "vm", "var")


def other(slot: Slot) -> Slot:
    """The slot beside `a` or `b` on the primary disk; of the snapshot, `a`."""
    return Slot.B if slot is Slot.A else Slot.A


class Health(StrEnum):
    OK = "ok"
    DIRTY = "dirty"
    """Not closed properly: a check brings it in order, or shows that it is damaged."""
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Partition:
    name: str
    health: Health = Health.OK
    free: float = 1.0
    """Part of it that is free, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """`table_copy`: the partition table's second copy, at the disk's end (UEFI 2.10, 5.3), is whole."""

    name: str
    serial: str = ""
    present: bool = True
    read_only: bool = False
    failing: str = ""
    """What it says of itself, if that is bad."""
    table: Health = Health.OK
    table_copy: bool = True
    partitions: tuple[Partition, ...] = ()

    def part(self, name: str) -> Partition:
        return next((part for part in self.partitions if part.name == name), Partition(name=name, health=Health.MISSING))

    @property
    def usable(self) -> bool:
        """It can be written."""
        return self.present and not self.read_only


@dataclass(frozen=True, kw_only=True)
class SoftwareSet:
    """`digest` names the bundle that it was written from; "" while it is being written, or of unknown origin."""

    slot: Slot
    version: str
    root: Health = Health.OK
    digest: str = ""

    @property
    def bootable(self) -> bool:
        return bool(self.version) and self.root in {Health.OK, Health.DIRTY}


@dataclass(frozen=True, kw_only=True)
class Loader:
    """What the boot loader reads, in one write that is there whole or not at all. `attempts` has unconfirmed sets only."""

    current: Slot = Slot.A
    confirmed: frozenset[Slot] = frozenset({Slot.A})
    attempts: Mapping[Slot, int] = field(default_factory=dict)
    bad: frozenset[Slot] = frozenset()
    once: Slot | None = None
    """Where to boot from the next time only."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """The image of a guest as one set has it."""

    slot: Slot
    health: Health = Health.OK
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A guest's files, as they are while it does not run. `licence` is OK where it has none and never had."""

    name: str
    administrative: bool = False
    images: tuple[Image, ...] = ()
    configuration: Health = Health.OK
    last_good: Health = Health.MISSING
    rescue: Health = Health.MISSING
    older: bool = False
    """Its configuration is older than the last good one: that was made while the host ran from its other disk."""
    licence: Health = Health.OK
    licence_copy: Health = Health.MISSING

    def image(self, slot: Slot) -> Image:
        return next((image for image in self.images if image.slot is slot), Image(slot=slot, health=Health.MISSING))


@dataclass(frozen=True, kw_only=True)
class Host:
    """`booted`: None where no appliance is below us: a Debian host with one set of guest images and no boot loader of ours."""

    booted: Slot | None
    loader: Loader
    disks: tuple[Disk, ...]
    sets: tuple[SoftwareSet, ...]
    guests: tuple[Guest, ...]

    def disk(self, name: str) -> Disk:
        return next((disk for disk in self.disks if disk.name == name), Disk(name=name, present=False))

    def set(self, slot: Slot) -> SoftwareSet:
        return next((each for each in self.sets if each.slot is slot), SoftwareSet(slot=slot, version="", root=Health.MISSING))

    def guest(self, name: str) -> Guest:
        return next(guest for guest in self.guests if guest.name == name)

    @property
    def taken(self) -> bool:
        """There is a snapshot that can be used."""
        found = self.set(Slot.SNAPSHOT)
        return found.bootable and Slot.SNAPSHOT not in self.loader.bad and self.disk(BACKUP).present
