"""The appliance that this program runs on: its sets, its two disks and what it boots next. For agent, RAUC and console."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rackless.model.errors import InputError, StateError
from rackless.running import run
from rackless.vmhost import bootstate, setimage
from rackless.vmhost.bootstate import BootState, split
from rackless.vmhost.linux import bootloader, early, filesystems, installing, sets, tables
from rackless.vmhost.linux.disks import PATH, Disk, area, find, look
from rackless.vmhost.setimage import Seal

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Tells nobody."""


class Appliance:
    """One host.

    Args:
        disks: gives the disks that are there now.
        running: name of the set that runs, `1a` to `2b`.
        why: why GRUB took it (bootstate.BootState.order).
        files: what a boot partition is made of.
        record: what early recovery left.
        var: where the host's configuration is.
    """

    def __init__(
        self,
        *,
        disks: Callable[[], list[Disk]],
        running: str,
        why: str,
        files: Path = bootloader.FILES,
        record: Path = early.RECORD,
        var: Path = Path("/var"),
    ) -> None:
        self._disks, self.running, self.why, self._files, self._record, self._var = disks, running, why, files, record, var

    @classmethod
    def here(cls) -> Appliance:
        """This machine; or, for trials, the one that the file named by RACKLESS_APPLIANCE tells of, whose disks may be files.

        Raises:
            InputError: this machine was not booted as an appliance.
        """
        told = os.environ.get("RACKLESS_APPLIANCE")
        if told:
            about = json.loads(Path(told).read_text(encoding="utf-8"))
            paths = [Path(name) for name in about["disks"]]
            return cls(
                disks=lambda: [look(path) for path in paths if path.exists()],
                running=about["running"],
                why=about["why"],
                files=Path(about["files"]),
                var=Path(about["var"]),
            )
        words = early.command_line(Path("/proc/cmdline").read_text())
        if "rackless.set" not in words:
            raise InputError("This machine is no VM host appliance.", hint="Its kernel was not started by the appliance's GRUB.")
        return cls(disks=find, running=words["rackless.set"], why=words.get("rackless.why", "current"))

    def disks(self) -> dict[int, Disk]:
        """Of this host, by number."""
        return {int(disk.number): disk for disk in self._disks() if disk.number in ("1", "2")}

    # ---- what is booted

    async def state(self) -> BootState:
        """
        Raises:
            StateError: no disk knows it.
        """
        found = bootloader.current_state(list(self.disks().values()))
        if found is None:
            raise StateError("What is booted next is not known: no boot partition can be read.", hint="Start the host again.")
        return found

    async def change(self, change: Callable[[BootState], BootState]) -> BootState:
        """The state changed on both disks; the primary's first, which is what counts.

        Raises:
            ProviderError, OSError: no disk could be written.
        """
        new = change(await self.state())
        failures: list[Exception] = []
        disks = self.disks()
        for _, disk in sorted(disks.items()):
            try:
                bootloader.write_state(disk, new)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other disk is tried
                failures.append(error)
        if len(failures) == len(disks) and failures:
            raise failures[0]
        return new

    async def confirm(self) -> BootState:
        """The guest of the running set is up and healthy. Written only where that changes something."""
        state = await self.state()
        return state if state.confirmed(self.running) == state else await self.change(lambda old: old.confirmed(self.running))

    async def fail(self, name: str = "") -> BootState:
        """A set, by default the running one, is given up: the next start takes the next in the order."""
        return await self.change(lambda old: old.failed(name or self.running))

    async def roll_back(self) -> BootState:
        return await self.change(lambda old: old.rolled_back())

    async def boot_once(self, name: str) -> BootState:
        """The next start takes this set, those after it what is current."""
        return await self.change(lambda old: old.boot_once(name))

    async def set_recovery(self, wanted: bool) -> BootState:
        """Whether damage is repaired at the next starts."""
        return await self.change(lambda old: replace(old, recovery=wanted))

    # ---- what there is

    def seal(self, name: str) -> Seal | None:
        """Of a set by its name; None when there is none."""
        number, slot = split(name)
        disk = self.disks().get(number)
        return sets.read_seal(disk, slot) if disk else None

    async def version(self) -> str:
        """Of the running set."""
        seal = self.seal(self.running)
        return seal.version if seal else ""

    def early(self) -> list[dict[str, object]]:
        """What recovery at boot found and did, at this start and at those before that ended in another."""
        if not self._record.is_file():
            return []
        found: list[dict[str, object]] = json.loads(self._record.read_text())
        return found

    # ---- making sets

    async def snapshot(self, *, partition: bool = False, say: Say = quiet) -> BootState:
        """The running set, its guest image and the host's configuration on the backup disk, able to boot by itself.

        The last snapshot stays until the new one is whole; with `partition` the disk is made anew, whatever is on it.

        Raises:
            StateError: there is no backup disk, or the host runs from it.
            ProviderError: copying failed.
        """
        if split(self.running)[0] != 1:
            raise StateError("The host runs from its backup disk.", hint="Start it from the primary disk, then take a snapshot.")
        if partition:
            await self.partition_backup(say=say)
        elif 2 not in self.disks():
            raise StateError(
                "There is no backup disk with partitions.", hint="Put one in, and take the snapshot with `partition`."
            )
        target = (await self.state()).next_snapshot
        say(f"Copying set {self.running} to slot {target} of the backup disk")
        await self.copy(self.running, f"2{target}")
        own = self._var / early.CONFIGURATION
        async with filesystems.part_of(self.disks()[2], "var") as var:
            if own.is_dir():
                (var / "lib").mkdir(exist_ok=True)
                await run(["cp", "-a", own, var / "lib"], deadline=600, env=PATH)
        return await self.change(lambda old: old.snapshot_taken(target))

    async def partition_backup(self, *, say: Say = quiet) -> None:
        """The backup disk anew by its layout, and a boot loader on it; whatever was on it is gone, a snapshot too."""
        disks = self.disks()
        spare = self._spare(disks)
        say(f"{spare.path}: partitions and file systems")
        state = await self.change(lambda old: replace(old, snapshot="", snapshot_bad=False))
        new = await installing.partition(spare.path, 2, spare.serial)
        await bootloader.make_boot(new, self._files, state)
        bootloader.write_bios(new, self._files)
        for disk, other in ((disks[1], new), (new, disks[1])):
            tables.keep(disk, other)

    async def copy(self, source: str, to: str) -> None:
        """A set, root and guest image, into another slot; each mebibyte is compared with its seal on the way.

        Raises:
            StateError: the disk of one of the two is not there, or the source has no seal.
            ProviderError: the source is damaged.
        """
        (number, slot), (to_number, to_slot) = split(source), split(to)
        disks = self.disks()
        for wanted in (number, to_number):
            if wanted not in disks:
                raise StateError(f"Disk {wanted} is not there.")
        async with filesystems.part_of(disks[number], "vm") as vm:
            with area(disks[number], f"root-{slot}") as root:
                seal = sets.seal_of(root)
                if seal is None:
                    raise StateError(f"The root of set {source} has no seal.", hint="Start the host again: it is repaired then.")
                guest = sets.guest_folder(vm, slot)
                found = installing.Source(root=root, seal=seal, guest=guest if guest.is_dir() else None)
                await installing.put_set(disks[to_number], to_slot, found)

    def _spare(self, disks: dict[int, Disk]) -> Disk:
        """The backup disk, or the one other disk that is no installation medium."""
        if 2 in disks:
            return disks[2]
        others = [disk for disk in self._disks() if disk.number == ""]
        if len(others) != 1:
            raise StateError(f"{len(others)} disks could be the backup disk.", hint="Leave in the one that is to be it.")
        return others[0]

    # ---- bundles

    async def check_bundle(self, file: Path) -> dict[str, object]:
        """What a bundle says of itself, its signature verified.

        Raises:
            InputError: it is not ours, not whole, for another platform, or older than is allowed.
        """
        from rackless.vmhost.linux import rauc

        return await rauc.check(file, least=await self.least_version())

    async def least_version(self) -> str:
        """Older bundles are refused: `least-version` of the host's configuration, empty for any."""
        file = self._var / early.CONFIGURATION / "least-version"
        return file.read_text().strip() if file.is_file() else ""

    async def install(self, file: Path, *, say: Say = quiet) -> BootState:
        """A bundle into the alternate set, which is current from the next start on, on trial.

        Raises:
            InputError: the bundle is refused; nothing was changed.
            ProviderError: writing failed; the running set is what boots next.
        """
        from rackless.vmhost.linux import rauc

        await self.check_bundle(file)
        await rauc.install(file, say=say)
        return await self.state()


def older(version: str, least: str) -> bool:
    return bool(least) and not setimage.newer_or_equal(version, least)


def slot_of(bootname: str) -> str:
    """
    Raises:
        InputError: RAUC asks for a slot that there is not.
    """
    if bootname not in bootstate.SLOTS:
        raise InputError(f"There is no slot {bootname!r}.")
    return bootname
