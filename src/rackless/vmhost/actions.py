"""What a decision can ask for. Each action is a step: repeatable, done whole or (after a power cut) not at all as far as is seen.

`str(action)` is what the log says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rackless.vmhost.facts import Loader, Slot


@dataclass(frozen=True, kw_only=True)
class RestoreTable:
    disk: str

    def __str__(self) -> str:
        return f"restore the partition table of {self.disk} from its second copy"


@dataclass(frozen=True, kw_only=True)
class MakeTable:
    """Write the layout's table again; what is in the partitions stays."""

    disk: str

    def __str__(self) -> str:
        return f"write the partition table of {self.disk} anew, by its layout"


@dataclass(frozen=True, kw_only=True)
class KeepAside:
    """Copy what is in a partition, or a table ("table"), to where it survives what comes next."""

    disk: str
    part: str

    def __str__(self) -> str:
        return f"keep {self.part} of {self.disk} aside"


@dataclass(frozen=True, kw_only=True)
class CheckFilesystem:
    disk: str
    part: str

    def __str__(self) -> str:
        return f"check the file system of {self.part} on {self.disk}"


@dataclass(frozen=True, kw_only=True)
class Recreate:
    """Make a partition's file system anew, with what `source` has for it: "disk1", "disk2"; "" for nothing."""

    disk: str
    part: str
    source: str

    def __str__(self) -> str:
        what = f"from {self.source}" if self.source else "empty"
        return f"make {self.part} on {self.disk} anew, {what}"


@dataclass(frozen=True, kw_only=True)
class WriteLoader:
    loader: Loader
    why: str

    def __str__(self) -> str:
        return f"write the boot loader's state: {told(self.loader)}"


@dataclass(frozen=True, kw_only=True)
class WriteSet:
    """A verified bundle into a slot: root, then guest images."""

    slot: Slot
    bundle: Path

    def __str__(self) -> str:
        return f"write {self.bundle.name} into set {self.slot.value}"


@dataclass(frozen=True, kw_only=True)
class CopySet:
    """Root, guest images and saved configurations."""

    source: Slot
    to: Slot

    def __str__(self) -> str:
        return f"copy set {self.source.value} to {self.to.value}"


@dataclass(frozen=True, kw_only=True)
class PartitionDisk:
    """All that is on it is lost: asked for, never decided."""

    disk: str

    def __str__(self) -> str:
        return f"make all partitions of {self.disk} anew"


@dataclass(frozen=True, kw_only=True)
class KeepGuestFile:
    """`what`: configuration, licence or disk."""

    guest: str
    what: str

    def __str__(self) -> str:
        return f"keep the {self.what} of guest {self.guest} aside"


@dataclass(frozen=True, kw_only=True)
class RestoreConfiguration:
    """`copy`: last-good or rescue."""

    guest: str
    copy: str

    def __str__(self) -> str:
        return f"restore the configuration of guest {self.guest} from {self.copy}"


@dataclass(frozen=True, kw_only=True)
class RestoreLicence:
    guest: str

    def __str__(self) -> str:
        return f"restore the licence of guest {self.guest} from the saved copy"


@dataclass(frozen=True, kw_only=True)
class SaveGuest:
    """Copy a healthy guest's configuration and licence to the saved ones, if they differ."""

    guest: str

    def __str__(self) -> str:
        return f"save the configuration and licence of guest {self.guest}"


@dataclass(frozen=True, kw_only=True)
class StartGuest:
    """From the image of a set."""

    guest: str
    slot: Slot

    def __str__(self) -> str:
        return f"start guest {self.guest} from the image of set {self.slot.value}"


@dataclass(frozen=True, kw_only=True)
class ResetGuest:
    guest: str

    def __str__(self) -> str:
        return f"reset guest {self.guest}"


@dataclass(frozen=True, kw_only=True)
class StopGuest:
    """In order first, then by force; gone when it returns."""

    guest: str
    orderly: bool = True

    def __str__(self) -> str:
        return f"stop guest {self.guest}" + ("" if self.orderly else " by force")


@dataclass(frozen=True, kw_only=True)
class EndHost:
    """`how`: reboot, power-off or halt. Does not come back."""

    how: str
    why: str

    def __str__(self) -> str:
        return f"{self.how} the host"


@dataclass(frozen=True, kw_only=True)
class MoveClock:
    """`seconds` onto the clock. `step`: at once; else slewed, as slowly as `adjtimex(2)` is told."""

    seconds: float
    step: bool

    def __str__(self) -> str:
        return f"{'step' if self.step else 'slew'} the clock by {self.seconds:+.3f} s"


@dataclass(frozen=True, kw_only=True)
class SetZone:
    zone: str

    def __str__(self) -> str:
        return f"set the time zone {self.zone}"


@dataclass(frozen=True, kw_only=True)
class WriteRecord:
    """What the agent itself has to remember (record.py)."""

    text: str

    def __str__(self) -> str:
        return "write the record"


Action = (
    RestoreTable
    | MakeTable
    | KeepAside
    | CheckFilesystem
    | Recreate
    | WriteLoader
    | WriteSet
    | CopySet
    | PartitionDisk
    | KeepGuestFile
    | RestoreConfiguration
    | RestoreLicence
    | SaveGuest
    | StartGuest
    | ResetGuest
    | StopGuest
    | EndHost
    | MoveClock
    | SetZone
    | WriteRecord
)


def told(loader: Loader) -> str:
    """One line of the boot loader's state."""
    words = [f"current {loader.current.value}"]
    words += [f"confirmed {' '.join(sorted(slot.value for slot in loader.confirmed)) or 'none'}"]
    words += [f"{slot.value} has {left} attempts" for slot, left in sorted(loader.attempts.items())]
    words += [f"{slot.value} is bad" for slot in sorted(loader.bad)]
    words += [f"next time only {loader.once.value}"] if loader.once is not None else []
    return ", ".join(words)
