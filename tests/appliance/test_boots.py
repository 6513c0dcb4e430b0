"""The appliance booted for real, few times: what GRUB, the initial RAM disk, RAUC and the host's own system do together.

In place of a guest a marker says whether it is healthy (rackless.vmhost.linux.marker), by the calls that the agent makes.
"""

from __future__ import annotations

import asyncio
import functools
import http.server
import os
import random
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rackless.appliance import media
from rackless.vmhost import setimage
from rackless.vmhost.bootstate import Slot
from rackless.vmhost.linux import bootloader, installing, sets
from rackless.vmhost.linux.disks import area, look
from tests.appliance import booting
from tests.appliance.hosts import guest_image

pytestmark = [
    pytest.mark.appliance,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.timeout(3600),
]
CYCLES = int(os.environ.get("RACKLESS_POWER_CYCLES", "4"))
"""Thirty with `test.sh --all`."""


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return asyncio.run(booting.installed(tmp_path_factory.mktemp("fresh")))


def copied(paths: list[Path], folder: Path) -> list[Path]:
    copies = [folder / path.name for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        subprocess.run(["cp", "--sparse=always", path, copy], check=True)
    return copies


@pytest.fixture(scope="session")
def confirmed(fresh: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Once started: from then on each disk keeps the other's table, too."""
    folder = tmp_path_factory.mktemp("confirmed")
    disks = copied(fresh, folder)

    async def start() -> None:
        async with booting.running(folder, disks) as machine:
            await machine.comes("RACKLESS-CONFIRMED 1a trial 1.0 current=a")
            await machine.logged_in()
            await machine.does("sync")

    asyncio.run(start())
    return disks


@pytest.fixture
def disks(confirmed: list[Path], tmp_path: Path) -> list[Path]:
    """Of a host that is installed and was confirmed, for this test alone."""
    copies = copied(confirmed, tmp_path)
    state = bootloader.read_state(look(copies[0]))
    assert state is not None
    assert state.slots == {"a": Slot.GOOD, "b": Slot.EMPTY}
    assert bootloader.read_state(look(copies[1])) == state
    return copies


def change(disks: list[Path], state: bootloader.BootState) -> None:
    for path in disks:
        bootloader.write_state(look(path), state)


async def upgrade(disks: list[Path], tmp_path: Path, marker: str) -> None:
    """Another set in slot b as a bundle leaves it, with one attempt."""
    disk = look(disks[0])
    guest = guest_image(tmp_path / "other", marker=marker.encode())
    built = await booting.appliance()
    with area(look(built.root)) as place:
        seal = sets.seal_of(place)
        assert seal is not None
        await installing.put_set(disk, "b", installing.Source(root=place, seal=seal, guest=guest))
    state = bootloader.read_state(disk)
    assert state is not None
    change(disks, state.activated("b", 1))


async def test_a_new_host_confirms_itself_takes_a_bundle_confirms_that_and_rolls_back(fresh: list[Path], tmp_path: Path) -> None:
    disks = copied(fresh, tmp_path)
    file = await booting.make_bundle(tmp_path, "1.1", "healthy")
    more = [
        "-drive",
        f"file={file},format=raw,if=none,id=bundle,readonly=on",
        "-device",
        "virtio-blk-pci,drive=bundle,serial=bundle",
    ]
    async with booting.running(tmp_path, disks, *more) as machine:
        await machine.comes("Rackless: set 1a \\(trial\\)")
        await machine.comes("RACKLESS-CONFIRMED 1a trial 1.0 current=a")
        await machine.logged_in()
        size = file.stat().st_size
        await machine.does(f"head -c {size} /dev/disk/by-id/virtio-bundle > /vm/set.raucb")
        await machine.does(f"head -c {size // 2} /vm/set.raucb > /vm/half.raucb")
        refused = await machine.does("! vmhost-appliance install /vm/half.raucb")
        assert "half.raucb is refused" in refused
        done = await machine.does("vmhost-appliance install /vm/set.raucb")
        assert '"current": "b"' in done
        machine.types("systemctl reboot")
        await machine.comes("Rackless: set 1b \\(trial\\)")
        await machine.comes("RACKLESS-CONFIRMED 1b trial 1.1 current=b")
        await machine.logged_in()
        await machine.does("vmhost-appliance rollback")
        machine.types("systemctl reboot")
        await machine.comes("RACKLESS-CONFIRMED 1a current 1.0 current=a")


async def test_a_set_whose_guest_never_becomes_healthy_is_left_for_the_snapshot_by_itself(
    disks: list[Path], tmp_path: Path
) -> None:
    await upgrade(disks, tmp_path, "never")
    async with booting.running(tmp_path, disks) as machine:
        await machine.comes("RACKLESS-UNHEALTHY 1b trial")
        await machine.comes("Rackless: set 2a \\(snapshot\\)")
        await machine.comes("RACKLESS-CONFIRMED 2a snapshot 1.0 current=b")


async def test_without_a_snapshot_it_falls_back_to_the_alternate_set_which_is_current_again(
    disks: list[Path], tmp_path: Path
) -> None:
    await upgrade(disks, tmp_path, "never")
    state = bootloader.read_state(look(disks[0]))
    assert state is not None
    change(disks, replace(state, snapshot=""))
    async with booting.running(tmp_path, disks[:1]) as machine:
        await machine.comes("RACKLESS-UNHEALTHY 1b trial")
        await machine.comes("Rackless: set 1a \\(alternate\\)")
        await machine.comes("RACKLESS-CONFIRMED 1a alternate 1.0 current=a")


async def test_a_set_whose_kernel_is_damaged_is_not_even_begun(disks: list[Path], tmp_path: Path) -> None:
    await upgrade(disks, tmp_path, "healthy")
    state = bootloader.read_state(look(disks[0]))
    assert state is not None
    change(disks, replace(state, snapshot=""))
    kernel = (await booting.appliance()).folder / "vmlinuz"
    with area(look(disks[0]), "root-b", writing=True) as place:
        needle = kernel.read_bytes()[1 << 20 : (1 << 20) + 4096]
        at = next(
            at for at in range(0, place.size - setimage.CHUNK, setimage.CHUNK) if needle in place.read(at, setimage.CHUNK + 4096)
        )
        place.write(at + place.read(at, setimage.CHUNK + 4096).index(needle), bytes(4096))
    async with booting.running(tmp_path, disks[:1]) as machine:
        await machine.comes("Rackless: set 1b is damaged")
        await machine.comes("RACKLESS-CONFIRMED 1a alternate 1.0 current=a")


async def test_a_host_whose_primary_disk_was_taken_out_runs_from_its_backup_disk(disks: list[Path], tmp_path: Path) -> None:
    async with booting.running(tmp_path, disks[1:], serials=booting.SERIALS[1:]) as machine:
        await machine.comes("RACKLESS-CONFIRMED 2a snapshot 1.0 current=a")


@pytest.mark.parametrize("damage", ["boot partition", "partition table", "root"])
async def test_a_damaged_primary_disk_is_repaired_and_runs_again(disks: list[Path], tmp_path: Path, damage: str) -> None:
    disk = look(disks[0])
    if damage == "boot partition":
        with area(disk, "boot", writing=True) as place:
            place.write(0, bytes(place.size))
    elif damage == "partition table":
        with area(disk, writing=True) as place:
            place.write(0, os.urandom(setimage.CHUNK))
            place.write(place.size - setimage.CHUNK, bytes(setimage.CHUNK))
    else:
        noise = random.Random(6)
        with area(disk, "root-a", writing=True) as place:
            size = (await booting.appliance()).root.stat().st_size
            for _ in range(40):
                place.write(noise.randrange(size - 5000), noise.randbytes(noise.randrange(1, 5000)))
    # QEMU's BIOS tries the first hard disk only: that of a host whose first sector is gone too has to try the second.
    firmware = "uefi" if damage == "partition table" else "bios"
    async with booting.running(tmp_path, disks, firmware=firmware) as machine:
        await machine.comes("RACKLESS-CONFIRMED 1a current 1.0 current=a")
        await machine.logged_in()
        kept = await machine.does("ls /vm/aside")
        assert "Z-" in kept or damage != "root"
    assert sets.check(look(disks[0]), "a")[1] == ()
    assert bootloader.boot_sound(look(disks[0]), (await booting.appliance()).boot)


async def test_ordinary_power_cycles_leave_the_same_set_current(disks: list[Path], tmp_path: Path) -> None:
    noise = random.Random(30)
    before = bootloader.read_state(look(disks[0]))
    for _ in range(CYCLES):
        async with booting.running(tmp_path, disks) as machine:
            await machine.comes("Rackless: set 1a \\(current\\)")
            await asyncio.sleep(noise.uniform(0, 60))
            machine.cut()
        assert bootloader.read_state(look(disks[0])) == before
    async with booting.running(tmp_path, disks) as machine:
        await machine.comes("RACKLESS-CONFIRMED 1a current 1.0 current=a")


@pytest.mark.parametrize("firmware", ["uefi", "secure"])
async def test_the_same_disks_boot_by_uefi_and_with_secure_boot(disks: list[Path], tmp_path: Path, firmware: str) -> None:
    async with booting.running(tmp_path, disks, firmware=firmware) as machine:
        await machine.comes("Rackless: set 1a \\(current\\)")
        await machine.comes("RACKLESS-CONFIRMED 1a current 1.0 current=a")
        await machine.logged_in()
        assert "efi" in await machine.does("ls /sys/firmware")
        if firmware == "secure":
            state = await machine.does("od -An -t u1 /sys/firmware/efi/efivars/SecureBoot-*")
            assert state.split()[-1] == "1"


async def test_a_usb_stick_makes_a_host_of_two_empty_disks(tmp_path: Path) -> None:
    built = await booting.appliance()
    work = tmp_path / "work"
    work.mkdir()
    stick = tmp_path / "stick.img"
    await media.usb(built, guest_image(tmp_path / "guest", marker=b"healthy"), stick, work, switch_off=True)
    disks = [tmp_path / "disk1.raw", tmp_path / "disk2.raw"]
    for path in disks:
        with path.open("wb") as file:
            file.truncate(4 * 10**9)
    usb = ["-drive", f"file={stick},format=raw,if=none,id=stick,readonly=on", "-device", "qemu-xhci"]
    async with booting.running(tmp_path, disks, *usb, "-device", "usb-storage,drive=stick,bootindex=0") as machine:
        await machine.comes("rackless: installed; the machine is switched off")
        await asyncio.to_thread(machine.process.wait, booting.PATIENCE)
    assert [look(path).number for path in disks] == ["1", "2"]
    async with booting.running(tmp_path, disks) as machine:
        await machine.comes("RACKLESS-CONFIRMED 1a trial 1.0 current=a")


async def test_a_machine_that_boots_over_the_network_becomes_a_host(tmp_path: Path) -> None:
    built = await booting.appliance()
    folder = tmp_path / "web"
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    disks = [tmp_path / "disk1.raw", tmp_path / "disk2.raw"]
    for path in disks:
        with path.open("wb") as file:
            file.truncate(4 * 10**9)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # QEMU's own network calls its machine 10.0.2.2.
        address = f"http://10.0.2.2:{server.server_address[1]}"
        media.netboot(built, guest_image(tmp_path / "guest", marker=b"healthy"), folder, address)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        card = ["-netdev", f"user,id=net,bootfile={address}/boot.ipxe", "-device", "virtio-net-pci,netdev=net,bootindex=0"]
        async with booting.running(tmp_path, disks, *card, "-m", "2048", "-no-reboot") as machine:
            await machine.comes("rackless: installed; the machine starts again")
            await asyncio.to_thread(machine.process.wait, booting.PATIENCE)
        server.shutdown()
    assert [look(path).number for path in disks] == ["1", "2"]
    async with booting.running(tmp_path, disks) as machine:
        await machine.comes("RACKLESS-CONFIRMED 1a trial 1.0 current=a")
