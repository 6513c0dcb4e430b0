"""The real appliance in QEMU: built once, its disks copied for each test, its serial console read and typed at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rackless import settings
from rackless.appliance import build, bundle, media
from rackless.appliance.build import Built
from rackless.qemu.command import TCG
from rackless.vmhost import setimage
from rackless.vmhost.linux import sets
from rackless.vmhost.linux.disks import area, look
from tests.appliance.hosts import guest_image

VERSION = "1.0"
SERIALS = ("primary-disk", "backup-disk")
OVMF = Path("/usr/share/OVMF")
PATIENCE = float(os.environ.get("RACKLESS_APPLIANCE_PATIENCE", "900"))
"""Seconds that a start may take, emulated on a busy machine. A deadline, never a measure."""
PROMPT = "root@vmhost:~#"


async def appliance(version: str = VERSION) -> Built:
    """From where builds are kept, built when its sources have changed."""
    return await build.build(settings.load().images / "appliance", version=version, development=True)


async def installed(folder: Path, *, marker: str = "healthy", disks: int = 2) -> list[Path]:
    """Disks as an installation leaves them, with a guest that is only a marker."""
    built = await appliance()
    guest = guest_image(folder / "guest", marker=marker.encode())
    paths = [folder / f"disk{number + 1}.raw" for number in range(disks)]
    await media.disks(built, guest, paths, 4 * 10**9, say=lambda text: None)
    return paths


async def make_bundle(folder: Path, version: str, marker: str) -> Path:
    """A later release: the same root, sealed with another version."""
    built = await appliance()
    work = folder / f"bundle-{version}"
    work.mkdir()
    guest = guest_image(work / "guest", marker=marker.encode())
    signer = await bundle.authority(settings.load().images / "appliance/authority")
    shutil.copyfile(built.root, work / "root.img")
    with area(look(work / "root.img"), writing=True) as place:
        seal = sets.seal_of(place)
        assert seal is not None
        place.write(len(seal.chunks) * setimage.CHUNK, setimage.pack(replace(seal, version=version)))
    return await bundle.make(work / "root.img", guest, signer, folder / f"{version}.raucb", work)


@dataclass
class Machine:
    """A QEMU that runs. `seen` is how far its console was read. What came when is printed: `pytest -s` shows it."""

    process: subprocess.Popen[bytes]
    log: Path
    line: socket.socket
    seen: int = 0
    told: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.log.read_bytes().decode(errors="replace")).replace("\r", "")

    async def comes(self, pattern: str, *, patience: float = PATIENCE) -> re.Match[str]:
        """The next place on the console where this stands."""
        deadline = time.monotonic() + patience
        while True:
            text = self.text()
            found = re.search(pattern, text[self.seen :])
            if found:
                self.seen += found.end()
                print(f"{time.monotonic() - self.began:7.1f} s  {pattern[:90]!r}")
                return found
            assert self.process.poll() is None, f"QEMU ended before {pattern!r}:\n{text[-4000:]}"
            assert time.monotonic() < deadline, f"{pattern!r} did not come:\n{text[-4000:]}"
            await asyncio.sleep(0.5)

    async def logged_in(self) -> None:
        """The root's prompt is there. What else the console says may have come after it: so it is asked for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.types("")
            try:
                await self.comes(PROMPT, patience=10)
            except AssertionError:
                assert self.process.poll() is None, self.text()[-4000:]
                assert time.monotonic() < deadline, self.text()[-4000:]
            else:
                return

    def types(self, line: str) -> None:
        self.line.sendall(f"{line}\n".encode())

    async def does(self, command: str, *, patience: float = PATIENCE) -> str:
        """What a command says, typed at the root's prompt that is there."""
        mark = f"done-{len(self.told)}"
        self.told.append(command)
        self.types(f"{command}; echo {mark}'-'$?")
        found = await self.comes(rf"(?s)(.*?)\n?{mark}-(\d+)\n", patience=patience)
        assert found[2] == "0", f"{command}: {found[1]}"
        return found[1]

    def cut(self) -> None:
        """The power fails."""
        self.process.kill()
        self.process.wait()
        self.line.close()


@contextlib.asynccontextmanager
async def running(
    folder: Path, disks: list[Path], *more: str, firmware: str = "bios", serials: tuple[str, ...] = SERIALS
) -> AsyncIterator[Machine]:
    """A start. Writes reach the files at once, as far as the machine's own flushes go."""
    log, path = folder / f"console-{time.monotonic_ns()}.log", folder / "line"
    path.unlink(missing_ok=True)
    words = [
        "qemu-system-x86_64",
        "-accel",
        "tcg,thread=multi,tb-size=512",
        "-cpu",
        TCG.cpu,
        "-smp",
        "2",
        "-m",
        "1024",
        "-display",
        "none",
    ]
    words += ["-machine", "q35,smm=on" if firmware == "secure" else "q35", "-nic", "none", "-vga", "std"]
    words += ["-chardev", f"socket,id=line,path={path},server=on,wait=off", "-serial", "chardev:line"]
    if firmware != "bios":
        code, variables = (
            ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd") if firmware == "secure" else ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        )
        shutil.copyfile(OVMF / variables, folder / "variables.fd")
        words += [
            "-drive",
            f"if=pflash,format=raw,readonly=on,file={OVMF / code}",
            "-drive",
            f"if=pflash,format=raw,file={folder}/variables.fd",
        ]
        if firmware == "secure":
            words += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
    for number, (disk, serial) in enumerate(zip(disks, serials, strict=False)):
        words += ["-drive", f"file={disk},format=raw,if=none,id=disk{number},cache=writeback,discard=unmap"]
        words += ["-device", f"virtio-blk-pci,drive=disk{number},serial={serial},bootindex={number + 1}"]
    async with begun([*words, *more], log, path) as machine:
        yield machine


@contextlib.asynccontextmanager
async def begun(words: list[str], log: Path, path: Path) -> AsyncIterator[Machine]:
    """A QEMU whose serial line is the socket at `path`, and all that it says in `log`."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    line = socket.socket(socket.AF_UNIX)
    log.touch()
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                line.connect(str(path))
                break
            except OSError:
                assert process.poll() is None, "QEMU did not start"
                assert time.monotonic() < deadline, "QEMU's console did not come"
                await asyncio.sleep(0.1)
        draining = asyncio.create_task(_drain(line, log))
        yield Machine(process=process, log=log, line=line)
        draining.cancel()
    finally:
        process.kill()
        process.wait()
        line.close()


async def _drain(line: socket.socket, log: Path) -> None:
    """What the console says, into its log. QEMU's own log has characters twice that the socket had no room for at once."""
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError), log.open("ab", buffering=0) as file:
        while said := await loop.sock_recv(line, 1 << 16):
            file.write(said)
