"""Partition tables on disks: written, and kept on the other disk's boot partition in case both copies are lost."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

from rackless.model.errors import ProviderError
from rackless.running import run
from rackless.vmhost import gpt
from rackless.vmhost.linux import bootloader
from rackless.vmhost.linux.disks import PATH, Disk, area, look


def as_text(disk: Disk) -> str:
    """What is kept of a disk: whose table it is, and the table.

    Raises:
        ProviderError: it has none.
    """
    copy = disk.table.best
    if copy is None:
        raise ProviderError(f"Disk {disk.path} has no partition table.")
    values = {
        "number": disk.number,
        "serial": disk.serial,
        "size": disk.size,
        "first": copy.first,
        "last": copy.last,
        "identity": base64.b64encode(copy.identity).decode(),
        "entries": base64.b64encode(copy.entries.rstrip(b"\0")).decode(),
    }
    return json.dumps(values, indent=1) + "\n"


def from_text(text: str) -> tuple[str, int, gpt.Copy]:
    """(serial, size, table) of a kept one.

    Raises:
        ValueError, KeyError: it is damaged.
    """
    values = json.loads(text)
    copy = gpt.Copy(
        first=values["first"],
        last=values["last"],
        identity=base64.b64decode(values["identity"]),
        entries=base64.b64decode(values["entries"]).ljust(gpt.ENTRIES * gpt.SECTOR, b"\0"),
    )
    return values["serial"], values["size"], copy


def keep(disk: Disk, other: Disk) -> None:
    """This disk's table on the other one's boot partition, where it is not there already."""
    data = as_text(disk).encode().ljust(bootloader.ROOM, b"\0")
    name = bootloader.saved_name(disk.number)
    if bootloader.read_file(other, name) != data:
        bootloader.write_file(other, name, data)


def kept(other: Disk) -> list[tuple[str, int, gpt.Copy]]:
    """All tables that this disk keeps of others."""
    found = []
    for number in "12":
        with contextlib.suppress(ValueError, KeyError):
            found.append(from_text(bootloader.read_file(other, bootloader.saved_name(number)).rstrip(b"\0").decode()))
    return found


async def write(disk: Disk, copy: gpt.Copy, aside: Path | None = None) -> Disk:
    """Both copies anew; what was there is kept in `aside`. Returns the disk as it is then."""
    pieces = gpt.write(copy, disk.size)
    with area(disk, writing=True) as place:
        if aside is not None:
            aside.mkdir(parents=True, exist_ok=True)
            for at, data in pieces:
                (aside / f"disk-at-{at}.bin").write_bytes(place.read(at, len(data)))
        for at, data in pieces:
            place.write(at, data)
    await seen_by_kernel(disk)
    return look(disk.path, disk.serial)


async def seen_by_kernel(disk: Disk) -> None:
    """Partitions as devices, where the disk is one."""
    if disk.path.is_block_device():
        await run(["blockdev", "--rereadpt", disk.path], deadline=60, env=PATH, check=False)
