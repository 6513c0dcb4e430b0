"""A VM host that is remembered only: the facts of one, and what requests make of them, with a clock of its own.

It keeps the rules of `Administration` and nothing else: for tests of those who ask (the channel, the guest's CLI, the
operator's).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from rackless.model.errors import InputError, NotFoundError, StateError
from rackless.model.vmhost import (
    Alarm,
    Asker,
    Boot,
    Bridge,
    Decision,
    DiskFacts,
    DiskRole,
    Done,
    Filesystem,
    GuestFacts,
    GuestState,
    GuestUse,
    Hardware,
    HardwareItem,
    HostFile,
    Information,
    Interface,
    Netstat,
    Process,
    Reason,
    ResourceUse,
    Scheduled,
    SetName,
    Severity,
    SnapshotFacts,
    Socket,
    SoftwareSet,
    Status,
    Uptime,
    Version,
)
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind
from rackless.vmhost.administration import Tell

BEGUN = 1_790_000_000.0
"""2026-09-21 13:33:20 UTC"""


def software(name: SetName, release: str) -> SoftwareSet:
    return SoftwareSet(
        name=name,
        release=release,
        host_version="1.4",
        host_root=f"vmhost-x86_64-{release}-20260901_1200",
        kernel="6.1.0-40-amd64",
        guest_image=f"router-{release}",
        installed_at=BEGUN - 86400,
    )


class RememberedHost:
    """`asked`: what was requested of it, and by whom. `hold`: long requests wait for it, when it is set."""

    def __init__(self) -> None:
        self.now = BEGUN + 3600.0
        self.sets = {SetName.A: software(SetName.A, "26.3R1"), SetName.B: software(SetName.B, "26.2R1")}
        self.current = self.next = SetName.A
        self.upgraded = BEGUN - 86400
        self.taken: SnapshotFacts | None = None
        self.boots: tuple[Boot, ...] = (Boot(at=BEGUN, reason=Reason.POWER_CYCLE, detail="wtmp"),)
        self.guest_boots: tuple[Boot, ...] = (Boot(at=BEGUN + 20, reason=Reason.HYPERVISOR),)
        self.recovers = True
        self.decisions: tuple[Decision, ...] = ()
        self.alarms: tuple[Alarm, ...] = ()
        self.scheduled: Scheduled | None = None
        self.busy = ""
        self.aborted = False
        self.hold: asyncio.Event | None = None
        self.asked: list[str] = []
        self.bundles: list[bytes] = []
        self.contents = {
            FileKind.LOG: {
                "messages": b"".join(b"line %d of the host's log\n" % number for number in range(1, 2001)),
                "agent/old.log": b"",
            },
            FileKind.CRASH: {"vmcore.0": bytes(range(256)) * 600},
        }

    # ---- what happens to it

    def guest_reboots(self, reason: Reason = Reason.GUEST) -> None:
        self.now += 30
        self.guest_boots = (Boot(at=self.now, reason=reason, detail="QMP"), *self.guest_boots)

    def host_reboots(self, reason: Reason = Reason.HYPERVISOR) -> None:
        self.now += 60
        self.current = self.next
        self.scheduled = None
        self.boots = (Boot(at=self.now, reason=reason), *self.boots)
        self.guest_reboots(Reason.HYPERVISOR)

    def recovered(self) -> None:
        self.decisions = (
            Decision(
                at=self.now, found="partition table of disk1 is damaged", done="put back from its second copy", kept="/vm/aside/1"
            ),
        )
        text = "The backup disk is missing."
        self.alarms = (Alarm(name="backup-disk-missing", severity=Severity.MAJOR, since=self.now, text=text),)

    # ---- shown

    async def version(self) -> Version:
        return Version(
            device="sda",
            label=f"root-{self.current}",
            partition="sda3" if self.current is SetName.A else "sda4",
            boot_disk=DiskRole.PRIMARY,
            current=self.current,
            next_set=self.next,
            firmware="SeaBIOS 1.16.2",
            sets=tuple(self.sets.values()),
            upgraded_at=self.upgraded,
        )

    async def status(self) -> Status:
        guest = GuestFacts(
            name="re0",
            state=GuestState.RUNNING,
            administrative=True,
            image="router-26.3R1",
            booted_from=f"disk1/{self.current}",
            processors=2,
            memory=512 << 20,
            boots=self.guest_boots,
        )
        return Status(
            online=True,
            guests=(guest,),
            alarms=self.alarms,
            auto_recovery=self.recovers,
            decisions=self.decisions,
            scheduled=self.scheduled,
            busy=self.busy,
        )

    async def hardware(self) -> Hardware:
        return Hardware(
            processor="QEMU Virtual CPU version 2.5+",
            processors=4,
            memory=8 << 30,
            disks=(
                DiskFacts(slot=Disk.DISK1, role=DiskRole.PRIMARY, device="sda", model="QEMU HARDDISK", serial="QM00001",
                          firmware="2.5+", size=50_000_000_000, worn=3),
                DiskFacts(slot=Disk.DISK2, role=DiskRole.BACKUP),
            ),
            items=(HardwareItem(name="DIMM 0", capacity="8192 MB", part="M1", serial="S1", description="DDR4"),),
        )  # fmt: skip

    async def information(self) -> Information:
        return Information(
            host_name="host1",
            product="Rackless VM host",
            serial="VH0001",
            firmware_vendor="SeaBIOS",
            firmware_version="1.16.2",
            boot_mode="bios",
            secure_boot=False,
            operating_system="Debian GNU/Linux 12 (bookworm)",
            kernel="6.1.0-40-amd64",
            virtualization="tcg",
            agent_version="0.1.0",
            appliance=True,
        )

    async def uptime(self) -> Uptime:
        return Uptime(
            now=self.now,
            time_zone="UTC",
            booted_at=self.boots[0].at,
            load=(0.51, 0.34, 0.2),
            users=0,
            boots=self.boots,
            guest_boot=self.guest_boots[0],
        )

    async def snapshot(self) -> SnapshotFacts | None:
        return self.taken

    async def processes(self) -> tuple[Process, ...]:
        return tuple(
            Process(
                pid=number,
                user="root",
                state="S",
                cpu=0.1,
                memory=0.2,
                resident=4 << 20,
                seconds=61.5,
                command=f"worker {number}",
            )
            for number in range(1, 1200)
        )

    async def resources(self) -> ResourceUse:
        return ResourceUse(
            cpu_user=3.5,
            cpu_system=1.5,
            cpu_idle=95.0,
            memory=8 << 30,
            memory_used=2 << 30,
            swap=0,
            swap_used=0,
            filesystems=(Filesystem(device="/dev/sda6", mount="/var", size=4 << 30, used=1 << 30),),
            guests=(GuestUse(name="re0", cpu=12.5, memory=520 << 20),),
        )

    async def netstat(self) -> Netstat:
        return Netstat(
            sockets=(Socket(protocol="tcp", received=0, sent=0, local="0.0.0.0:22", remote="*", state="LISTEN"),),
            interfaces=await self.management(),
        )

    async def bridges(self) -> tuple[Bridge, ...]:
        return (Bridge(name="br-mgmt", identifier="8000.525400000001", spanning_tree=False, members=("eth0", "tap0")),)

    async def management(self) -> tuple[Interface, ...]:
        return (
            Interface(
                name="eth0", mac="52:54:00:00:00:01", mtu=1500, up=True, carrier=True, addresses=("192.0.2.5/24",),
                received=12000, sent=34000, packets_received=120, packets_sent=340, driver="virtio_net", speed=1000,
            ),
        )  # fmt: skip

    async def files(self, kind: FileKind) -> tuple[HostFile, ...]:
        return tuple(HostFile(name=name, size=len(data), changed_at=self.now) for name, data in self.contents[kind].items())

    async def read(self, kind: FileKind, name: str, *, last: int | None = None) -> AsyncIterator[bytes]:
        if name not in self.contents[kind]:
            raise NotFoundError(f"The host has no {kind} {name}.")
        data = self.contents[kind][name]
        if last is not None:
            data = data[-last:]
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    # ---- requested

    async def _long(self, what: str, tell: Tell, *lines: str) -> None:
        if self.busy:
            raise StateError(f"The host is busy: {self.busy}.")
        self.busy, self.aborted = what, False
        try:
            for line in lines:
                tell(line)
            if self.hold is not None:
                await self.hold.wait()
            if self.aborted:
                raise StateError("It was aborted.")
        finally:
            self.busy = ""

    def _asked(self, by: Asker, what: str) -> None:
        self.asked.append(f"{by.user}: {what}")

    async def add_software(self, bundle: Path, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        data = await asyncio.to_thread(bundle.read_bytes)
        self._asked(by, f"add {len(data)} bytes validate={validate} reboot={reboot}")
        if not data.startswith(b"signed "):
            raise InputError("The bundle is not signed by anybody this host trusts.", hint="Nothing was changed.")
        await self._long("adding software", tell, "Verified the bundle.", "Writing the alternate set ...")
        self.bundles.append(data)
        other = SetName.B if self.current is SetName.A else SetName.A
        self.sets[other] = replace(software(other, data.split()[1].decode()), confirmed=False, attempts=3)
        self.next, self.upgraded = other, self.now
        done = Done(lines=("The software is in the alternate set.",), reboot_needed=not reboot)
        return replace(done, scheduled=Scheduled(action="reboot", at=self.now + 2)) if reboot else done

    async def fetch_software(self, address: str, *, validate: bool, reboot: bool, by: Asker, tell: Tell) -> Done:
        self._asked(by, f"fetch {address} validate={validate} reboot={reboot}")
        await self._long("adding software", tell, f"Fetching {address}")
        return Done(lines=("The software is in the alternate set.",), reboot_needed=not reboot)

    async def abort_software(self, *, by: Asker) -> Done:
        self._asked(by, "abort")
        if self.busy:
            self.aborted = True
            if self.hold is not None:
                self.hold.set()
        elif self.next is self.current:
            raise StateError("There is nothing to abort: no software is being added, and none waits for a reboot.")
        self.next = self.current
        return Done(lines=("Aborted.",))

    async def roll_back(self, *, by: Asker, tell: Tell) -> Done:
        self._asked(by, "roll back")
        await self._long("rolling back", tell)
        self.next = SetName.B if self.next is SetName.A else SetName.A
        return Done(lines=(f"The next boot takes set {self.next}.",), reboot_needed=True)

    async def take_snapshot(self, *, recovery: bool, partition: bool, by: Asker, tell: Tell) -> Done:
        self._asked(by, f"snapshot recovery={recovery} partition={partition}")
        await self._long("taking a snapshot", tell, "Copying set a ...", "Copying set b ...")
        self.taken = SnapshotFacts(disk=Disk.DISK2, taken_at=self.now, sets=tuple(self.sets.values()), recovery=recovery)
        return Done(lines=("Snapshot taken.",))

    def _schedule(self, action: str, after: float, by: Asker, device: BootDevice | None = None) -> Done:
        self._asked(by, f"{action} after={after:g}{f' device={device}' if device else ''}")
        if self.scheduled is not None:
            raise StateError(f"A {self.scheduled.action} is scheduled already.")
        self.scheduled = Scheduled(action=action, at=self.now + max(2.0, after), device=device, by=by.user)
        return Done(scheduled=self.scheduled)

    async def reboot(self, *, device: BootDevice | None, after: float, by: Asker) -> Done:
        return self._schedule("reboot", after, by, device)

    async def power_off(self, *, after: float, by: Asker) -> Done:
        return self._schedule("power-off", after, by)

    async def power_on(self, *, guest: str, by: Asker) -> Done:
        self._asked(by, f"power-on {guest}".rstrip())
        if guest not in ("", "re0"):
            raise NotFoundError(f"The host has no guest {guest}.")
        return Done(lines=("re0 runs already.",))

    async def halt(self, *, after: float, by: Asker) -> Done:
        return self._schedule("halt", after, by)

    async def cancel(self, *, by: Asker) -> Done:
        self._asked(by, "cancel")
        if self.scheduled is None:
            raise StateError("Nothing is scheduled.")
        self.scheduled = None
        return Done(lines=("reboot is not done.",))

    async def clean_up(self, *, by: Asker, tell: Tell) -> Done:
        self._asked(by, "clean up")
        await self._long("cleaning up", tell, "/var/log/messages.1")
        return Done(lines=("1 file, 20480 bytes.",))

    async def zeroize(self, *, by: Asker, tell: Tell) -> Done:
        self._asked(by, "zeroize")
        await self._long("zeroizing", tell)
        return Done(scheduled=Scheduled(action="zeroize", at=self.now + 2))

    async def test_disk(self, disk: Disk, *, extended: bool, by: Asker, tell: Tell) -> Done:
        self._asked(by, f"test {disk} extended={extended}")
        await self._long(f"testing {disk}", tell, "50%")
        if disk is Disk.DISK2:
            raise StateError("disk2 is missing.")
        return Done(lines=("disk1: no errors.",))

    async def auto_recovery(self, *, on: bool, by: Asker) -> Done:
        self._asked(by, f"auto-recovery {'on' if on else 'off'}")
        self.recovers = on
        return Done()
