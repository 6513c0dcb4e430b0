"""Disks of a VM host: installed, damaged, recovered, copied; on sparse files, by the code that runs at boot, without a boot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rackless.appliance import root
from rackless.model.errors import InputError, StateError
from rackless.vmhost import actions, boot, configuration, facts
from rackless.vmhost.bootstate import Slot
from rackless.vmhost.linux import bootloader, installing, sets
from rackless.vmhost.linux.below import Below
from rackless.vmhost.linux.disks import area, look, mounted
from rackless.vmhost.setimage import CHUNK
from tests.appliance.hosts import CHUNKS, SIZE, Host, installed

pytestmark = [pytest.mark.appliance, pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root")]


async def kept(host: Host, number: int) -> dict[str, bytes]:
    """Everything that was kept aside, by what it is."""
    async with mounted(host.disk(number), "vm", options="ro,noload") as folder:
        files = [path for path in (folder / "aside").rglob("*") if path.is_file()] if (folder / "aside").exists() else []
        return {f"{path.parent.name.partition('Z-')[2]}/{path.name}": path.read_bytes()[: 8 * CHUNK] for path in files}


async def test_a_first_installation_makes_both_disks_bootable(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    assert [disk.number for disk in host.look()] == ["1", "2"]
    state = await host.appliance.state()
    assert (state.current, state.slots["a"], state.snapshot) == ("a", Slot.TRIAL, "a")
    for number in (1, 2):
        disk = host.disk(number)
        assert disk.table.whole
        assert bootloader.bios_sound(disk, host.files)
        assert bootloader.boot_sound(disk, host.files)
        assert sets.check(disk, "a") == (sets.read_seal(disk, "a"), ())
        async with mounted(disk, "vm", options="ro,noload") as vm:
            assert sets.check_guest(vm / "sets/a") == ""
    assert not (await host.boot("1a", "trial")).done, "nothing to repair"
    assert (await host.appliance.confirm()).slots["a"] is Slot.GOOD
    assert bootloader.read_state(host.disk(2)) == bootloader.read_state(host.disk(1))


async def test_a_disk_that_is_too_small_is_refused_before_either_is_written(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    before = [path.stat().st_mtime_ns for path in host.paths]
    small = tmp_path / "small"
    with small.open("wb") as file:
        file.truncate(SIZE - 1)
    with area(look(tmp_path / "root.img")) as root:
        seal = sets.seal_of(root)
        assert seal is not None
        source = installing.Source(root=root, seal=seal, guest=None)
        with pytest.raises(InputError, match="needs at least 4 GB"):
            await installing.install_host([(host.paths[0], ""), (small, "")], source, host.files, say=print)
    assert before == [path.stat().st_mtime_ns for path in host.paths]


async def test_a_wiped_partition_table_comes_back_from_the_other_disk_and_the_host_restarts_into_its_set(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    await host.boot("1a", "trial")
    await host.appliance.confirm()
    with host.paths[0].open("r+b") as file:
        file.write(os.urandom(CHUNK))
        file.seek(-CHUNK, os.SEEK_END)
        file.write(bytes(CHUNK))
    damaged = host.paths[0].read_bytes()[: 34 * 512] if SIZE < 1 << 20 else host.paths[0].open("rb").read(34 * 512)
    done = await host.boot("2a", "snapshot")
    assert done.again
    assert host.disk(1).table.whole
    assert bootloader.bios_sound(host.disk(1), host.files)
    assert (await kept(host, 2))["table-1/disk-at-512.bin"] == damaged[512:], "what was there is kept"
    assert (await host.boot("1a", "current")).done == []


async def test_one_damaged_copy_of_a_partition_table_is_made_from_the_other(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    with host.paths[0].open("r+b") as file:
        file.seek(512)
        file.write(bytes(512))
    done = await host.boot("1a", "trial")
    assert [one.what for one in done.done] == ["partition table from its own other copy"]
    assert host.disk(1).table.whole


async def test_a_zeroed_boot_partition_is_made_anew_with_the_same_state(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    await host.boot("1a", "trial")
    state = await host.appliance.confirm()
    host.wipe(1, "boot")
    done = await host.boot("2a", "snapshot")
    assert [one.helped for one in done.done] == [True, True]
    assert done.again
    assert bootloader.boot_sound(host.disk(1), host.files)
    found = bootloader.read_state(host.disk(1))
    assert found is not None
    assert (found.current, found.slots, found.snapshot) == (state.current, state.slots, state.snapshot)
    await host.boot("1a", "current")
    assert (await host.appliance.confirm()).repairs == 0


@pytest.mark.parametrize("seed", range(10))
async def test_random_writes_into_the_root_are_mended_from_the_snapshot(tmp_path: Path, seed: int) -> None:
    host = await installed(tmp_path)
    await host.appliance.confirm()
    whole = host.root(1, "a")
    host.scribble(1, "root-a", seed, 1 + seed, CHUNKS * CHUNK)
    assert host.root(1, "a") != whole
    done = await host.boot("1a", "current")
    assert not done.again
    assert host.root(1, "a") == whole
    aside = await kept(host, 1)
    assert aside
    assert all(len(data) == CHUNK for data in aside.values())


async def test_a_root_that_nothing_mends_is_given_up_and_the_next_set_is_booted(tmp_path: Path) -> None:
    host = await installed(tmp_path, disks=1)
    await host.appliance.confirm()
    host.scribble(1, "root-a", 3, 4, CHUNKS * CHUNK)
    broken = host.root(1, "a")
    done = await host.boot("1a", "current")
    assert done.again
    assert (await host.appliance.state()).slots["a"] is Slot.BAD
    assert host.root(1, "a") == broken, "it is left as it is for whoever looks"
    assert not (await host.boot("1a", "last-resort")).again, "there is nothing else: it is tried all the same"


@pytest.mark.parametrize("damage", ["superblock", "everything"])
async def test_a_damaged_var_is_repaired_or_made_anew_and_what_was_there_is_kept(tmp_path: Path, damage: str) -> None:
    host = await installed(tmp_path)
    for number in (1, 2):
        async with mounted(host.disk(number), "var") as var:
            (var / "lib/rackless-vmhost/configuration").write_text("hostname wolf\n")
    if damage == "superblock":
        host.scribble(1, "var", 7, 20, 64 << 10)
    else:
        host.wipe(1, "var")
    done = await host.boot("1a", "trial")
    assert done.done[-1].helped
    assert done.done[-1].kept
    async with mounted(host.disk(1), "var") as var:
        assert (var / "lib/rackless-vmhost/configuration").read_text() == "hostname wolf\n"


async def test_nothing_is_repaired_when_the_guest_switched_auto_recovery_off(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    await host.appliance.set_recovery(False)
    host.wipe(2, "boot")
    assert (await host.boot("1a", "trial")).done == []
    assert not bootloader.boot_sound(host.disk(2), host.files)
    await host.appliance.set_recovery(True)
    assert [one.what for one in (await host.boot("1a", "trial")).done] == ["boot partition made anew"]


async def test_a_snapshot_boots_by_itself_when_the_primary_disk_is_gone(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    await host.appliance.confirm()
    state = await host.appliance.snapshot(say=host.said.append)
    assert state.snapshot == "b", "the new one lies beside the old one"
    assert host.root(2, "b") == host.root(1, "a")
    host.paths[0].unlink()
    alone = await host.appliance.state()
    assert alone.order()[1] == ("2b", "snapshot")
    done = await host.boot("2b", "snapshot")
    assert not done.again
    async with mounted(host.disk(2), "vm", options="ro,noload") as vm:
        assert sets.check_guest(vm / "sets/b") == ""


async def test_a_snapshot_that_is_cut_off_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await installed(tmp_path)
    await host.appliance.confirm()
    written = 0

    def cut(source: object, seal: object, target: object) -> None:
        nonlocal written
        written += 1
        raise OSError("power")

    monkeypatch.setattr(sets, "write_root", cut)
    with pytest.raises(OSError, match="power"):
        await host.appliance.snapshot()
    assert written == 1
    assert (await host.appliance.state()).snapshot == "a"
    assert sets.check(host.disk(2), "a")[1] == ()


async def test_a_new_backup_disk_is_partitioned_and_holds_a_snapshot(tmp_path: Path) -> None:
    host = await installed(tmp_path, disks=1)
    await host.appliance.confirm()
    with pytest.raises(StateError, match="no backup disk"):
        await host.appliance.snapshot()
    new = tmp_path / "new"
    with new.open("wb") as file:
        file.truncate(SIZE)
    host.paths.append(new)
    state = await host.appliance.snapshot(partition=True, say=host.said.append)
    assert state.snapshot == "a"
    assert host.root(2, "a") == host.root(1, "a")
    host.wipe(1, "boot")
    assert (await host.boot("2a", "snapshot")).again


async def test_the_agent_sees_what_is_below_it_and_confirms_and_copies_by_its_own_words(tmp_path: Path) -> None:
    host = await installed(tmp_path)
    below = Below(host.appliance)
    empty = facts.Host(booted=None, loader=facts.Loader(), disks=(), sets=(), guests=())
    seen = await below.look(empty)
    assert seen.booted is facts.Slot.A
    assert seen.loader.attempts == {facts.Slot.A: 3}
    assert [disk.name for disk in seen.disks if disk.present and disk.table is facts.Health.OK] == ["disk1", "disk2"]
    assert seen.set(facts.Slot.A).digest == seen.set(facts.Slot.SNAPSHOT).digest != ""
    assert not seen.set(facts.Slot.B).bootable
    assert await below.act(actions.WriteLoader(loader=boot.confirmed(seen.loader, facts.Slot.A), why="healthy"))
    assert (await host.appliance.state()).slots["a"] is Slot.GOOD
    assert await below.act(actions.CopySet(source=facts.Slot.A, to=facts.Slot.SNAPSHOT))
    assert (await host.appliance.state()).snapshot == "b"
    assert not await below.act(actions.ResetGuest(guest="vrouter"))
    host.paths[1].unlink()
    assert not (await below.look(empty)).disk("disk2").present


def test_the_configuration_that_an_appliance_comes_with_is_right() -> None:
    file = root.FILES / "rootfs/etc/rackless/vmhost.yaml"
    assert [guest.name for guest in configuration.load(file).guests] == ["vrouter"]
