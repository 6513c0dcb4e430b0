"""What can be shown of a VM host, and requested of it: one protocol, whoever asks (its administrative guest, its operator).

The agent implements it over its world (world.py); the channel to the guest (channel.py) and the operator's socket call it.

Rules for all methods:

* They raise children of `RacklessError` with a reason: `InputError` for what can never be (an unsigned or foreign bundle, a
  file that is not there), `StateError` for the wrong moment (another long request runs, nothing to abort, no alternate set),
  `CapacityError` for a full disk, `ProviderError` where the host itself failed. A refused request has changed nothing.
* At most one long request (one with `tell`) runs at a time; a second is refused with `StateError` naming the first, but
  `abort_software` is always taken. `tell` takes one line of progress, never blocks and never raises.
* A request is accepted or refused at once. What takes the asker's own machine down (reboot, power-off, halt, zeroize, and
  `add_software` with `reboot`) returns first: it comes `GRACE` seconds later at the earliest, so that the answer arrives.
* Whoever asks is already allowed to (`Asker.may`), and logged; `by` is for the host's record of what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from rackless.model.vmhost import (
    Asker,
    Bridge,
    Done,
    Hardware,
    HostFile,
    Information,
    Interface,
    Netstat,
    Process,
    ResourceUse,
    SnapshotFacts,
    Status,
    Uptime,
    Version,
)
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind

GRACE = 2.0
"""Seconds between the answer to a request that takes the host down and its beginning."""

Tell = Callable[[str], None]


class Administration(Protocol):
    # ---- shown

    async def version(self) -> Version: ...

    async def status(self) -> Status: ...

    async def hardware(self) -> Hardware: ...

    async def information(self) -> Information: ...

    async def uptime(self) -> Uptime: ...

    async def snapshot(self) -> SnapshotFacts | None:
        """What the backup disk holds; None: no snapshot was taken, or there is no backup disk (an alarm of `status` says
        which)."""
        ...

    async def processes(self) -> tuple[Process, ...]: ...

    async def resources(self) -> ResourceUse: ...

    async def netstat(self) -> Netstat: ...

    async def bridges(self) -> tuple[Bridge, ...]: ...

    async def management(self) -> tuple[Interface, ...]:
        """The interface(s) that the host is administered by, and that the guest's fxp0 goes out of."""
        ...

    async def files(self, kind: FileKind) -> tuple[HostFile, ...]:
        """Logs or crash dumps, newest first."""
        ...

    def read(self, kind: FileKind, name: str, *, last: int | None = None) -> AsyncIterator[bytes]:
        """A file's bytes in pieces; with `last`, only that many of its last bytes. `NotFoundError` for names that `files` does
        not list."""
        ...

    # ---- requested

    async def add_software(self, bundle: Path, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        """Verify a bundle on the host's own disk (signature, platform, age, size) and write it to the alternate set, which the
        next boot takes.

        `validate`: also check that the guest's configuration fits the new release. The caller removes the file. Ends when
        written.
        """
        ...

    async def fetch_software(self, address: str, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        """The same with a bundle that the host fetches itself (http or https)."""
        ...

    async def abort_software(self, *, by: Asker) -> Done:
        """Stop an `add_software` that runs, or take back one that waits for its reboot: the next boot takes the current set
        again."""
        ...

    async def roll_back(self, *, by: Asker, tell: Tell) -> Done:
        """The next boot takes the alternate set. Again: the current one."""
        ...

    async def take_snapshot(self, *, recovery: bool, partition: bool, by: Asker, tell: Tell) -> Done:
        """Copy the primary disk's sets to the backup disk, bootable. `partition`: make its partitions anew first (all on it is
        lost). `recovery`: as the snapshot that is kept for recovery."""
        ...

    async def reboot(self, *, device: BootDevice | None, after: float, by: Asker) -> Done:
        """Reboot host and guests in `after` seconds; from `device` just this once, None: in the usual order."""
        ...

    async def power_off(self, *, after: float, by: Asker) -> Done: ...

    async def power_on(self, *, guest: str, by: Asker) -> Done:
        """Start guests that are off or failed; all of them if `guest` is empty."""
        ...

    async def halt(self, *, after: float, by: Asker) -> Done:
        """Stop guests and host in order; the power stays on."""
        ...

    async def cancel(self, *, by: Asker) -> Done:
        """Forget the reboot, power-off or halt that is scheduled. `StateError` when none is."""
        ...

    async def clean_up(self, *, by: Asker, tell: Tell) -> Done:
        """Remove rotated logs, old crash dumps and left temporary files of the host. Says what went, and how much."""
        ...

    async def zeroize(self, *, by: Asker, tell: Tell) -> Done:
        """Forget all configuration, keys, logs and guests' data on both disks and boot as new. Asking twice is the caller's
        part."""
        ...

    async def test_disk(self, disk: Disk, *, extended: bool, by: Asker, tell: Tell) -> Done:
        """The disk's own self-test, or, where it has none, reading it all. The result is in the lines of `Done`; a disk that
        fails is an alarm too."""
        ...

    async def auto_recovery(self, *, on: bool, by: Asker) -> Done:
        """Set it, kept over reboots. The same again is no error and changes nothing."""
        ...
