"""The real OVA in QEMU: through the console's menu to a fabric of one node whose page answers, and another appliance that joins,
and leaves again.

Two machines under emulation on one network of their own, ten minutes of both processors; with --all only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rackless import settings
from rackless.appliance import build, editions, media, ova, sizes
from rackless.qemu.command import TCG
from tests.appliance.booting import PATIENCE, Machine, begun

TOP = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.appliance,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.timeout(7200),
]
PASSWORD = "correct horse battery"
PROMPT = "to leave: "
VIRTUAL = "10.0.7.10"
CLOCK = "10.0.7.2"
"""Of the test itself, on the network that it has with the two."""
TAPS = ("line1", "line2")
ASKING = """
import ssl, sys, urllib.request
trusted = ssl.create_default_context(cafile=sys.argv[2])
print(urllib.request.urlopen(sys.argv[1], timeout=120, context=trusted).read().decode())
"""


async def made(folder: Path) -> Path:
    """The OVA, of the package and the edition that is built of it."""
    words = [TOP / ".venv/bin/python", TOP / "packaging/debian/build.py", folder]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(TOP / "src")})
    (package,) = folder.glob("*.deb")
    kept = settings.load().images / "appliance"
    built = await build.build(kept, version="1.0", development=True, edition="fabric", package=package)
    disk = folder / "system.raw"
    await media.disks(built, editions.marker(folder / "guest"), [disk], sizes.SYSTEM, say=print)
    target = folder / "rackless-1.0.ova"
    await ova.make(disk, target, "1.0", folder)
    return target


def unpacked(target: Path, folder: Path) -> list[Path]:
    """As an importer has them: disks of the OVA, in a format that can be written."""
    with tarfile.open(target) as archive:
        archive.extractall(folder, filter="data")
    disks = []
    for number in (1, 2):
        path = folder / f"disk{number}.qcow2"
        source = folder / f"rackless-1.0-disk{number}.vmdk"
        subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "qcow2", source, path], check=True)
        disks.append(path)
    return disks


@contextlib.asynccontextmanager
async def started(folder: Path, disks: list[Path], number: int, network: str) -> AsyncIterator[Machine]:
    log, path = folder / f"console{number}.log", folder / f"line{number}"
    words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", TCG.cpu, "-smp", "2", "-m", "2560", "-display", "none"]
    words += ["-machine", "q35", "-vga", "std", "-chardev", f"socket,id=line,path={path},server=on,wait=off"]
    words += ["-serial", "chardev:line", "-monitor", f"unix:{folder}/monitor,server=on,wait=off"]
    for index, disk in enumerate(disks):
        words += ["-drive", f"file={disk},if=none,id=d{index},cache=writeback"]
        words += ["-device", f"virtio-blk-pci,drive=d{index},serial=disk{index}"]
    words += ["-netdev", f"tap,id=card,ifname={TAPS[number - 1]},script=no,downscript=no"]
    words += ["-device", f"virtio-net-pci,netdev=card,mac=52:54:00:00:00:{number:02x}"]
    async with begun([*inside(network), *words], log, path) as machine:
        yield machine


def inside(network: str) -> list[str]:
    """What goes before a command there."""
    return ["ip", "netns", "exec", network]


@contextlib.contextmanager
def a_network() -> Iterator[str]:
    """A network namespace with a switch, a line to it for each of the two, and an address of its own."""
    name = f"ova-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        orders = ["link set lo up", "link add switch type bridge", f"address add {CLOCK}/24 dev switch", "link set switch up"]
        for tap in TAPS:
            orders += [f"tuntap add {tap} mode tap", f"link set {tap} master switch up"]
        for order in orders:
            subprocess.run(["ip", "-n", name, *order.split()], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextlib.contextmanager
def clock(folder: Path, network: str) -> Iterator[None]:
    """The source of time that both have."""
    words = ["chronyd", "-n", "-x", "-u", "root", "local stratum 8", "allow all", f"bindaddress {CLOCK}", "cmdport 0"]
    words += [f"pidfile {folder}/time.pid", f"bindcmdaddress {folder}/time.sock"]
    process = subprocess.Popen([*inside(network), *words])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def answer(machine: Machine, number: str, *lines: str) -> None:
    """Choose a line of the menu, and say what it asks."""
    machine.line.sendall(f"{number}\n".encode())
    for line in lines:
        await machine.comes(r"[:\]] ?: $|: $", patience=PATIENCE)
        machine.line.sendall(f"{line}\n".encode())
    await machine.comes(PROMPT)


async def log_in(machine: Machine, name: str) -> None:
    """As the administrator whose password the menu asked for."""
    await machine.comes(f"{name} login: ")
    machine.types("admin")
    await machine.comes("Password: ")
    machine.types(PASSWORD)
    await machine.comes(rf"admin@{name}:\S*\$ ")
    machine.types("sudo -i")
    await machine.comes("password for admin: ")
    machine.types(PASSWORD)
    await machine.comes(rf"root@{name}:\S*# ")


async def set_up(machine: Machine, name: str, address: str, role: str, more: dict[str, str]) -> None:
    await machine.comes("Rackless appliance: first set-up")
    await machine.comes(PROMPT)
    await answer(machine, "6", role)
    await answer(machine, "1", name)
    await answer(machine, "2", f"{address}/24")
    await answer(machine, "5", CLOCK)
    await answer(machine, "7", *more.values())
    await answer(machine, "8", PASSWORD, PASSWORD)
    machine.line.sendall(b"a\n")


def page(network: str, authority: Path) -> str:
    """Of the virtual address, whose certificate the fabric's authority has signed."""
    words = [*inside(network), sys.executable, "-c", ASKING, f"https://{VIRTUAL}/", authority]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "no_proxy": VIRTUAL}).stdout


async def test_the_ova_becomes_a_fabric_by_its_menu_and_another_joins_and_leaves(tmp_path: Path) -> None:
    target = await made(tmp_path)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first, second = (unpacked(target, folder) for folder in folders)
    with a_network() as network, clock(tmp_path, network):
        await become(folders, first, second, network)


async def become(folders: list[Path], first: list[Path], second: list[Path], network: str) -> None:
    async with started(folders[0], first, 1, network) as one:
        await set_up(one, "one", "10.0.7.11", "first", {"virtual": VIRTUAL})
        await one.comes(rf"Set up as first\. Web page: https://{VIRTUAL}/", patience=2 * PATIENCE)
        await log_in(one, "one")
        authority = folders[0] / "ca.crt"
        authority.write_text(await one.does("cat /var/lib/rackless-fabric/own/ca.crt"))
        assert "<title>Rackless" in await asyncio.to_thread(page, network, authority)
        token = (await one.does("rackless fabric add two")).split()[-1]
        async with started(folders[1], second, 2, network) as two:
            await set_up(two, "two", "10.0.7.12", "join", {"token": token})
            await two.comes("Set up as join", patience=2 * PATIENCE)
            said = await one.does("rackless fabric status")
            assert re.search(r"(?m)^one +10\.0\.7\.11 +alive +primary", said), said
            assert re.search(r"(?m)^two +10\.0\.7\.12 +alive", said), said
            assert "<title>Rackless" in await asyncio.to_thread(page, network, authority)
            await leaves(one, two)


async def leaves(one: Machine, two: Machine) -> None:
    """The second is taken out; nothing of a fabric runs there any more, nor would at its next start."""
    await one.does("rackless fabric remove two")
    assert not re.search(r"(?m)^two ", await one.does("rackless fabric status"))
    await log_in(two, "two")
    units = "systemctl list-units --no-legend --plain --all 'rackless-fabric-*'"
    assert re.search(r"(?m)^rackless-fabric-node\.service +loaded +active", await two.does(units))
    await two.does("rackless fabric forget")
    left = await two.does(units)
    assert not re.search(r"(?m)^rackless-fabric-(?!node)\S+\.service", left), left
    assert not re.search(r"(?m)^rackless-fabric-node\.service +loaded +active", left), left
    assert "No such file" in await two.does("ls /var/lib/rackless-fabric/own; true")
