"""What an installation medium does when it has booted: a host made on this machine's disks, of the set that it carries.

`rackless.install=disks` on the kernel's command line starts it (`off`: the machine is switched off afterwards). When the kernel
came over the network, `rackless.from=http://...` names a folder with `rootfs.img` and `guest.tar`, and `rackless.digest` the set
that is meant: no other is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from rackless.model.errors import InputError, ProviderError
from rackless.running import run
from rackless.vmhost.linux import bootloader, sets
from rackless.vmhost.linux.disks import PATH, Disk, area, find, look, mounted
from rackless.vmhost.linux.installing import Source, install_host
from rackless.vmhost.linux.modules import Modules

POWER_OFF, AGAIN = 11, 10
PRESENT = 30.0
"""Seconds in which the first disk has to come."""
SETTLED = 5.0
"""Seconds without a new disk after which no more are awaited: those on USB come late."""


def targets(disks: list[Disk]) -> list[Disk]:
    """Where to install: the first two disks that are no installation medium, in the kernel's order.

    Raises:
        InputError: there is none.
    """
    found = [disk for disk in disks if disk.number != "U"]
    if not found:
        raise InputError("There is no disk to install on.", hint="Put one of at least 4 GB into the machine.")
    return found[:2]


async def settled(loading: Modules, patience: float = PRESENT) -> list[Disk]:
    """All disks, once there is one and no new one has come for a while."""
    count, since = 0, time.monotonic()
    while time.monotonic() - since < (SETTLED if count else patience):
        await loading.load()
        disks = find()
        if len(disks) != count:
            count, since = len(disks), time.monotonic()
        await asyncio.sleep(0.2)
    return find()


async def install_here(words: dict[str, str], loading: Modules) -> int:
    """The whole of it; returns what the machine does then."""
    from rackless.vmhost.linux.early import say

    disks = await settled(loading)
    if "rackless.from" in words:
        await from_network(words["rackless.from"], words.get("rackless.digest", ""), disks, say)
    else:
        await from_medium(disks, say)
    say("installed; the machine is switched off" if words["rackless.install"] == "off" else "installed; the machine starts again")
    await run(["sync"], deadline=600, env=PATH)
    return POWER_OFF if words["rackless.install"] == "off" else AGAIN


async def from_medium(disks: list[Disk], say: Callable[[str], None]) -> None:
    """
    Raises:
        InputError: the medium is not there, or is damaged.
    """
    medium = next((disk for disk in disks if disk.number == "U"), None)
    if medium is None:
        raise InputError("The installation medium is not there any more.")
    async with mounted(medium, "vm", options="ro,noload") as folder:
        with area(medium, "root-a") as root:
            seal = sets.seal_of(root)
            if seal is None:
                raise InputError("The installation medium is damaged.", hint="Write it anew.")
            guest = folder / "sets/a"
            source = Source(root=root, seal=seal, guest=guest if guest.is_dir() else None)
            chosen = [(disk.path, disk.serial) for disk in targets(disks)]
            await install_host(chosen, source, bootloader.FILES, say=say)


async def from_network(address: str, digest: str, disks: list[Disk], say: Callable[[str], None]) -> None:
    """The set is fetched into memory, and compared with the digest that came with the kernel, before a disk is written.

    Raises:
        InputError: it is another set, or damaged.
        ProviderError: it cannot be fetched.
    """
    await run(["ip", "link", "set", "lo", "up"], deadline=30, env=PATH, check=False)
    for card in sorted(Path("/sys/class/net").iterdir()):
        if card.name != "lo":
            await run(["ip", "link", "set", card.name, "up"], deadline=30, env=PATH)
            words = ["udhcpc", "-i", card.name, "-n", "-q", "-f", "-t", "5", "-s", "/usr/bin/dhcp-script"]
            if (await run(words, deadline=60, env=PATH, check=False)).code == 0:
                break
    else:
        raise ProviderError("No network card got an address.", hint="Is there a DHCP server?")
    async with _memory() as folder:
        for name in ("rootfs.img", "guest.tar"):
            say(f"fetching {address}/{name}")
            await run(["wget", "-q", "-O", folder / name, f"{address}/{name}"], deadline=3600, env=PATH)
        with area(look(folder / "rootfs.img")) as root:
            seal = sets.seal_of(root)
            if seal is None or seal.digest != digest:
                raise InputError(
                    "The set that was fetched is not the one that the kernel came with.", hint="Make the folder anew."
                )
            source = Source(root=root, seal=seal, guest=unpacked(folder / "guest.tar", folder / "guest"))
            chosen = [(disk.path, disk.serial) for disk in targets(disks)]
            await install_host(chosen, source, bootloader.FILES, say=say)


@contextlib.asynccontextmanager
async def _memory() -> AsyncIterator[Path]:
    """A folder in memory, as large as that is."""
    with tempfile.TemporaryDirectory(dir="/run") as made:
        await run(["mount", "-t", "tmpfs", "-o", "size=90%", "set", made], deadline=30, env=PATH)
        try:
            yield Path(made)
        finally:
            await run(["umount", made], deadline=60, env=PATH, check=False)


def unpacked(archive: Path, folder: Path) -> Path | None:
    """The files of a guest image; None when there are none. Nothing but plain files in the folder itself: Debian's Python has no
    filters of tarfile yet.

    Raises:
        InputError: there is something else in it.
    """
    with tarfile.open(archive) as inside:
        members = inside.getmembers()
        if not members:
            return None
        folder.mkdir()
        for member in members:
            content = inside.extractfile(member) if member.isfile() else None
            if content is None or "/" in member.name or member.name.startswith("."):
                raise InputError(f"{member.name!r} is no file of a guest image.", hint="Make the folder anew.")
            with (folder / member.name).open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
    return folder
