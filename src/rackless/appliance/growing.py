"""The volume of this machine's data: looked at with the system's own tools, made, mounted, and grown online by volume.py."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rackless.appliance.volume import LABEL, MEBIBYTE, Disk, Form, Piece, Step, Volume, making, refusal, remark, step
from rackless.model.errors import InputError, ProviderError, StateError
from rackless.running import run

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
MOUNT = Path("/data")
"""Of an appliance's volume; state folders are mounted from it."""
STATES = {"rackless": "rackless", "rackless-fabric": "rackless-fabric"}
"""Folders of /var/lib that lie on the volume, and whose they are called there."""
MOST_STEPS = 32
_DEVICE = re.compile(r"devid\s+(\d+)\s+size\s+(\d+)\s+used\s+\d+\s+path\s+(\S+)")
Say = Callable[[str], None]


def is_appliance(root: Path = Path("/")) -> bool:
    """This machine runs from one of our images: all its disks are for it."""
    return (root / "etc/rackless-release").is_file()


async def _text(*words: str) -> str:
    return (await run(words, deadline=120, env=PATH)).out.decode()


def _size(device: str) -> int:
    with Path(device).open("rb") as file:
        return file.seek(0, os.SEEK_END)


def _blank(device: str) -> bool:
    """Its first and last mebibyte are zeros: no file system, partition table, RAID or LVM is without something there."""
    try:
        with Path(device).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            for at in (0, max(0, size - MEBIBYTE)):
                file.seek(at)
                if any(file.read(MEBIBYTE)):
                    return False
    except OSError:
        return False
    return size >= 64 * MEBIBYTE


async def devices(*paths: str) -> list[dict[str, Any]]:
    """As lsblk has them, with their children."""
    names = "NAME,PATH,SIZE,TYPE,PKNAME,FSTYPE,MOUNTPOINTS,RO"
    found = json.loads(await _text("lsblk", "--json", "--bytes", "--output", names, *paths))
    return list(found["blockdevices"])


async def disk(path: str) -> Disk:
    """
    Raises:
        InputError: there is no such disk.
    """
    if not Path(path).is_block_device():
        raise InputError(f"{path} is no disk of this machine.", hint="`lsblk` lists them.")
    path = str(Path(path).resolve())
    (about,) = await devices(path)
    mounted = [each for each in about.get("mountpoints") or () if each]
    empty = not about.get("children") and not about.get("fstype") and not mounted and _blank(path)
    return Disk(path=path, size=int(about["size"]), empty=empty)


async def empty_disks() -> list[Disk]:
    """All whole disks of this machine that nothing is on."""
    found = []
    for about in await devices():
        if about["type"] == "disk" and not about["name"].startswith(("zram", "ram", "fd", "nbd")) and not about["ro"]:
            each = await disk(about["path"])
            if each.empty:
                found.append(each)
    return found


async def rescan() -> None:
    """Virtual disks that were enlarged are only seen by some buses when they are asked (SCSI)."""
    for path in Path("/sys/class/block").glob("sd*/device/rescan"):
        try:
            path.write_text("1")
        except OSError:
            continue  # no right, or a bus that has no such thing; then it shows by itself, or the command says there is nothing


async def _piece(path: str, used: int, id: str = "") -> Piece:
    path = str(Path(path).resolve())
    (about,) = await devices(path)
    if about["type"] != "part":
        return Piece(path=path, disk=path, size=_size(path), used=used, id=id)
    parent = f"/dev/{about['pkname']}"
    number = int(Path(f"/sys/class/block/{about['name']}/partition").read_text())
    table = json.loads(await _text("sfdisk", "--json", parent))["partitiontable"]
    unit = int(table.get("sectorsize", 512))
    parts = sorted(table["partitions"], key=lambda part: int(part["start"]))
    (at,) = (index for index, part in enumerate(parts) if re.sub(r".*\D", "", part["node"]) == str(number))
    end = (int(parts[at]["start"]) + int(parts[at]["size"])) * unit
    after = parts[at + 1] if at + 1 < len(parts) else None
    limit = int(after["start"]) * unit if after else _size(parent) - MEBIBYTE
    return Piece(
        path=path,
        disk=parent,
        size=_size(path),
        used=used,
        number=number,
        room=max(0, limit - end),
        next=str(after["node"]) if after else "",
        id=id,
    )


async def look(folder: Path) -> Volume:
    """The file system that a folder is on.

    Raises:
        StateError: it is of a kind that cannot be grown.
    """
    words = ("findmnt", "--json", "--bytes", "--nofsroot", "--output", "SOURCE,TARGET,FSTYPE,SIZE", "--target", str(folder))
    about = json.loads(await _text(*words))["filesystems"][-1]
    try:
        form = Form(about["fstype"])
    except ValueError:
        raise StateError(
            f"{folder} is on {about['fstype']} ({about['source']}), which is not grown here.",
            hint="btrfs, ext4 and XFS are, on a disk, a partition or LVM.",
        ) from None
    source, mount = str(about["source"]), str(about["target"])
    if form is Form.BTRFS:
        listed = _DEVICE.findall(await _text("btrfs", "filesystem", "show", "--raw", mount))
        pieces = [await _piece(path, int(size), id) for id, size, path in listed]
        total = sum(piece.used for piece in pieces)
        return Volume(form=form, mount=mount, device=source, size=total, carrier=total, pieces=tuple(pieces))
    size = await _size_of(form, source, mount)
    (kind,) = await devices(source)
    if kind["type"] == "lvm":
        return await _logical(form, mount, source, size)
    return Volume(
        form=form, mount=mount, device=source, size=size, carrier=_size(source), pieces=(await _piece(source, _size(source)),)
    )


async def _size_of(form: Form, device: str, mount: str) -> int:
    """Bytes of a file system by its own superblock: `df` leaves its tables out."""
    if form is Form.XFS:
        text = await _text("xfs_info", mount)
        found = re.search(r"^data\s+=\s+bsize=(\d+)\s+blocks=(\d+)", text, re.M)
    else:
        text = await _text("dumpe2fs", "-h", device)
        count, block = re.search(r"^Block count:\s+(\d+)", text, re.M), re.search(r"^Block size:\s+(\d+)", text, re.M)
        return int(count[1]) * int(block[1]) if count and block else 0
    return int(found[1]) * int(found[2]) if found else 0


async def _logical(form: Form, mount: str, source: str, size: int) -> Volume:
    form_of = ("--reportformat", "json", "--units", "b", "--nosuffix")
    (lv,) = json.loads(await _text("lvs", *form_of, "--options", "vg_name,lv_name,vg_free", source))["report"][0]["lv"]
    pvs = json.loads(await _text("pvs", *form_of, "--options", "pv_name,pv_size", "--select", f"vg_name={lv['vg_name']}"))
    pieces = [await _piece(each["pv_name"], int(each["pv_size"])) for each in pvs["report"][0]["pv"]]
    return Volume(
        form=form,
        mount=mount,
        device=source,
        size=size,
        carrier=_size(source),
        pieces=tuple(pieces),
        group=lv["vg_name"],
        logical=lv["lv_name"],
        free=int(lv["vg_free"]),
    )


async def take(wanted: Step) -> None:
    await run(wanted.words, deadline=900, stdin=wanted.stdin.encode() if wanted.stdin else None, env=PATH)
    if wanted.words[0] == "sfdisk":
        # The partition is in use: the kernel is told of its new end alone.
        number, path = wanted.words[-2], wanted.words[-1]
        await run(["partx", "--update", "--nr", number, path], deadline=60, env=PATH)


async def grow(folder: Path, disks: Sequence[str] = (), *, say: Say, take_empty: bool = False) -> tuple[int, int]:
    """Grow the file system of a folder as far as its disks have room. Returns its bytes before and after.

    Args:
        disks: to add, which have to be empty.
        take_empty: add every empty disk of the machine too, as an appliance does, whose disks are all its own.

    Raises:
        InputError: a disk is none, or not empty.
        StateError: the file system is of a kind that is not grown, or takes no second disk.
    """
    await rescan()
    volume = await look(folder)
    before = volume.size
    named = [await disk(path) for path in disks]
    why = refusal(volume, named)
    if why:
        raise InputError(why)
    able = volume.form is Form.BTRFS or volume.group
    added = [*named, *(await empty_disks() if take_empty and able else ())]
    for _ in range(MOST_STEPS):
        wanted = step(volume, added)
        if wanted is None:
            break
        say(wanted.about)
        await take(wanted)
        volume = await look(folder)
    else:
        raise ProviderError(f"{folder} still had room after {MOST_STEPS} steps.", hint="See what `lsblk` says of its disks.")
    if volume.size == before:
        say(remark(volume, await empty_disks() if able else ()))
    return before, volume.size


async def provide(*, say: Say, mount: Path = MOUNT, states: Path = Path("/var/lib"), disks: Sequence[str] = ()) -> bool:
    """At an appliance's start: its volume mounted, made on its empty disks when there is none. False: it has no data disk.

    Args:
        disks: instead of every empty disk of the machine (tests).
    """
    # Read from the disks themselves: a cache would know of disks that were.
    words = ["blkid", "--cache-file", "/dev/null", "--match-token", f"LABEL={LABEL}", "--output", "device", *disks]
    known = (await run(words, deadline=60, env=PATH, check=False)).out.decode().split()
    if not known:
        empty = [each for each in ([await disk(path) for path in disks] or await empty_disks()) if each.empty]
        if not empty:
            return False
        made = making(empty)
        say(made.about)
        await take(made)
        known = [empty[0].path]
    mount.mkdir(parents=True, exist_ok=True)
    if not os.path.ismount(mount):
        await run(["btrfs", "device", "scan"], deadline=60, env=PATH, check=False)
        await run(["mount", "-o", "noatime", known[0], mount], deadline=120, env=PATH)
    for name, place in STATES.items():
        await _state(mount / place, states / name)
    return True


async def _state(place: Path, target: Path) -> None:
    """A folder of the volume in its place. Databases write in the middle of their files: those are not copied on write."""
    if not place.exists():
        draft = place.with_name(f".{place.name}.new")  # in its place when it is whole, also where the power failed before
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o711)
        await run(["chattr", "+C", draft], deadline=30, env=PATH)
        if target.is_dir():
            # What was there before there was a volume: owner and mode at least, and files if there are any.
            await run(["cp", "--archive", "--no-target-directory", target, draft], deadline=900, env=PATH)
        draft.rename(place)
    target.mkdir(parents=True, exist_ok=True)
    if not os.path.ismount(target):
        await run(["mount", "--bind", place, target], deadline=60, env=PATH)
