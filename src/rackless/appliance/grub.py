"""GRUB and shim for the appliance, out of Debian's packages: what `vmhost/linux/bootloader.py` writes onto disks.

For a BIOS: a core image with all modules and the script inside, made by grub-mkimage. For UEFI: Debian's shim and its signed
GRUB, which reads the same script from the boot partition, so that Secure Boot's chain is Microsoft's, Debian's, Debian's
kernel.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from rackless.running import run
from rackless.vmhost import grubscript

PACKAGES = ("grub-pc-bin", "grub-efi-amd64-signed", "shim-signed", "shim-helpers-amd64-signed")
"""Fetched and unpacked, never installed: installing them would change how the building machine itself boots."""
MODULES = (
    *(
        "biosdisk",
        "part_gpt",
        "fat",
        "ext2",
        "normal",
        "configfile",
        "linux",
        "search",
        "search_label",
        "search_fs_uuid",
        "regexp",
    ),
    *(
        "loadenv",
        "test",
        "echo",
        "serial",
        "terminal",
        "hashsum",
        "gcry_sha256",
        "memdisk",
        "tar",
        "sleep",
        "reboot",
        "halt",
        "boot",
    ),
    *("minicmd", "ls", "cat", "true", "extcmd", "acpi"),
)


async def fetch(out: Path) -> Path:
    """The packages' files, kept in `out` for the next time; through apt of this machine, which verifies them."""
    kept = out / "grub"
    if kept.is_dir():
        return kept
    with tempfile.TemporaryDirectory(dir=out, prefix=".grub-") as made:
        packages, files = Path(made) / "packages", Path(made) / "files"
        for folder in (Path(made), packages):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        hint = "Run `apt-get update` and try again; apt's sources must be reachable."
        await run(["apt-get", "download", "-q", *PACKAGES], deadline=300, cwd=packages, hint=hint)
        for file in sorted(packages.glob("*.deb")):
            await run(["dpkg-deb", "--extract", file, files], deadline=120)
        files.rename(kept)
    return kept


async def make(unpacked: Path, work: Path, out: Path, script: str = "") -> None:
    """boot.img, core.img and efi/ into `out`."""
    text = script or grubscript.script()
    modules = unpacked / "usr/lib/grub/i386-pc"
    inside = work / "memdisk/boot/grub"
    inside.mkdir(parents=True)
    (inside / "grub.cfg").write_text(text)
    await run(["tar", "-cf", work / "memdisk.tar", "-C", work / "memdisk", "boot"], deadline=60)
    words: list[str | Path] = [
        "grub-mkimage",
        "-O",
        "i386-pc",
        "-d",
        modules,
        "-p",
        "(memdisk)/boot/grub",
        "-m",
        work / "memdisk.tar",
    ]
    out.mkdir(parents=True, exist_ok=True)
    await run([*words, "-o", out / "core.img", *MODULES], deadline=120, hint="Install the package grub-common.")
    shutil.copyfile(modules / "boot.img", out / "boot.img")
    (out / "efi/EFI/BOOT").mkdir(parents=True)
    (out / "efi/EFI/debian").mkdir()
    signed = {
        "usr/lib/shim/shimx64.efi.signed": "BOOTX64.EFI",
        "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed": "grubx64.efi",
        "usr/lib/shim/mmx64.efi.signed": "mmx64.efi",
    }
    for source, name in signed.items():
        shutil.copyfile(unpacked / source, out / "efi/EFI/BOOT" / name)
    (out / "efi/EFI/debian/grub.cfg").write_text(text)
    shutil.rmtree(work / "memdisk")
