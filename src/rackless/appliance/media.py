"""What a host is installed from: disks ready to boot, a USB image that installs, a folder for network boot."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path

from rackless.appliance import grub
from rackless.appliance.build import Built
from rackless.model.errors import InputError, StateError
from rackless.running import run
from rackless.vmhost import grubscript
from rackless.vmhost.bootstate import BootState
from rackless.vmhost.layouts import MEBIBYTE, NUMBERS, SECTOR, TYPES
from rackless.vmhost.linux import bootloader, sets
from rackless.vmhost.linux.disks import PATH, area, attached, look, mounted
from rackless.vmhost.linux.installing import Source, install_host

Say = Callable[[str], None]
USB_BOOT = 64 * MEBIBYTE
SPARE = 64 * MEBIBYTE


def check_root() -> None:
    """
    Raises:
        StateError: this user may not make file systems on loop devices.
    """
    if os.geteuid() != 0:
        raise StateError("Making disks needs root: their file systems are made on loop devices.", hint="Run it with sudo.")


def check_guest(guest: Path | None) -> None:
    """
    Raises:
        InputError: a guest image that is not as its manifest says.
    """
    wrong = sets.check_guest(guest) if guest else ""
    if wrong:
        raise InputError(f"The guest image in {guest} is damaged: {wrong}.", hint="Build or import it again.")


async def disks(built: Built, guest: Path | None, targets: list[Path], size: int, *, say: Say) -> None:
    """Sparse disks of a host as if installed from a medium: one, or primary and backup.

    Raises:
        InputError: a file is there already, or `size` bytes are too few.
    """
    check_root()
    check_guest(guest)
    for target in targets:
        if target.exists():
            raise InputError(f"{target} is there already.", hint="Remove it, or name another.")
    for target in targets:
        with target.open("wb") as file:
            file.truncate(size)
    try:
        with area(look(built.root)) as place:
            seal = sets.seal_of(place)
            if seal is None:
                raise InputError(f"{built.root} is damaged.", hint="Build the appliance again.")
            source = Source(root=place, seal=seal, guest=guest)
            await install_host([(target, "") for target in targets], source, built.boot, say=say)
    except BaseException:
        for target in targets:
            target.unlink(missing_ok=True)
        raise


def usb_table(root: int, vm: int) -> str:
    """Of an installation medium, for sfdisk: the same partitions as a host's disk, without the second set and `var`."""
    space = uuid.uuid5(uuid.NAMESPACE_OID, f"usb {root} {vm}")
    lines = ["label: gpt", f"label-id: {space}", "unit: sectors", "first-lba: 2048", ""]
    start = MEBIBYTE
    for name, size in (("bios", MEBIBYTE), ("boot", USB_BOOT), ("root-a", root), ("vm", vm)):
        part = f"start={start // SECTOR}, size={size // SECTOR}, type={TYPES[name]}, uuid={uuid.uuid5(space, name)}"
        lines.append(f'{NUMBERS[name]} : {part}, name="rlU-{name}"')
        start += size
    return "\n".join(lines) + "\n"


async def usb(built: Built, guest: Path | None, target: Path, work: Path, *, switch_off: bool = False) -> None:
    """An image for a USB stick: whatever boots from it becomes a host, on its first two disks."""
    check_root()
    check_guest(guest)
    root = built.root.stat().st_size
    content = sum(path.stat().st_size for path in guest.iterdir() if path.is_file()) if guest else 0
    vm = -(-(content * 11 // 10 + SPARE) // MEBIBYTE) * MEBIBYTE
    draft = target.with_name(target.name + ".new")
    with draft.open("wb") as file:
        file.truncate(MEBIBYTE * 3 + USB_BOOT + root + vm)
    await run(["sfdisk", "--quiet", draft], deadline=60, env=PATH, stdin=usb_table(root, vm).encode())
    files = work / "usb-boot"
    word = "off" if switch_off else "disks"
    await grub.make(await grub.fetch(built.folder.parent), work, files, grubscript.install_script(f"rackless.install={word}"))
    disk = look(draft)
    with area(look(built.root)) as place, area(disk, "root-a", writing=True) as slot:
        seal = sets.seal_of(place)
        if seal is None:
            raise InputError(f"{built.root} is damaged.", hint="Build the appliance again.")
        sets.write_root(place, seal, slot)
    async with attached(disk, "vm") as device:
        await run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "RLVMU", device], deadline=300, env=PATH)
    if guest is not None:
        async with mounted(disk, "vm") as folder:
            await sets.put_guest(guest, folder, "a")
    await bootloader.make_boot(disk, files, BootState())
    bootloader.write_bios(disk, files)
    draft.rename(target)


def ipxe_script(address: str, digest: str) -> str:
    return (
        "#!ipxe\n"
        f"kernel {address}/vmlinuz initrd=initrd console=tty0 console=ttyS0,115200 panic=30 rackless.install=disks "
        f"rackless.from={address} rackless.digest={digest}\n"
        f"initrd {address}/initrd\nboot\n"
    )


def netboot(built: Built, guest: Path | None, target: Path, address: str) -> None:
    """A folder for a web server: what runs its `boot.ipxe` becomes a host, of the set that this names.

    Args:
        address: of the folder, as the machines see it: http://...
    """
    check_guest(guest)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "rootfs.img"):
        shutil.copyfile(built.folder / name, target / name)
    (target / "initrd").write_bytes((built.folder / "initrd").read_bytes() + (built.folder / "network").read_bytes())
    with tarfile.open(target / "guest.tar", "w") as archive:
        for name in (*json.loads((guest / sets.MANIFEST).read_text())["files"], sets.MANIFEST) if guest else ():
            assert guest is not None
            archive.add(guest / name, arcname=name)
    with area(look(built.root)) as place:
        seal = sets.seal_of(place)
    if seal is None:
        raise InputError(f"{built.root} is damaged.", hint="Build the appliance again.")
    (target / "boot.ipxe").write_text(ipxe_script(address.rstrip("/"), seal.digest))
