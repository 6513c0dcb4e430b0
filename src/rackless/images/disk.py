"""A bootable disk made of a directory, without loop devices or mounts.

Partition 1: FAT16 with syslinux, kernel and initrd, for machines that boot by themselves. Partition 2: ext4, the root.
"""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from rackless.images.store import APPEND
from rackless.running import run

SECTOR = 512
MEBIBYTE = 1024 * 1024
BOOT_START = 1 * MEBIBYTE
BOOT_SIZE = 32 * MEBIBYTE
ROOT_SIZE = 1024 * MEBIBYTE
"""Of which the image itself needs a quarter; the qcow2 holds only what is used."""
MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
SYSLINUX = f"SERIAL 0 115200\nDEFAULT r\nPROMPT 0\nTIMEOUT 0\nLABEL r\n KERNEL vmlinuz\n INITRD initrd\n APPEND {APPEND}\n"
INITRD_APPLETS = ("cat", "insmod", "mount", "poweroff", "sleep", "switch_root", "usleep")
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"}


def cpio(entries: list[tuple[str, int, bytes]]) -> bytes:
    """An initrd: (path, mode with type, content) in cpio's newc format (Linux documentation, initramfs buffer format)."""
    out = bytearray()
    for number, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initrd(init: bytes, busybox: bytes, modules: dict[str, list[Path]]) -> bytes:
    """An initrd with these lists of module files, in the order of loading; a file that is in two lists is kept once."""
    folders = ("bin", "dev", "proc", "sys", "root", "modules")
    entries = [(folder, stat.S_IFDIR | 0o755, b"") for folder in folders]
    entries += [("init", stat.S_IFREG | 0o755, init), ("bin/busybox", stat.S_IFREG | 0o755, busybox)]
    entries += [(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox") for name in INITRD_APPLETS]
    kept: dict[str, Path] = {}
    for name, files in modules.items():
        fresh = [file for file in files if file.name not in kept]
        kept.update({file.name: file for file in fresh})
        entries.append((f"modules/{name}", stat.S_IFREG | 0o644, "".join(f"{file.name}\n" for file in fresh).encode()))
    entries += [(f"modules/{name}", stat.S_IFREG | 0o644, file.read_bytes()) for name, file in kept.items()]
    return cpio(entries)


def put_boot(raw: Path, fat: Path) -> None:
    """The boot record and the boot partition into the disk."""
    with raw.open("r+b") as disk:
        disk.write(MBR.read_bytes()[:440])
        disk.seek(BOOT_START)
        with fat.open("rb") as source_file:
            shutil.copyfileobj(source_file, disk, MEBIBYTE)


async def make_disk(root: Path, vmlinuz: Path, initrd_file: Path, work: Path, out: Path) -> None:
    """Write the qcow2 `out`. `work` is an empty directory for what lies between, cleared by the caller."""
    raw, fat = work / "disk.raw", work / "boot.fat"
    config = work / "syslinux.cfg"
    config.write_text(SYSLINUX)
    root_start = BOOT_START + BOOT_SIZE
    with raw.open("wb") as file:
        file.truncate(root_start + ROOT_SIZE)
    with fat.open("wb") as file:
        file.truncate(BOOT_SIZE)
    table = (
        f"label: dos\nstart={BOOT_START // SECTOR},size={BOOT_SIZE // SECTOR},type=e,bootable\n"
        f"start={root_start // SECTOR},size={ROOT_SIZE // SECTOR},type=83\n"
    )
    await run(["sfdisk", "-q", raw], deadline=60, stdin=table.encode(), env=PATH, hint="Install the package fdisk.")
    await run(["mkfs.vfat", "-F", "16", "-n", "RRBOOT", fat], deadline=60, env=PATH, hint="Install the package dosfstools.")
    for source, name in ((config, "syslinux.cfg"), (vmlinuz, "vmlinuz"), (initrd_file, "initrd")):
        await run(["mcopy", "-i", fat, source, f"::{name}"], deadline=60, env=PATH, hint="Install the package mtools.")
    await run(["syslinux", "--install", fat], deadline=60, env=PATH, hint="Install the package syslinux.")
    put_boot(raw, fat)
    extended = f"offset={root_start},lazy_itable_init=0,nodiscard"
    make = f"mke2fs -q -t ext4 -O ^metadata_csum,^64bit -J size=4 -m 0 -L rrroot -E {extended} -d".split()
    await run(
        [*make, str(root), str(raw), f"{ROOT_SIZE // 1024}k"],
        deadline=600,
        env=PATH,
        hint="Install the package e2fsprogs.",
    )
    await run(["qemu-img", "convert", "-O", "qcow2", raw, out], deadline=600, hint="Install the package qemu-utils.")
    raw.unlink()
    fat.unlink()
