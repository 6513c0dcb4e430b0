"""The real OVA in QEMU: through the console's menu to a fabric of one node whose page answers, and another appliance that joins.

Two machines under emulation on one network of their own, an hour on a busy machine; with --all only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rackless import settings
from rackless.appliance import build, editions, media, ova, sizes
from tests.appliance.booting import PATIENCE, Machine

TOP = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.appliance,
    pytest.mark.unproven,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.timeout(7200),
]
PASSWORD = "correct horse battery"
PROMPT = "to leave: "


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
async def started(folder: Path, disks: list[Path], number: int, port: int) -> AsyncIterator[Machine]:
    """On a network that the two have for themselves, and behind a forwarded port for their page."""
    log, path = folder / f"console{number}.log", folder / f"line{number}"
    words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2560", "-display", "none"]
    words += ["-machine", "q35", "-vga", "std", "-chardev", f"socket,id=line,path={path},server=on,wait=off,logfile={log}"]
    words += ["-serial", "chardev:line"]
    for index, disk in enumerate(disks):
        words += ["-drive", f"file={disk},if=none,id=d{index},cache=writeback"]
        words += ["-device", f"virtio-blk-pci,drive=d{index},serial=disk{index}"]
    mac = f"52:54:00:00:00:{number:02x}"
    # One hub: the other machine by multicast of the loopback, and QEMU's own network for the test's requests.
    words += ["-netdev", "socket,id=peer,mcast=230.0.0.7:17007,localaddr=127.0.0.1"]
    words += ["-netdev", f"user,id=out,net=10.0.7.0/24,host=10.0.7.2,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.7.10:443"]
    for index, name in enumerate(("peer", "out")):
        words += ["-netdev", f"hubport,id=h{index},hubid=1,netdev={name}"]
    words += ["-netdev", "hubport,id=card,hubid=1", "-device", f"virtio-net-pci,netdev=card,mac={mac}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=(folder / f"qemu{number}.log").open("wb"))
    line = socket.socket(socket.AF_UNIX)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                line.connect(str(path))
                break
            assert process.poll() is None, (folder / f"qemu{number}.log").read_text()
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        yield Machine(process, log, line)
    finally:
        process.kill()
        process.wait()
        line.close()


async def answer(machine: Machine, number: str, *lines: str) -> None:
    """Choose a line of the menu, and say what it asks."""
    machine.line.sendall(f"{number}\n".encode())
    for line in lines:
        await machine.comes(r"[:\]] ?: $|: $", patience=PATIENCE)
        machine.line.sendall(f"{line}\n".encode())
    await machine.comes(PROMPT)


async def set_up(machine: Machine, name: str, address: str, role: str, more: dict[str, str]) -> None:
    await machine.comes("Rackless appliance: first set-up")
    await machine.comes(PROMPT)
    await answer(machine, "6", role)
    await answer(machine, "1", name)
    await answer(machine, "2", f"{address}/24")
    await answer(machine, "5", "10.0.7.2")
    await answer(machine, "7", *more.values())
    await answer(machine, "8", PASSWORD, PASSWORD)
    machine.line.sendall(b"a\n")


def page(port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the fabric's own authority
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=context, timeout=60) as found:
        return found.read().decode()


async def test_the_ova_becomes_a_fabric_by_its_menu_and_another_joins(tmp_path: Path) -> None:
    target = await made(tmp_path)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first, second = (unpacked(target, folder) for folder in folders)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with started(folders[0], first, 1, port) as one:
        await set_up(one, "one", "10.0.7.11", "first", {"virtual": "10.0.7.10"})
        await one.comes("Set up as first. Web page: https://10.0.7.10/", patience=2 * PATIENCE)
        assert "<title>Rackless" in await asyncio.to_thread(page, port)
        await one.comes("login: ")
        one.line.sendall(b"admin\n")
        await one.comes("Password: ")
        one.line.sendall(f"{PASSWORD}\n".encode())
        await one.comes(r"admin@one:~\$ ")
        one.line.sendall(f"echo {PASSWORD} | sudo -S rackless fabric add two\n".encode())
        token = (await one.comes(r"\n(\S{40,})\n"))[1]
        async with started(folders[1], second, 2, 0) as two:
            await set_up(two, "two", "10.0.7.12", "join", {"token": token})
            await two.comes("Set up as join", patience=2 * PATIENCE)
            one.line.sendall(f"echo {PASSWORD} | sudo -S rackless fabric status\n".encode())
            found = await one.comes(r"(?s)one +10\.0\.7\.11 +alive.*two +10\.0\.7\.12 +alive")
            assert re.search("leads|votes", found[0])
        assert "<title>Rackless" in await asyncio.to_thread(page, port)
