"""Finding an accelerator by booting with it: /dev/kvm can be there, open, and hang every kernel.

With a kernel at hand the probe boots it without a root file system: a working accelerator brings it to its panic, which ends
QEMU (panic=-1, -no-reboot). Without a kernel a 512-byte boot sector writes to the isa-debug-exit port.
The finding is kept by (host's boot, QEMU version, kernel).
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DeadlineError, InputError, RacklessError
from rackless.qemu.command import KVM, TCG, Virtualization
from rackless.running import Finished, run

PROGRAM = "qemu-system-x86_64"
PROBE_SECONDS = 10.0
EXIT_PORT = 0xF4
_SECTOR_EXIT = 33
"""isa-debug-exit ends QEMU with (value << 1) | 1; the sector writes 16."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    how: Virtualization
    why: str


def boot_sector() -> bytes:
    """mov al, 16; out 0xf4, al; hlt; jmp -3: the least guest there is."""
    code = bytes([0xB0, 16, 0xE6, EXIT_PORT, 0xF4, 0xEB, 0xFD])
    return code.ljust(510, b"\0") + b"\x55\xaa"


async def version() -> str:
    """QEMU's version line.

    Raises:
        ProviderError: it is not installed.
    """
    finished = await run([PROGRAM, "--version"], deadline=20, hint="Install the package qemu-system-x86.")
    return finished.out.decode().partition("\n")[0]


class Accelerator:
    """Finds once, however many ask at once. `wanted` is RACKLESS_ACCELERATOR: auto, kvm or tcg."""

    def __init__(self, cache: Path, wanted: str = "auto", *, seconds: float = PROBE_SECONDS) -> None:
        if wanted not in {"auto", "kvm", "tcg"}:
            raise InputError(f"RACKLESS_ACCELERATOR is {wanted}.", hint="Use auto, kvm or tcg.")
        self._cache = cache
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self.finding: Finding | None = None
        if wanted != "auto":
            self.finding = Finding(how=KVM if wanted == "kvm" else TCG, why="RACKLESS_ACCELERATOR says so")

    async def find(self, kernel: Path | None) -> Finding:
        """The accelerator to use. With a kernel the proof is stronger, so a finding without one is not kept."""
        async with self._lock:
            if self.finding is None:
                self.finding = await self._find(kernel)
            return self.finding

    async def _find(self, kernel: Path | None) -> Finding:
        if why := _no_kvm():
            return Finding(how=TCG, why=f"/dev/kvm {why}: guests are emulated, several times slower")
        key = f"{await version()} {_stamp(kernel)}"
        kept = self._read(key)
        if kept is not None:
            return kept
        failure = await boots(KVM, kernel, seconds=self._seconds)
        what = kernel.name if kernel else "a boot sector"
        if failure:
            finding = Finding(how=TCG, why=f"/dev/kvm is there, but {what} does not boot with it: {failure}")
        else:
            finding = Finding(how=KVM, why=f"{what} boots with it")
        self._write(key, finding)
        return finding

    def _read(self, key: str) -> Finding | None:
        try:
            kept = json.loads(self._cache.read_text())
        except (FileNotFoundError, ValueError):
            return None
        if kept.get("key") != key:
            return None
        return Finding(how=KVM if kept["name"] == KVM.name else TCG, why=str(kept["why"]))

    def _write(self, key: str, finding: Finding) -> None:
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._cache.with_name(f"{self._cache.name}.{os.getpid()}")
        fresh.write_text(json.dumps({"key": key, "name": finding.how.name, "why": finding.why}))
        fresh.replace(self._cache)


def _no_kvm() -> str:
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        return ""
    return "may not be opened by this user" if Path("/dev/kvm").exists() else "is not there"


def _stamp(kernel: Path | None) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {kernel} {kernel.stat().st_size} {kernel.stat().st_mtime_ns}" if kernel else f"{boot} no kernel"


async def boots(how: Virtualization, kernel: Path | None, *, seconds: float) -> str:
    """Boot a guest with this accelerator: "" if it works, else in what way it does not. A guest that hangs is ended."""
    words = [PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "128M", *how.arguments(128)]
    try:
        if kernel is not None:
            words += ["-serial", "stdio", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
            finished = await run(words, deadline=seconds, check=False)
            works = b"Kernel panic" in finished.out
        else:
            words += ["-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1"]
            finished = await _sector(words, seconds)
            works = finished.code == _SECTOR_EXIT
    except DeadlineError:
        return f"it hung for {seconds:g} s"
    except RacklessError as error:
        return error.message
    said = [line for line in finished.err.decode(errors="replace").splitlines() if "warning" not in line]
    return "" if works else (said[0].removeprefix(f"{PROGRAM}: ") if said else f"exit status {finished.code}")


async def _sector(words: list[str], seconds: float) -> Finished:
    fd, name = tempfile.mkstemp(prefix="rackless-sector-")
    try:
        os.write(fd, boot_sector())
        os.close(fd)
        return await run([*words, "-drive", f"if=ide,format=raw,file={name}"], deadline=seconds, check=False)
    finally:
        os.unlink(name)
