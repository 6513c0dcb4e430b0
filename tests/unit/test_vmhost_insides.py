"""Files inside a guest's disk, after its host lost power: what it had written for good is what counts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rackless.vmhost import insides
from rackless.vmhost.configuration import Guest
from rackless.vmhost.facts import Slot
from rackless.vmhost.guestdisks import GuestDisks

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="a loop device needs root")]
PLACE = "/config/licence"


OFFSET = 1 << 20


def lost_power(tmp_path: Path, offset: int) -> Path:
    """A disk whose newest file is in the file system's journal only, as it was when the power went; with a table of partitions,
    or without."""
    disk, mounted, copy = tmp_path / "disk", tmp_path / "mounted", tmp_path / "copy"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    if offset:
        subprocess.run(["sfdisk", "-q", disk], input=b"label: gpt\nstart=2048\n", check=True, timeout=60)
    size = f"{(64 << 10) - (offset >> 10) * 2}k"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-J", "size=4", "-E", f"offset={offset}", disk, size], check=True, timeout=60)
    mounted.mkdir()
    subprocess.run(["mount", "-o", f"loop,offset={offset}", disk, mounted], check=True, timeout=60)
    try:
        (mounted / "config").mkdir()
        (mounted / "config/licence").write_text("old\n")
        os.sync()
        (mounted / "config/new").write_text("new\n")
        os.replace(mounted / "config/new", mounted / "config/licence")
        for name in ("config/licence", "config"):
            opened = os.open(mounted / name, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)
        subprocess.run(["cp", "--sparse=always", disk, copy], check=True, timeout=60)
    finally:
        subprocess.run(["umount", mounted], check=True, timeout=60)
    return copy


@pytest.fixture(params=[0, OFFSET], ids=["whole disk", "partition"])
def after(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[GuestDisks, Guest, Path]:
    """The disks of a host with one guest, and that guest's."""
    guest = Guest(name="vrouter", images={Slot.A: tmp_path}, configuration="", rescue="", licence=PLACE)
    disks = GuestDisks(tmp_path / "state")
    disk = disks.disk(guest, Slot.A)
    disk.parent.mkdir(parents=True)
    os.rename(lost_power(tmp_path, request.param), disk)
    return disks, guest, disk


async def test_what_is_in_the_journal_only_is_not_lost(after: tuple[GuestDisks, Guest, Path]) -> None:
    disks, guest, disk = after
    assert (await disks.health(guest, "licence")).value == "ok"
    assert await insides.read(disk, PLACE) == b"new\n"


async def test_what_is_restored_is_still_there_when_the_guest_has_replayed_its_journal(
    after: tuple[GuestDisks, Guest, Path],
) -> None:
    disks, guest, disk = after
    disks.saved(guest, "licence").write_text("saved\n")
    await disks.restore(guest, "licence", "licence")
    assert await insides.mend(disk)
    assert await insides.read(disk, PLACE) == b"saved\n"


async def test_a_file_is_kept_aside_and_not_the_whole_disk_with_it(after: tuple[GuestDisks, Guest, Path]) -> None:
    disks, guest, disk = after
    await disks.keep(guest, "licence")
    assert disk.exists()
    (kept,) = (disk.parents[2] / "aside/vrouter").iterdir()
    assert (kept.name.split(".")[0], kept.read_bytes()) == ("licence", b"new\n")
    assert str(disk) not in subprocess.run(["losetup", "--list"], check=True, capture_output=True, text=True, timeout=60).stdout


async def test_what_is_written_leaves_the_file_system_whole(after: tuple[GuestDisks, Guest, Path]) -> None:
    disks, guest, disk = after
    disks.saved(guest, "licence").write_text("saved\n")
    await disks.restore(guest, "licence", "licence")
    await disks.restore(guest, "licence", "licence")
    assert await insides.mend(disk)
    assert await insides.read(disk, PLACE) == b"saved\n"
