"""`Administration` of a running agent: what is shown comes of its memory and of the host, what is requested goes to its
operations."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from rackless import release
from rackless.model.errors import NotFoundError, StateError
from rackless.model.vmhost import (
    Asker,
    Bridge,
    DiskFacts,
    DiskRole,
    Done,
    GuestFacts,
    GuestUse,
    Hardware,
    HostFile,
    Information,
    Interface,
    Netstat,
    Process,
    ResourceUse,
    Scheduled,
    SetName,
    SnapshotFacts,
    SoftwareSet,
    Status,
    Uptime,
    Version,
)
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind, Verb
from rackless.vmhost import facts, fetching, software
from rackless.vmhost.administration import GRACE, Tell
from rackless.vmhost.agent import Agent
from rackless.vmhost.configuration import Configuration
from rackless.vmhost.facts import BACKUP, PRIMARY, Health, Host, Slot
from rackless.vmhost.guests import Guests
from rackless.vmhost.linux import inventory
from rackless.vmhost.linux.clock import zone
from rackless.vmhost.spool import Spool

PIECE = 1 << 16
ENDS = {Verb.ZEROIZE: "reboot", Verb.REBOOT: "reboot", Verb.POWER_OFF: "power-off", Verb.HALT: "halt"}
SAMPLE = 0.2
"""Seconds between the two readings of what processors do."""
CRASHES = (Path("/var/crash"), Path("/var/lib/systemd/pstore"), Path("/sys/fs/pstore"))
EFI = Path("/sys/firmware/efi")
LOGS = (Path("/var/log/syslog"), Path("/var/log/kern.log"), Path("/var/log/daemon.log"))


class Agency:
    """`virtualization`: what guests run with, once that is known."""

    def __init__(
        self, wanted: Configuration, agent: Agent, guests: Guests, virtualization: Callable[[], str], spool: Spool
    ) -> None:
        self._wanted, self._agent, self._guests, self._virtualization = wanted, agent, guests, virtualization
        self._spool = spool
        self._fetching: asyncio.Task[Path] | None = None
        self._scheduled: Scheduled | None = None
        self._timer: asyncio.Task[None] | None = None
        self._busy = ""

    # ---- shown

    async def version(self) -> Version:
        host = await self._agent.world.look()
        booted = host.booted or host.loader.current
        sets = [_set(host, slot) for slot in (Slot.A, Slot.B) if host.set(slot).version]
        return Version(
            device=_root_device(),
            label="",
            partition=booted.root,
            boot_disk=_role(booted),
            current=SetName(_name(booted)),
            next_set=SetName(_name(host.loader.current)),
            firmware=inventory.identity("bios_version"),
            sets=tuple(sets),
            upgraded_at=self._agent.ledger.record.upgraded_at,
            from_backup=host.booted is Slot.SNAPSHOT,
            boot_mode=_boot_mode(),
        )

    async def status(self) -> Status:
        record = self._agent.ledger.record
        await self._agent.look_for_alarms()
        return Status(
            online=self._agent.up.is_set(),
            guests=tuple(self._guest(name) for name in self._agent.keepers),
            alarms=self._agent.alarms,
            auto_recovery=record.auto_recovery,
            decisions=record.decisions,
            scheduled=self._scheduled,
            busy=self._busy or self._agent.operations.busy,
        )

    def _guest(self, name: str) -> GuestFacts:
        keeper = self._agent.keepers[name]
        given = next(guest for guest in self._wanted.guests if guest.name == name)
        slot = keeper.memory.slot
        return GuestFacts(
            name=name,
            state=keeper.memory.state,
            administrative=given.administrative,
            image=str(given.images.get(slot, "")) if slot is not None else "",
            booted_from=f"{slot.disk}/{_name(slot)}" if slot is not None else "",
            processors=given.processors,
            memory=given.memory << 20,
            boots=self._agent.ledger.record.guests.get(name, ()),
        )

    async def hardware(self) -> Hardware:
        host = await self._agent.world.look()
        disks = tuple(_disk(host, name) for name in (PRIMARY, BACKUP)) if host.booted is not None else ()
        return await asyncio.to_thread(inventory.hardware, disks)

    async def information(self) -> Information:
        host = await self._agent.world.look()
        return Information(
            host_name=os.uname().nodename,
            product=inventory.identity("product_name"),
            serial=inventory.identity("product_serial"),
            firmware_vendor=inventory.identity("bios_vendor"),
            firmware_version=inventory.identity("bios_version"),
            boot_mode=_boot_mode(),
            secure_boot=_secure_boot(),
            operating_system=inventory.operating_system(),
            kernel=os.uname().release,
            virtualization=self._virtualization(),
            agent_version=release.release(),
            appliance=host.booted is not None,
        )

    async def uptime(self) -> Uptime:
        record = self._agent.ledger.record
        administrative = next((guest.name for guest in self._wanted.guests if guest.administrative), "")
        boots = record.guests.get(administrative, ())
        return Uptime(
            now=time.time(),
            time_zone=zone(),
            booted_at=inventory.booted_at(),
            load=inventory.load(),
            users=0,
            boots=record.boots,
            guest_boot=boots[0] if boots else None,
        )

    async def snapshot(self) -> SnapshotFacts | None:
        host = await self._agent.world.look()
        if not host.taken:
            return None
        return SnapshotFacts(disk=Disk.DISK2, taken_at=self._agent.ledger.record.snapshot_at, sets=(_set(host, Slot.SNAPSHOT),))

    async def processes(self) -> tuple[Process, ...]:
        return await asyncio.to_thread(inventory.processes)

    async def resources(self) -> ResourceUse:
        before = inventory.times()
        await asyncio.sleep(SAMPLE)
        pids = {found.pid: name for name in self._agent.keepers if (found := self._guests.find(name)) is not None}
        running = {each.pid: each for each in await self.processes() if each.pid in pids}
        guests = tuple(GuestUse(name=pids[pid], cpu=each.cpu, memory=each.resident) for pid, each in running.items())
        return await asyncio.to_thread(inventory.resources, before, inventory.times(), guests)

    async def netstat(self) -> Netstat:
        return await asyncio.to_thread(inventory.netstat)

    async def bridges(self) -> tuple[Bridge, ...]:
        return await asyncio.to_thread(inventory.bridges)

    async def management(self) -> tuple[Interface, ...]:
        return await asyncio.to_thread(lambda: inventory.interfaces(inventory.default_interfaces()))

    async def files(self, kind: FileKind) -> tuple[HostFile, ...]:
        found = await asyncio.to_thread(self._files, kind)
        sizes = [HostFile(name=name, size=path.stat().st_size, changed_at=path.stat().st_mtime) for name, path in found.items()]
        return tuple(sorted(sizes, key=lambda file: file.changed_at, reverse=True))

    def _files(self, kind: FileKind) -> dict[str, Path]:
        if kind is FileKind.LOG:
            guests = {f"{path.parent.name}/{path.name}": path for path in self._wanted.state.glob("guests/*/*.log")}
            return guests | {path.name: path for path in LOGS if path.is_file()}
        return {path.name: path for folder in CRASHES if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()}

    async def read(self, kind: FileKind, name: str, *, last: int | None = None) -> AsyncIterator[bytes]:
        path = (await asyncio.to_thread(self._files, kind)).get(name)
        if path is None:
            raise NotFoundError(f"There is no {kind.value} {name}.", hint=f"`show vmhost {kind.value}s` lists them.")
        with path.open("rb") as file:
            if last is not None:
                file.seek(max(0, path.stat().st_size - last))
            while data := await asyncio.to_thread(file.read, PIECE):
                yield data

    # ---- requested

    async def add_software(self, bundle: Path, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        await self._agent.operations.add(bundle, reboot=False, by=str(by), tell=tell, validate=validate)
        lines = ("The new set is booted next time.",)
        if reboot:
            return replace(await self._schedule(Verb.REBOOT, None, 0, by), lines=lines)
        return Done(lines=lines, reboot_needed=True)

    async def fetch_software(self, address: str, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        software.appliance(await self._agent.world.look())
        if self._busy or self._agent.operations.busy:
            raise StateError(f"{self._busy or self._agent.operations.busy} runs.", hint="Wait for its end.")
        self._busy = Verb.FETCH_SOFTWARE.value
        self._fetching = asyncio.create_task(fetching.fetch(address, self._spool, tell))
        try:
            await asyncio.wait([self._fetching])
        finally:
            self._busy = ""
            self._fetching.cancel()
        if self._fetching.cancelled():
            raise StateError("fetch-software was aborted.")
        bundle = self._fetching.result()
        try:
            return await self.add_software(bundle, validate=validate, reboot=reboot, by=by, tell=tell)
        finally:
            bundle.unlink(missing_ok=True)

    async def abort_software(self, *, by: Asker) -> Done:
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            return Done(lines=("The bundle is not fetched any more.",))
        await self._agent.operations.abort(by=str(by))
        return Done(lines=("The next boot takes the set that runs.",))

    async def roll_back(self, *, by: Asker, tell: Tell) -> Done:
        await self._agent.operations.roll_back(by=str(by), tell=tell)
        return Done(lines=("The alternate set is booted next time.",), reboot_needed=True)

    async def take_snapshot(self, *, recovery: bool, partition: bool, by: Asker, tell: Tell) -> Done:
        await self._agent.operations.snapshot(recovery=recovery, partition=partition, by=str(by), tell=tell)
        return Done(lines=("The snapshot is taken.",))

    async def reboot(self, *, device: BootDevice | None, after: float, by: Asker) -> Done:
        if device in {BootDevice.USB, BootDevice.NETWORK}:
            raise StateError(f"This host cannot be told to boot from {device}: its firmware decides.", hint="Use its boot menu.")
        if device is not None:
            host = await self._agent.world.look()
            if host.booted is None:
                raise StateError("This host is not an appliance: it has one disk to boot from.")
            if device is BootDevice.DISK2 and not host.taken:
                raise StateError("There is no snapshot on disk2.", hint="`request vmhost snapshot` takes one.")
        return await self._schedule(Verb.REBOOT, device, after, by)

    async def power_off(self, *, after: float, by: Asker) -> Done:
        return await self._schedule(Verb.POWER_OFF, None, after, by)

    async def halt(self, *, after: float, by: Asker) -> Done:
        return await self._schedule(Verb.HALT, None, after, by)

    async def _schedule(self, what: Verb, device: BootDevice | None, after: float, by: Asker) -> Done:
        if self._scheduled is not None:
            raise StateError(f"A {self._scheduled.action} is to come already.", hint="Cancel it first.")
        if self._agent.operations.busy:
            raise StateError(f"{self._agent.operations.busy} runs.", hint="Wait for its end; an upgrade can be aborted.")
        wait = max(GRACE, after)
        self._scheduled = Scheduled(action=what.value, at=time.time() + wait, device=device, by=str(by))
        self._timer = asyncio.create_task(self._later(what, device, wait, str(by)))
        return Done(scheduled=self._scheduled)

    async def _later(self, what: Verb, device: BootDevice | None, wait: float, by: str) -> None:
        await asyncio.sleep(wait)
        once = {None: None, BootDevice.DISK1: Slot.A, BootDevice.DISK2: Slot.SNAPSHOT}.get(device)
        if device is BootDevice.DISK1:
            once = (await self._agent.world.look()).loader.current
        self._scheduled = None
        try:
            if what is Verb.ZEROIZE:
                await self._empty(by)
            await self._agent.operations.end_host(ENDS[what], by=by, once=once)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task, so it says itself why it failed
            self._agent.world.log(f"failed: {what.value}: {error}")

    async def power_on(self, *, guest: str, by: Asker) -> Done:
        names = [guest] if guest else list(self._agent.keepers)
        for name in names:
            if name not in self._agent.keepers:
                raise NotFoundError(f"There is no guest {name}.", hint=f"There are {', '.join(self._agent.keepers)}.")
        for name in names:
            await self._agent.operations.switch(name, on=True, by=str(by))
            self._agent.keepers[name].try_again()
        return Done(lines=tuple(f"Guest {name} is started." for name in names))

    async def cancel(self, *, by: Asker) -> Done:
        if self._scheduled is None or self._timer is None:
            raise StateError("Nothing is scheduled.")
        what, self._scheduled = self._scheduled.action, None
        self._timer.cancel()
        self._agent.world.log(f"{what}: scheduled => cancelled (by {by})")
        return Done(lines=(f"The {what} is cancelled.",))

    async def clean_up(self, *, by: Asker, tell: Tell) -> Done:
        """What was put aside goes, too: who asks has seen to it."""
        folder = self._wanted.state / "aside"
        gone = 0
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.is_file():
                gone += path.stat().st_blocks * 512
                tell(f"Removed {path.relative_to(self._wanted.state)}")
                path.unlink()
        self._agent.world.log(f"clean-up: {gone >> 20} MiB removed (by {by})")
        return Done(lines=(f"{gone >> 20} MiB were freed.",))

    async def zeroize(self, *, by: Asker, tell: Tell) -> Done:
        """Guests' disks and saved files; then the host is rebooted."""
        tell("All that guests have is removed, and the host is rebooted.")
        done = await self._schedule(Verb.ZEROIZE, None, 0, by)
        return replace(done, lines=("All guests begin as new.",))

    async def _empty(self, by: str) -> None:
        for name in self._agent.keepers:
            await self._agent.operations.switch(name, on=False, by=by)
        for name in self._agent.keepers:
            await self._guests.stop(name, orderly=False)
            await asyncio.to_thread(shutil.rmtree, self._wanted.state / "guests" / name, True)
            (self._wanted.state / "guests" / name).mkdir(exist_ok=True, mode=0o700)
            self._agent.world.log(f"guest {name}: its disks and saved files are removed (by {by})")
            await self._agent.operations.switch(name, on=True, by=by)
        await asyncio.to_thread(shutil.rmtree, self._wanted.state / "aside", True)

    async def test_disk(self, disk: Disk, *, extended: bool, by: Asker, tell: Tell) -> Done:
        """One that fails is an alarm until a later test finds nothing, or another disk is there."""
        running = self._busy or self._agent.operations.busy
        if running:
            raise StateError(f"{running} runs.", hint="Wait for its end.")
        host = await self._agent.world.look()
        self._busy = f"test of {disk.value}"
        try:
            lines, wrong = await self._agent.world.test_disk(disk.value, extended=extended, tell=tell)
        finally:
            self._busy = ""
        self._agent.world.log(f"{disk.value}: tested => {wrong or 'no errors'} (by {by})")
        found = {disk.value: (host.disk(disk.value).serial, wrong)} if wrong else {}
        others = {name: why for name, why in self._agent.ledger.record.failed_disks.items() if name != disk.value}
        await self._agent.ledger.remember(lambda record: replace(record, failed_disks=others | found))
        await self._agent.look_for_alarms()
        return Done(lines=(*lines, f"{disk.value}: {wrong or 'no errors'}."))

    async def auto_recovery(self, *, on: bool, by: Asker) -> Done:
        await self._agent.operations.auto_recovery(on=on, by=str(by))
        return Done(lines=(f"Auto-recovery is {'on' if on else 'off'}.",))


# ---- facts of the host in the administrators' words


def _name(slot: Slot) -> str:
    return "b" if slot is Slot.B else "a"


def _role(slot: Slot) -> DiskRole:
    return DiskRole.BACKUP if slot is Slot.SNAPSHOT else DiskRole.PRIMARY


def _set(host: Host, slot: Slot) -> SoftwareSet:
    found = host.set(slot)
    image = next((image for guest in host.guests if guest.administrative for image in guest.images if image.slot is slot), None)
    return SoftwareSet(
        name=SetName(_name(slot)),
        release=found.version,
        guest_image=image.version if image is not None else "",
        confirmed=slot in host.loader.confirmed,
        attempts=host.loader.attempts.get(slot, 0),
        good=found.bootable and slot not in host.loader.bad,
    )


def _disk(host: Host, name: str) -> DiskFacts:
    found: facts.Disk = host.disk(name)
    role = DiskRole.PRIMARY if name == PRIMARY else DiskRole.BACKUP
    return DiskFacts(slot=Disk(name), role=role, healthy=found.present and found.table is Health.OK, read_only=found.read_only)


def _root_device() -> str:
    lines = [line.split() for line in inventory.text(Path("/proc/mounts")).splitlines()]
    return next((words[0] for words in lines if words[1] == "/"), "")


def _boot_mode() -> str:
    return "uefi" if EFI.is_dir() else "bios"


def _secure_boot() -> bool:
    """The variable's fifth byte (UEFI 2.10, 3.3)."""
    path = Path("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
    try:
        return path.read_bytes()[4:5] == b"\1"
    except OSError:
        return False
