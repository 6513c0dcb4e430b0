"""Sets in the slots of the disks: their roots checked, copied and mended, and the guest images that belong to them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import GuestError, ProviderError
from rackless.running import run
from rackless.vmhost import setimage
from rackless.vmhost.linux.disks import PATH, Area, Disk, area
from rackless.vmhost.setimage import CHUNK, Seal

MANIFEST = "manifest.json"


def seal_of(place: Area) -> Seal | None:
    return setimage.find_seal(place.read, place.size)


def read_seal(disk: Disk, slot: str) -> Seal | None:
    """Of the set whose root lies in this slot; None when it has none that can be read."""
    with area(disk, f"root-{slot}") as place:
        return seal_of(place)


def check(disk: Disk, slot: str) -> tuple[Seal | None, tuple[int, ...]]:
    """Every mebibyte of a root against its seal: (seal, numbers of the damaged ones)."""
    with area(disk, f"root-{slot}") as place:
        seal = seal_of(place)
        if seal is None:
            return None, ()
        # Checksums of a mebibyte are taken without Python's lock: as many at once as there are processors.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda number: setimage.sound(place.read, seal, number), range(len(seal.chunks) + 1))
            return seal, tuple(number for number, sound in enumerate(found) if not sound)


def write_root(source: Area, seal: Seal, target: Area) -> None:
    """A whole root into a slot, each mebibyte compared with the seal before it is written. The seals come last: what is
    interrupted has none.

    Raises:
        ProviderError: the source is damaged or the slot too small.
    """
    if seal.size > target.size:
        raise ProviderError(
            f"The set's root has {seal.size >> 20} MiB, and the slot {target.size >> 20} MiB.", hint="Use a larger disk."
        )
    end = len(seal.chunks) * CHUNK
    target.write(end, bytes(CHUNK))
    os.fsync(target.fd)
    for number, wanted in enumerate(seal.chunks):
        data = source.read(number * CHUNK, CHUNK)
        if setimage.checksum(data) != wanted:
            raise ProviderError(
                f"Mebibyte {number} of the set's root is damaged at its source.", hint="Take the set from elsewhere."
            )
        target.write(number * CHUNK, data)
    os.fsync(target.fd)
    target.write(end, setimage.pack(seal))


@dataclass(frozen=True, kw_only=True)
class Mended:
    """`kept`: where the damaged mebibytes are now; `left`: numbers of those that no copy was found of."""

    replaced: tuple[int, ...]
    left: tuple[int, ...]
    kept: Path | None


def find_chunk(wanted: str, number: int, sources: Sequence[tuple[Area, Seal]]) -> bytes | None:
    """A mebibyte with this checksum: at the same place of another set first, then wherever one has it."""
    for source, seal in sources:
        places = [at for at, digest in enumerate(seal.chunks) if digest == wanted]
        for at in sorted(places, key=lambda at: at != number):
            data = source.read(at * CHUNK, CHUNK)
            if setimage.checksum(data) == wanted:
                return data
    return None


def mend(target: Area, seal: Seal, bad: Sequence[int], sources: Sequence[tuple[Area, Seal]], aside: Path | None) -> Mended:
    """Replace damaged mebibytes by copies of other sets, after what was there has been kept in `aside`."""
    replaced, left = [], []
    for number in bad:
        data: bytes | None = setimage.pack(seal) if number == len(seal.chunks) else None
        data = data or find_chunk(seal.chunks[number], number, sources)
        if data is None:
            left.append(number)
            continue
        if aside is not None:
            aside.mkdir(parents=True, exist_ok=True)
            (aside / f"{number:05d}.mib").write_bytes(target.read(number * CHUNK, CHUNK))
        target.write(number * CHUNK, data)
        replaced.append(number)
    return Mended(replaced=tuple(replaced), left=tuple(left), kept=aside if replaced else None)


def guest_folder(vm: Path, slot: str) -> Path:
    return vm / "sets" / slot


def check_guest(folder: Path) -> str:
    """What is wrong with a set's guest image, by its manifest; empty when nothing is."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, wanted in manifest["files"].items():
            path = folder / name
            size = path.stat().st_size
            if size != wanted["size"]:
                return f"{name} has {size} bytes and should have {wanted['size']}"
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted["sha256"]:
                    return f"{name} has another checksum than its manifest says"
    except FileNotFoundError as error:
        return f"{Path(str(error.filename)).name} is not there"
    except (OSError, ValueError, KeyError) as error:
        return f"its manifest cannot be read: {error}"
    return ""


async def put_guest(source: Path, vm: Path, slot: str) -> None:
    """The guest image of a set into the VM partition: in place only when it is whole and on the disk.

    Raises:
        GuestError: the copy is not what its manifest says.
    """
    target = guest_folder(vm, slot)
    draft, old = target.with_suffix(".new"), target.with_suffix(".old")
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in (draft, old):
        if path.exists():
            shutil.rmtree(path)
    await run(["cp", "--recursive", "--sparse=always", "--no-preserve=ownership", source, draft], deadline=1800, env=PATH)
    wrong = check_guest(draft)
    if wrong:
        shutil.rmtree(draft)
        raise GuestError(f"The set's guest image is damaged: {wrong}.", hint="Get the bundle again.")
    await run(["sync", "--file-system", vm], deadline=600, env=PATH)
    if target.exists():
        target.rename(old)
    draft.rename(target)
    await run(["sync", "--file-system", vm], deadline=600, env=PATH)
    if old.exists():
        shutil.rmtree(old)
