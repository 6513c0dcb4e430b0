"""What administrators see of an agent and ask of it, on the simulated machine of the stories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.stories.vmhost.simulated import Installed, Loop, Machine

from rackless.model.errors import InputError, NotFoundError, StateError
from rackless.model.vmhost import Asker, GuestState, SetName
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind, LoginClass
from rackless.qemu.accelerator import Accelerator
from rackless.vmhost.agency import Agency
from rackless.vmhost.configuration import Configuration, Guest
from rackless.vmhost.facts import Slot
from rackless.vmhost.guestdisks import GuestDisks
from rackless.vmhost.guests import Guests
from rackless.vmhost.spool import Spool

LAB = Asker(user="lab", login_class=LoginClass.SUPER_USER, way="guest/vrouter")


class Place:
    """A machine that is up, and its administration."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self._folder = machine, folder
        self.said: list[str] = []

    @property
    def asked(self) -> Agency:
        assert self.machine.agent is not None
        guest = Guest(name="vrouter", administrative=True, images={Slot.A: Path("/a"), Slot.B: Path("/b")}, memory=512)
        wanted = Configuration(guests=(guest,), state=self._folder, run=self._folder)
        guests = Guests(
            {"vrouter": guest}, GuestDisks(self._folder), self._folder, self._folder, Accelerator(self._folder / "a", "tcg")
        )
        return Agency(wanted, self.machine.agent, guests, lambda: "tcg", Spool(self._folder / "spool", spare=0))

    async def up(self) -> None:
        self.machine.power_on()
        await asyncio.sleep(150)


def tell(folder: Path, story: Callable[[Place], Awaitable[None]]) -> Machine:
    loop = Loop()
    machine = Machine(loop)

    async def told() -> None:
        task = asyncio.current_task()
        assert task is not None
        machine.outside.add(task)
        place = Place(machine, folder)
        await place.up()
        await story(place)

    try:
        loop.run_until_complete(told())
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
    return machine


def test_what_is_shown_of_a_host_that_is_up(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        status = await place.asked.status()
        [guest] = status.guests
        assert (guest.state, guest.booted_from, guest.memory, status.online) == (GuestState.RUNNING, "disk1/a", 512 << 20, True)
        assert [alarm.name for alarm in status.alarms] == ["no-snapshot"]
        version = await place.asked.version()
        assert [(each.name, each.release, each.confirmed) for each in version.sets] == [("a", "1.0", True), ("b", "0.9", True)]
        assert (version.current, version.next_set, version.from_backup) == (SetName.A, SetName.A, False)
        assert await place.asked.snapshot() is None
        uptime = await place.asked.uptime()
        assert str(uptime.reason) == "0x1:power cycle/failure"
        assert str(uptime.guest_boot.reason if uptime.guest_boot else "") == "0x1:power cycle/failure"
        assert (await place.asked.information()).appliance
        assert any(one.pid == 1 for one in await place.asked.processes())
        assert {one.name for one in (await place.asked.netstat()).interfaces} >= {"lo"}
        assert (await place.asked.resources()).memory > 0

    tell(tmp_path, story)


def test_a_reboot_comes_after_its_answer_and_can_be_cancelled(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        agency = place.asked
        done = await agency.reboot(device=None, after=600, by=LAB)
        assert done.scheduled is not None
        with pytest.raises(StateError, match="A reboot is to come already"):
            await agency.halt(after=0, by=LAB)
        await agency.cancel(by=LAB)
        with pytest.raises(StateError, match="Nothing is scheduled"):
            await agency.cancel(by=LAB)
        await asyncio.sleep(700)
        assert place.machine.boots == 1
        await agency.reboot(device=None, after=0, by=LAB)
        assert place.machine.on, "the answer comes first"
        await asyncio.sleep(200)
        assert place.machine.boots == 2
        assert str((await place.asked.uptime()).reason) == "0x2000:hypervisor reboot"
        with pytest.raises(StateError, match="There is no snapshot on disk2"):
            await place.asked.reboot(device=BootDevice.DISK2, after=0, by=LAB)

    machine = tell(tmp_path, story)
    assert any("host: up => ending (reboot: lab (super-user, guest/vrouter) asked for it)" in line for line in machine.lines)


def test_an_upgrade_by_its_administrator(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        agency = place.asked
        with pytest.raises(InputError, match="it is not there"):
            await agency.add_software(Path("no.bundle"), validate=True, reboot=False, by=LAB, tell=place.said.append)
        done = await agency.add_software(Path("new.bundle"), validate=True, reboot=True, by=LAB, tell=place.said.append)
        assert (place.said[0], done.scheduled is not None) == ("Verified new.bundle: version 2.0", True)
        await asyncio.sleep(300)
        version = await place.asked.version()
        assert [(each.release, each.confirmed) for each in version.sets] == [("1.0", True), ("2.0", True)]
        assert version.current is SetName.B
        assert version.upgraded_at > 0

    tell(tmp_path, story)


def test_what_cannot_be(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        agency = place.asked
        with pytest.raises(NotFoundError, match="There is no guest other"):
            await agency.power_on(guest="other", by=LAB)
        with pytest.raises(NotFoundError, match="There is no log"):
            [_ async for _ in agency.read(FileKind.LOG, "../record.json")]
        with pytest.raises(StateError, match="No upgrade waits"):
            await agency.abort_software(by=LAB)
        with pytest.raises(StateError, match="cannot be told to boot from usb"):
            await agency.reboot(device=BootDevice.USB, after=0, by=LAB)

    tell(tmp_path, story)


def test_logs_are_listed_and_read_from_their_end(tmp_path: Path) -> None:
    (tmp_path / "guests/vrouter").mkdir(parents=True)
    (tmp_path / "guests/vrouter/console.log").write_text("booting\nlogin: ")

    async def story(place: Place) -> None:
        names = [file.name for file in await place.asked.files(FileKind.LOG)]
        assert "vrouter/console.log" in names
        pieces = [piece async for piece in place.asked.read(FileKind.LOG, "vrouter/console.log", last=7)]
        assert b"".join(pieces) == b"login: "

    tell(tmp_path, story)


def test_zeroize_answers_first(tmp_path: Path) -> None:
    disk = tmp_path / "guests/vrouter/a.raw"
    disk.parent.mkdir(parents=True)
    disk.write_text("a disk")

    async def story(place: Place) -> None:
        done = await place.asked.zeroize(by=LAB, tell=place.said.append)
        assert done.scheduled is not None
        assert disk.exists()
        until = time.monotonic() + 60  # the removal takes real time, of which the simulated clock knows nothing
        while place.machine.boots < 2 and time.monotonic() < until:
            await asyncio.sleep(20)
            time.sleep(0.01)
        assert not disk.exists()
        assert place.machine.boots == 2

    tell(tmp_path, story)


def test_a_disk_that_fails_its_test_is_an_alarm_until_another_is_there(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        asked, said = place.asked, list[str]()
        done = await asked.test_disk(Disk.DISK2, extended=False, by=LAB, tell=said.append)
        assert (said, done.lines) == (["50 %"], ("disk2 was read.", "disk2: no errors."))
        place.machine.drives["disk2"].bad = "it cannot be read at 7 MiB"
        done = await asked.test_disk(Disk.DISK2, extended=True, by=LAB, tell=said.append)
        assert done.lines[-1] == "disk2: it cannot be read at 7 MiB."
        [alarm] = [alarm for alarm in (await asked.status()).alarms if alarm.name == "disk2-failing"]
        assert alarm.text == "disk2 is failing: it cannot be read at 7 MiB. Replace it."
        assert "disk1-failing" not in {alarm.name for alarm in (await asked.status()).alarms}
        place.machine.drives["disk2"].serial = "S2"
        assert "disk2-failing" not in {alarm.name for alarm in (await asked.status()).alarms}
        place.machine.drives["disk2"].serial = "S1"
        place.machine.drives["disk2"].bad = ""
        await asked.test_disk(Disk.DISK2, extended=False, by=LAB, tell=said.append)
        assert "disk2-failing" not in {alarm.name for alarm in (await asked.status()).alarms}
        place.machine.drives["disk2"].present = False
        with pytest.raises(StateError, match="disk2 is missing"):
            await asked.test_disk(Disk.DISK2, extended=False, by=LAB, tell=said.append)

    tell(tmp_path, story)


def test_disks_are_tested_one_at_a_time(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        asked = place.asked
        first = asyncio.create_task(asked.test_disk(Disk.DISK1, extended=True, by=LAB, tell=lambda line: None))
        await asyncio.sleep(1)
        assert (await asked.status()).busy == "test of disk1"
        with pytest.raises(StateError, match="test of disk1 runs"):
            await asked.test_disk(Disk.DISK2, extended=False, by=LAB, tell=lambda line: None)
        assert (await first).lines[-1] == "disk1: no errors."

    tell(tmp_path, story)


def test_an_older_set_may_not_know_the_guests_configuration(tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        place.machine.bundles["old.bundle"] = Installed("0.9", "d0.9")
        running = (await place.asked.version()).sets[0].release
        with pytest.raises(InputError, match=rf"0\.9 is older than {running}, which runs"):
            await place.asked.add_software(Path("old.bundle"), validate=True, reboot=False, by=LAB, tell=place.said.append)
        done = await place.asked.add_software(Path("old.bundle"), validate=False, reboot=False, by=LAB, tell=place.said.append)
        assert done.reboot_needed

    tell(tmp_path, story)
