"""Recovery at boot, in the initial RAM disk: `python3 -m rackless.vmhost.linux.early`.

Looks at both disks, repairs what `repairs.next_repairs` says, until that says nothing; then mounts what the host runs on
below /root. Exit status: 0 mounted, 10 the machine is to be started again, 1 it could not be done.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rackless.model.errors import ProviderError, RacklessError
from rackless.running import run
from rackless.vmhost import bootstate
from rackless.vmhost.bootstate import BootState, split
from rackless.vmhost.linux import bootloader, filesystems, modules, sets, tables
from rackless.vmhost.linux.disks import PATH, Disk, area, attached, find, mounted
from rackless.vmhost.repairs import DiskFacts, Facts, Repair, Verb, next_repairs

PRESENT = 30.0
"""Seconds in which the disk that GRUB booted from has to be there."""
MOUNTED, AGAIN, FAILED = 0, 10, 1
ROUNDS = 12
"""Looks at most; every repair is tried once, so it takes fewer."""
CONFIGURATION = "lib/rackless-vmhost"
"""The host's configuration, of /var: what a snapshot takes along, and what comes back from it."""
RECORD = Path("/run/rackless/early.json")


@dataclass(frozen=True, kw_only=True)
class Done:
    """One repair: what was done where, whether it helped, and where what had been there is kept (on `vm` of a disk)."""

    what: str
    disk: int
    part: str
    helped: bool
    kept: str = ""
    why: str = ""


class Early:
    """One start of a host.

    Args:
        paths: gives the disks that are there now.
        running: name of the set that GRUB booted.
        why: why it took that.
        files: what a boot partition is made of.
        say: told each line of what is done.
    """

    def __init__(
        self, *, paths: Callable[[], list[Disk]], running: str, why: str, files: Path, say: Callable[[str], None]
    ) -> None:
        self._paths, self._running, self._why, self._files, self._say = paths, running, why, files, say
        self.done: list[Done] = []
        self.again = False
        self._failed: set[Repair] = set()
        self._checked: dict[tuple[int, str], str] = {}
        self._state: BootState | None = None
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    async def recover(self) -> None:
        """Repair until nothing is left that can be."""
        for _ in range(ROUNDS):
            facts = await self._look()
            repairs = next_repairs(facts)
            if not repairs:
                break
            for repair in repairs:
                await self._act(repair)
            if self.again:
                return
        await self._settle()

    # ---- looking

    def _disks(self) -> dict[int, Disk]:
        """Ours by number; one whose table is gone is known by what the other keeps of it."""
        return {int(disk.number): disk for disk in self._paths() if disk.number in ("1", "2")}

    async def _look(self) -> Facts:
        disks = self._disks()
        self._state = bootloader.current_state(list(disks.values()))
        facts: dict[int, DiskFacts] = {}
        for number, disk in disks.items():
            facts[number] = await self._facts(number, disk)
        for number, _ in await self._lost(disks):
            facts[number] = DiskFacts(table="gone", saved=True)
        return Facts(running=self._running, why=self._why, state=self._state, disks=facts, failed=frozenset(self._failed))

    async def _lost(self, disks: dict[int, Disk]) -> list[tuple[int, Disk]]:
        """Disks without a table that are, by serial and size, one whose table another disk keeps."""
        bare = [disk for disk in self._paths() if disk.table.best is None]
        found = []
        for other in disks.values() if bare else ():
            for serial, size, copy in tables.kept(other):
                for disk in bare:
                    if (disk.serial, disk.size) == (serial, size):
                        again = replace(disk, table=replace(disk.table, primary=copy))
                        if again.number in ("1", "2") and int(again.number) not in disks:
                            found.append((int(again.number), again))
        return found

    async def _facts(self, number: int, disk: Disk) -> DiskFacts:
        if not disk.table.whole:
            return DiskFacts(table="half")
        running_disk, slot = split(self._running)
        wanted = {slot} if number == running_disk else set()
        state = self._state
        if number == 1 and state is not None and self._why not in ("current", "trial", "once"):
            wanted.add(state.current)
        roots = {name: self._root(number, disk, name) for name in sorted(wanted)}
        systems = {}
        if number == running_disk:
            systems = {part: await self._system(number, disk, part) for part in ("vm", "var")}
        bios = bootloader.bios_sound(disk, self._files)
        return DiskFacts(bios=bios, boot=bootloader.boot_sound(disk, self._files), roots=roots, systems=systems)

    def _root(self, number: int, disk: Disk, slot: str) -> str:
        key = (number, f"root-{slot}")
        if key not in self._checked:
            seal, bad = sets.check(disk, slot)
            self._checked[key] = "none" if seal is None else "damaged" if bad else "whole"
            if seal is None and self._running == f"{number}{slot}":
                self._checked[key] = "unmendable"
        return self._checked[key]

    async def _system(self, number: int, disk: Disk, part: str) -> str:
        key = (number, part)
        if key not in self._checked:
            self._checked[key] = "sound" if await filesystems.sound(disk, part) else "unsound"
        return self._checked[key]

    # ---- acting

    async def _act(self, repair: Repair) -> None:
        self._say(f"disk {repair.disk} {repair.part}: {repair.verb}")
        kept, why, helped = "", "", False
        try:
            kept, helped = await self._do(repair)
        except (RacklessError, OSError) as error:
            why = str(error)
        if not helped:
            self._failed.add(repair)
            self._say(f"disk {repair.disk} {repair.part}: {repair.verb}: did not help {why}")
        self.done.append(Done(what=repair.verb, disk=repair.disk, part=repair.part, helped=helped, kept=kept, why=why))

    async def _do(self, repair: Repair) -> tuple[str, bool]:  # noqa: PLR0911 - one for each verb
        disks = self._disks()
        match repair.verb:
            case Verb.TABLE_FROM_COPY:
                copy = disks[repair.disk].table.best
                assert copy is not None
                await tables.write(disks[repair.disk], copy)
                return "", True
            case Verb.TABLE_FROM_SAVED:
                return await self._restore_table(repair.disk, disks)
            case Verb.BIOS:
                bootloader.write_bios(disks[repair.disk], self._files)
                return "", True
            case Verb.BOOT:
                return await self._make_boot(disks[repair.disk], disks)
            case Verb.MEND:
                return await self._mend(disks[repair.disk], repair.part.removeprefix("root-"), disks)
            case Verb.CHECK:
                return await self._check(disks[repair.disk], repair.part)
            case Verb.REMAKE:
                return await self._remake(disks[repair.disk], repair.part, disks)
            case Verb.GIVE_UP:
                await self._change(lambda state: state.failed(self._running))
                self.again = True
                return "", True
            case Verb.RESTART:
                await self._change(lambda state: replace(state, repairs=state.repairs + 1))
                self.again = True
                return "", True

    @contextlib.asynccontextmanager
    async def _aside(self, disks: dict[int, Disk], what: str) -> AsyncIterator[tuple[Path, str] | None]:
        """A place for what is replaced: (folder, its name for people), on the running disk's `vm` or else on the other's."""
        running, _ = split(self._running)
        for number in sorted(disks, key=lambda number: number != running):
            if self._checked.get((number, "vm"), "sound") != "sound":
                continue
            with contextlib.ExitStack() as tried:
                tried.enter_context(contextlib.suppress(ProviderError))
                async with mounted(disks[number], "vm") as folder:
                    tried.pop_all()
                    name = f"aside/{self._stamp}-{what}"
                    yield folder / name, f"disk {number}: /vm/{name}"
                    return
        yield None

    async def _restore_table(self, number: int, disks: dict[int, Disk]) -> tuple[str, bool]:
        for lost, disk in await self._lost(disks):
            if lost == number and disk.table.primary is not None:
                async with self._aside(disks, f"table-{number}") as place:
                    await tables.write(disk, disk.table.primary, place[0] if place else None)
                    return place[1] if place else "", True
        return "", False

    async def _make_boot(self, disk: Disk, disks: dict[int, Disk]) -> tuple[str, bool]:
        """The state comes from the other disk; where no disk knows it, what lies in the slots says it."""
        state = self._state or self._guess(disks)
        async with self._aside(disks, f"boot-{disk.number}") as place:
            if place:
                filesystems.keep_raw(disk, "boot", place[0])
            await bootloader.make_boot(disk, self._files, state)
            return place[1] if place else "", True

    def _guess(self, disks: dict[int, Disk]) -> BootState:
        """Nothing is known any more: what runs now is taken for current, every slot with a seal for good."""
        state = BootState()
        if 1 in disks:
            there = [slot for slot in bootstate.SLOTS if sets.read_seal(disks[1], slot) is not None]
            for slot in there:
                state = replace(state, slots={**state.slots, slot: bootstate.Slot.GOOD})
            number, slot = split(self._running)
            state = replace(state, current=slot if number == 1 else (there or ["a"])[0])
        if 2 in disks:
            there = [slot for slot in bootstate.SLOTS if sets.read_seal(disks[2], slot) is not None]
            state = replace(state, snapshot=there[0] if there else "")
        return state

    async def _mend(self, disk: Disk, slot: str, disks: dict[int, Disk]) -> tuple[str, bool]:
        with contextlib.ExitStack() as opened:
            target = opened.enter_context(area(disk, f"root-{slot}", writing=True))
            sources = []
            for other in disks.values():
                for name in bootstate.SLOTS:
                    if (other.number, name) != (disk.number, slot):
                        place = opened.enter_context(area(other, f"root-{name}"))
                        seal = sets.seal_of(place)
                        if seal is not None:
                            sources.append((place, seal))
            seal, bad = sets.check(disk, slot)
            if seal is None:
                return "", False
            async with self._aside(disks, f"root-{disk.number}{slot}") as place_aside:
                mended = sets.mend(target, seal, bad, sources, place_aside[0] if place_aside else None)
                kept = place_aside[1] if place_aside and mended.kept else ""
        number = int(disk.number)
        self._checked[(number, f"root-{slot}")] = "unmendable" if mended.left else "whole"
        self._say(f"disk {number} root-{slot}: {len(mended.replaced)} MiB replaced, {len(mended.left)} MiB without a copy")
        return kept, not mended.left

    async def _check(self, disk: Disk, part: str) -> tuple[str, bool]:
        disks = {number: other for number, other in self._disks().items() if part != "vm" or number != int(disk.number)}
        async with self._aside(disks, f"{part}-{disk.number}") as place:
            helped = await filesystems.check(disk, part, place[0] if place else None)
        self._checked[(int(disk.number), part)] = "sound" if helped else "gone"
        if helped:
            # What the check had to drop, the other disk may have.
            await self._fill(disk, part)
        return place[1] if place else "", helped

    async def _fill(self, disk: Disk, part: str) -> None:
        for other in self._disks().values():
            if other.number != disk.number:
                with contextlib.suppress(RacklessError, OSError):
                    await copy_system(other, disk, part)

    async def _remake(self, disk: Disk, part: str, disks: dict[int, Disk]) -> tuple[str, bool]:
        """Anew, with what the other disk has of it; only when what was there could be kept."""
        others = {number: other for number, other in disks.items() if part != "vm" or number != int(disk.number)}
        async with self._aside(others, f"{part}-{disk.number}") as place:
            if place is None:
                raise ProviderError("There is no room to keep what it holds.")
            filesystems.keep_raw(disk, part, place[0])
            kept = place[1]
        await filesystems.make(disk, part)
        await self._fill(disk, part)
        self._checked[(int(disk.number), part)] = "sound"
        return kept, True

    async def _change(self, change: Callable[[BootState], BootState]) -> None:
        """The state on every disk that has it."""
        disks = self._disks()
        self._state = change(self._state or self._guess(disks))
        for disk in disks.values():
            with contextlib.suppress(RacklessError, OSError):
                bootloader.write_state(disk, self._state)

    async def _settle(self) -> None:
        """Each disk keeps the other's table and the same state, for the day on which the other loses its own."""
        disks = self._disks()
        for number, disk in disks.items():
            for other_number, other in disks.items():
                with contextlib.suppress(RacklessError, OSError):
                    if number != other_number and disk.table.whole:
                        tables.keep(disk, other)
            if self._state is not None:
                with contextlib.suppress(RacklessError, OSError):
                    if bootloader.read_state(disk) != self._state:
                        bootloader.write_state(disk, self._state)


async def copy_system(source: Disk, target: Disk, part: str) -> None:
    """What a new or repaired `var` or `vm` gets from the other disk, where it has it not: the configuration, or the guest image
    of each set that is the same there."""
    async with mounted(source, part) as old, mounted(target, part) as new:
        if part == "var":
            for name in filesystems.SKELETON:
                (new / name).mkdir(exist_ok=True)
            await run(["cp", "-a", "--no-clobber", old / CONFIGURATION, new / "lib"], deadline=600, env=PATH)
            return
        for mine, theirs in itertools.product(bootstate.SLOTS, bootstate.SLOTS):
            wanted, there = sets.read_seal(target, mine), sets.read_seal(source, theirs)
            folder = sets.guest_folder(old, theirs)
            same = wanted is not None and there is not None and wanted.digest == there.digest
            if same and folder.is_dir() and sets.check_guest(sets.guest_folder(new, mine)):
                await sets.put_guest(folder, new, mine)


def command_line(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


async def wait_for(running: str, deadline: float, loading: modules.Modules) -> None:
    """The disk that GRUB booted from is seen by the kernel, and a moment later whatever came with it."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        await loading.load()
        if any(disk.number == running[0] for disk in find()):
            await asyncio.sleep(0.2)
            return
        await asyncio.sleep(0.1)


async def mount_all(running: str, root: Path) -> None:
    number, slot = split(running)
    disk = next(disk for disk in find() if disk.number == str(number))
    for part, where, options in (
        (f"root-{slot}", root, "ro"),
        ("var", root / "var", "rw,noatime"),
        ("vm", root / "vm", "rw,noatime"),
    ):
        async with attached(disk, part) as device:
            done = await run(
                ["mount", "-t", "ext4", "-o", options, device, where], deadline=60, env=PATH, check=part.startswith("root")
            )
        if done.code and part == "var":
            await run(["mount", "-t", "tmpfs", "-o", "mode=0755", "var", where], deadline=30, env=PATH)
            for name in filesystems.SKELETON:
                (where / name).mkdir(exist_ok=True)
    identity = root / "var/lib/rackless-vmhost/machine-id"
    identity.parent.mkdir(parents=True, exist_ok=True)
    if not identity.is_file() or len(identity.read_text().strip()) != 32:
        identity.write_text(Path("/proc/sys/kernel/random/uuid").read_text().strip().replace("-", "") + "\n")


def say(text: str) -> None:
    with contextlib.suppress(OSError), Path("/dev/kmsg").open("w") as kernel:
        kernel.write(f"<5>rackless: {text}\n")
    sys.stderr.write(f"rackless: {text}\n")


async def main(root: Path = Path("/root")) -> int:
    words = command_line(Path("/proc/cmdline").read_text())
    loading = modules.Modules()
    if "rackless.install" in words:
        from rackless.vmhost.linux.installer import install_here

        return await install_here(words, loading)
    running = words.get("rackless.set", "1a")
    say("looking at the disks")
    await wait_for(running, PRESENT, loading)
    early = Early(paths=find, running=running, why=words.get("rackless.why", "current"), files=bootloader.FILES, say=say)
    await early.recover()
    if early.again:
        await keep_record(early.done, running)
        await run(["sync"], deadline=120, env=PATH)
        return AGAIN
    say(f"set {running} is whole" if not early.done else f"set {running} is gone on with, after {len(early.done)} repairs")
    await mount_all(running, root)
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps([asdict(done) for done in early.done], indent=1))
    (RECORD.parent / "set").symlink_to(f"/vm/sets/{split(running)[1]}")
    return MOUNTED


async def keep_record(done: list[Done], running: str) -> None:
    """What was done before the machine starts again, on the disks' `vm`, where the next start finds it."""
    for disk in find():
        with contextlib.suppress(RacklessError, OSError):
            if disk.number in ("1", "2"):
                async with mounted(disk, "vm") as folder:
                    (folder / "aside").mkdir(exist_ok=True)
                    file = folder / "aside" / f"early-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{running}.json"
                    file.write_text(json.dumps([asdict(one) for one in done], indent=1))


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (RacklessError, OSError, StopIteration) as problem:
        say(f"{type(problem).__name__}: {problem}")
        sys.exit(FAILED)
