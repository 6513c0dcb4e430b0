"""A VM host whose disks are sparse files, with sets of a few mebibytes: what can be shown without a boot, in seconds."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from rackless.vmhost import setimage
from rackless.vmhost.linux import early, installing, sets
from rackless.vmhost.linux.appliance import Appliance
from rackless.vmhost.linux.disks import Disk, area, look
from rackless.vmhost.setimage import CHUNK, Seal

PLATFORM = "rackless-vmhost-amd64"
SIZE = 4 * 10**9
CHUNKS = 8


def sealed(path: Path, version: str, platform: str = PLATFORM) -> Seal:
    """A root image with something in it."""
    with path.open("wb") as file:
        file.truncate(CHUNKS * CHUNK)
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", path], check=True)
    noise = random.Random(version)
    data = bytearray(path.read_bytes())
    for at in range(2 * CHUNK, CHUNKS * CHUNK, CHUNK):
        data[at : at + CHUNK // 8] = noise.randbytes(CHUNK // 8)
    sums = tuple(setimage.checksum(bytes(data[at : at + CHUNK])) for at in range(0, len(data), CHUNK))
    seal = Seal(version=version, platform=platform, built=1, chunks=sums)
    path.write_bytes(bytes(data) + setimage.pack(seal))
    return seal


def guest_image(folder: Path, **files: bytes) -> Path:
    folder.mkdir()
    about = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / sets.MANIFEST).write_text(json.dumps({"files": about}))
    return folder


def boot_files(folder: Path) -> Path:
    noise = random.Random("boot")
    (folder / "efi/EFI/BOOT").mkdir(parents=True)
    (folder / "boot.img").write_bytes(noise.randbytes(512))
    (folder / "core.img").write_bytes(noise.randbytes(200_000))
    (folder / "efi/EFI/BOOT/BOOTX64.EFI").write_bytes(noise.randbytes(100_000))
    return folder


@dataclass
class Host:
    """`said`: every line that was told."""

    folder: Path
    paths: list[Path]
    files: Path
    running: str = "1a"
    why: str = "trial"
    said: list[str] = field(default_factory=list)

    def disk(self, number: int) -> Disk:
        return next(disk for disk in self.look() if disk.number == str(number))

    def look(self) -> list[Disk]:
        return [look(path) for path in self.paths if path.exists()]

    @property
    def appliance(self) -> Appliance:
        var = self.folder / "var"
        var.mkdir(exist_ok=True)
        return Appliance(disks=self.look, running=self.running, why=self.why, files=self.files, var=var)

    async def boot(self, running: str, why: str) -> early.Early:
        """What happens in the initial RAM disk."""
        self.running, self.why = running, why
        done = early.Early(paths=self.look, running=running, why=why, files=self.files, say=self.said.append)
        await done.recover()
        return done

    def wipe(self, number: int, part: str, start: int = 0, size: int | None = None) -> None:
        with area(self.disk(number), part, writing=True) as place:
            for at in range(start, place.size if size is None else start + size, CHUNK):
                place.write(at, bytes(min(CHUNK, place.size - at)))

    def scribble(self, number: int, part: str, seed: int, count: int, within: int) -> None:
        """Random writes of random lengths."""
        noise = random.Random(seed)
        with area(self.disk(number), part, writing=True) as place:
            for _ in range(count):
                data = noise.randbytes(noise.randrange(1, 5000))
                place.write(noise.randrange(within - len(data)), data)

    def root(self, number: int, slot: str) -> bytes:
        with area(self.disk(number), f"root-{slot}") as place:
            return place.read(0, (CHUNKS + 1) * CHUNK)


async def installed(folder: Path, disks: int = 2, version: str = "1.0") -> Host:
    """Freshly installed."""
    paths = [folder / f"disk{number}" for number in range(1, disks + 1)]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(SIZE)
    sealed(folder / "root.img", version)
    guest = guest_image(folder / "guest", disk=os.urandom(1000))
    host = Host(folder, paths, boot_files(folder / "files"))
    with area(look(folder / "root.img")) as root:
        seal = sets.seal_of(root)
        assert seal is not None
        source = installing.Source(root=root, seal=seal, guest=guest)
        await installing.install_host([(path, "") for path in paths], source, host.files, say=host.said.append)
    return host
