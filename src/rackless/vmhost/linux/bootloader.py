"""GRUB on a disk of a VM host: its first sector, the BIOS partition and the boot partition; and the state that it shares with us.

What is written are files that were made with the image (`/usr/lib/rackless/boot`), so that a boot partition can be made anew
anywhere, without GRUB's own tools: by the installer, by recovery at boot, and for a file that is no device yet.
"""

from __future__ import annotations

import contextlib
import struct
import tempfile
from pathlib import Path

from rackless.model.errors import ProviderError
from rackless.running import run
from rackless.vmhost import bootstate
from rackless.vmhost.bootstate import BootState
from rackless.vmhost.fat import DamagedError, Fat
from rackless.vmhost.gpt import SECTOR
from rackless.vmhost.layouts import label
from rackless.vmhost.linux.disks import PATH, Disk, area, attached

FILES = Path("/usr/lib/rackless/boot")
"""boot.img and core.img for a BIOS; `efi/`, whatever lies in the boot partition for UEFI."""
ENVIRONMENTS = ("grubenv.2", "grubenv")
"""In the order in which they are written; GRUB reads the last first."""
ROOM = 32768
"""Bytes for the partition table of the other disk."""
MTOOLS = {**PATH, "MTOOLS_SKIP_CHECK": "1"}
CODE = 440
"""Bytes of code in the first sector; behind them lie its identifier and the protective partition."""


def saved_name(number: str) -> str:
    """File with the partition table of a disk, kept on the other."""
    return f"table-{number}.json"


def boot_sector(code: bytes, core_start: int) -> bytes:
    """boot.img with the sector at which core.img begins (GRUB 2.06, grub-core/boot/i386/pc/boot.S: kernel_sector at 0x5C,
    boot_drive at 0x64; 0xFF is the drive that the BIOS names, and the jump at 0x66 is left to it)."""
    sector = bytearray(code[:CODE])
    struct.pack_into("<Q", sector, 0x5C, core_start)
    sector[0x64] = 0xFF
    sector[0x66:0x68] = b"\x90\x90"
    return bytes(sector)


def core_blocks(core: bytes, core_start: int) -> bytes:
    """core.img with the list of its own sectors (GRUB 2.06, grub-core/boot/i386/pc/diskboot.S: the last 12 bytes of its first
    sector): all behind the first, in one piece, to be loaded at segment 0x820."""
    sectors = -(-len(core) // SECTOR)
    patched = bytearray(core.ljust(sectors * SECTOR, b"\0"))
    struct.pack_into("<QHH", patched, SECTOR - 12, core_start + 1, sectors - 1, 0x820)
    return bytes(patched)


def write_bios(disk: Disk, files: Path) -> None:
    """The code of the first sector and the BIOS partition."""
    entry = disk.part("bios")
    start = entry.start // SECTOR
    core = core_blocks((files / "core.img").read_bytes(), start)
    with area(disk, "bios", writing=True) as place:
        place.write(0, core)
    with area(disk, writing=True) as whole:
        whole.write(0, boot_sector((files / "boot.img").read_bytes(), start))


def bios_sound(disk: Disk, files: Path) -> bool:
    """The code is what we would write."""
    start = disk.part("bios").start // SECTOR
    core = core_blocks((files / "core.img").read_bytes(), start)
    with area(disk, "bios") as place, area(disk) as whole:
        return place.read(0, len(core)) == core and whole.read(0, CODE) == boot_sector((files / "boot.img").read_bytes(), start)


async def make_boot(disk: Disk, files: Path, state: BootState) -> None:
    """A new boot partition, with all that is in one; the files that are written later have their room from now on."""
    number = disk.number
    name = f"RLBOOT{number}" if number == "U" else label(int(number), "boot")
    with tempfile.TemporaryDirectory(prefix="rackless-boot-") as made:
        folder = Path(made) / "grub"
        folder.mkdir()
        for file in ENVIRONMENTS:
            (folder / file).write_bytes(bootstate.pack(state))
        for other in "12":
            (folder / saved_name(other)).write_bytes(bytes(ROOM))
        async with attached(disk, "boot") as device:
            await run(["mkfs.vfat", "-F", "32", "-s", "1", "-n", name, device], deadline=60, env=PATH, hint="Install dosfstools.")
            copy: list[str | Path] = ["mcopy", "-s", "-Q", "-i", device, *sorted((files / "efi").iterdir()), folder, "::"]
            await run(copy, deadline=120, env=MTOOLS, hint="Install the package mtools.")
    await run(["sync", disk.path], deadline=120, env=PATH)


def boot_sound(disk: Disk, files: Path) -> bool:
    """The boot partition holds the files that we would write, and those that are written later have their room."""
    with contextlib.suppress(DamagedError), area(disk, "boot") as place:
        fat = Fat(place.read)
        found = fat.files()
        for path in (files / "efi").rglob("*"):
            if path.is_file():
                there = found.get(str(path.relative_to(files / "efi")).lower())
                if there is None or fat.read(there) != path.read_bytes():
                    return False
        return all(f"grub/{name}" in found for name in (*ENVIRONMENTS, saved_name("1"), saved_name("2")))
    return False


def read_file(disk: Disk, name: str) -> bytes:
    """A file of the boot partition's folder `grub`; empty when it can't be read."""
    with contextlib.suppress(OSError, ProviderError, DamagedError), area(disk, "boot") as place:
        fat = Fat(place.read)
        found = fat.files().get(f"grub/{name}")
        if found is not None:
            return fat.read(found)
    return b""


def write_file(disk: Disk, name: str, data: bytes) -> None:
    """Over what is there, of the same length, in the same place.

    Raises:
        ProviderError: there is no such file, of another length, or the partition is damaged.
        OSError: the disk cannot be written.
    """
    with area(disk, "boot", writing=True) as place:
        try:
            fat = Fat(place.read)
            found = fat.files().get(f"grub/{name}")
            places = fat.places(found) if found is not None and found.size == len(data) else ()
        except DamagedError:
            places = ()
        if not places:
            raise ProviderError(
                f"The boot partition of disk {disk.number} has no room for {name}.", hint="It is made anew at the next start."
            )
        for at, count in places:
            place.write(at, data[:count])
            data = data[count:]


def read_state(disk: Disk) -> BootState | None:
    """What this disk keeps of it; None when it is damaged in both copies."""
    for file in reversed(ENVIRONMENTS):
        found = bootstate.unpack(read_file(disk, file))
        if found is not None:
            return found
    return None


def write_state(disk: Disk, state: BootState) -> None:
    """Both copies, one after the other, each on the disk before the next: a cut damages one at most.

    Raises:
        ProviderError: the boot partition is damaged.
        OSError: it cannot be written.
    """
    for file in ENVIRONMENTS:
        write_file(disk, file, bootstate.pack(state))


def current_state(disks: list[Disk]) -> BootState | None:
    """As GRUB reads it: the primary disk's, else the backup's."""
    for number in ("1", "2"):
        for disk in disks:
            if disk.number == number:
                found = read_state(disk)
                if found is not None:
                    return found
    return None
