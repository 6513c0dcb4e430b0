"""The disks that guests run from: one for each image that was started, made of it and kept, with the configuration carried
over."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rackless.images.store import FILES, MANIFEST
from rackless.model.errors import AbsentError, ProviderError
from rackless.running import run
from rackless.vmhost import insides
from rackless.vmhost.command import Kernel
from rackless.vmhost.configuration import Guest
from rackless.vmhost.facts import Health, Image, Slot

COPY_SECONDS = 1800.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """An image, as it lies there. `identity` changes with its content."""

    disk: Path
    boot: Kernel
    identity: str
    version: str = ""


class GuestDisks:
    """In `state`: guests/NAME/SLOT.raw and the saved files; aside/ is what was replaced."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._verified: dict[tuple[str, int, int], str] = {}

    def folder(self, guest: Guest) -> Path:
        return self._state / "guests" / guest.name

    def disk(self, guest: Guest, slot: Slot) -> Path:
        return self.folder(guest) / f"{slot.value}.raw"

    def slot_in_use(self, guest: Guest) -> Slot:
        """The one that was started last."""
        try:
            return Slot((self.folder(guest) / "slot").read_text().strip())
        except (OSError, ValueError):
            return next(iter(guest.images))

    # ---- images

    def images(self, guest: Guest) -> tuple[Image, ...]:
        """Blocks while files are summed that were not looked at yet: call it in a thread."""
        found = []
        for slot, path in guest.images.items():
            try:
                image = self.find(path)
                found.append(Image(slot=slot, version=image.version))
            except AbsentError:
                found.append(Image(slot=slot, health=Health.MISSING))
            except ProviderError:
                found.append(Image(slot=slot, health=Health.DAMAGED))
        return tuple(found)

    def find(self, path: Path) -> Found:
        """Raises:
        AbsentError: there is nothing.
        ProviderError: a file is not what its manifest says.
        """
        if path.is_file():
            stat = path.stat()
            if stat.st_size == 0:
                raise ProviderError(f"The image {path} is empty.")
            return Found(disk=path, boot=Kernel(), identity=f"{path} {stat.st_size} {stat.st_mtime_ns}")
        try:
            manifest = json.loads((path / MANIFEST).read_text())
            files: Mapping[str, Mapping[str, object]] = manifest["files"]
        except FileNotFoundError as error:
            raise AbsentError(f"There is no image {path}.") from error
        except (OSError, ValueError, KeyError) as error:
            raise ProviderError(f"The manifest of {path} is damaged.") from error
        for name, about in files.items():
            self._verify(path / name, about)
        kernel, initrd = (path / FILES[name] if FILES[name] in files else None for name in ("kernel", "initrd"))
        boot = Kernel(kernel=kernel, initrd=initrd, append=str(manifest["append"]))
        version = str(manifest.get("version", manifest["digest"]))
        return Found(disk=path / FILES["disk"], boot=boot, identity=str(manifest["digest"]), version=version)

    def _verify(self, path: Path, about: Mapping[str, object]) -> None:
        try:
            stat = path.stat()
        except FileNotFoundError as error:
            raise ProviderError(f"{path} is not there.") from error
        if stat.st_size != about["size"]:
            raise ProviderError(f"{path} has {stat.st_size} bytes, and should have {about['size']}.")
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in self._verified:
            with path.open("rb") as file:
                self._verified[key] = hashlib.file_digest(file, "sha256").hexdigest()
        if self._verified[key] != about["sha256"]:
            raise ProviderError(f"{path} is not what its manifest says.")

    # ---- disks

    async def prepare(self, guest: Guest, slot: Slot) -> tuple[Path, Found]:
        """The disk for an image: there already, or made of it with the saved files in it."""
        image, disk = self.find(guest.images[slot]), self.disk(guest, slot)
        mark = disk.with_suffix(".identity")
        disk.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (disk.exists() and mark.exists() and mark.read_text() == image.identity):
            if disk.exists():
                self.aside(guest, disk, f"disk-{slot.value}")
            fresh = disk.with_suffix(".new")
            words: list[str | Path] = ["qemu-img", "convert", "-O", "raw", image.disk, fresh]
            await run(words, deadline=COPY_SECONDS, hint="Is there room on the disk?")
            fresh.chmod(0o600)
            for what in ("configuration", "licence"):
                place, saved = getattr(guest, what), self.saved(guest, what)
                if place and saved.exists():
                    await insides.write(fresh, place, saved.read_bytes())
            mark.write_text(image.identity)
            os.replace(fresh, disk)
        (self.folder(guest) / "slot").write_text(slot.value)
        return disk, image

    def aside(self, guest: Guest, path: Path, name: str) -> Path:
        """Moved, never removed."""
        folder = self._state / "aside" / guest.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = folder / f"{name}.{time.strftime('%Y%m%d-%H%M%S')}.{time.monotonic_ns() % 1000:03}"
        os.replace(path, place)
        return place

    # ---- files in them

    def saved(self, guest: Guest, what: str) -> Path:
        return self.folder(guest) / f"saved-{what}"

    async def health(self, guest: Guest, what: str) -> Health:
        """Of a file in the disk in use, while its guest is off. A guest that never ran has nothing that could be damaged."""
        place, disk = getattr(guest, what), self.disk(guest, self.slot_in_use(guest))
        if not place or not disk.exists():
            return Health.OK
        await insides.replay(disk)
        found = await insides.health(disk, place)
        if found is Health.MISSING and not self.saved(guest, what).exists():
            return Health.OK
        return found

    def saved_health(self, guest: Guest, what: str) -> Health:
        place, saved = getattr(guest, what), self.saved(guest, what)
        if not place or not saved.exists():
            return Health.MISSING
        return insides.judged(place, saved.read_bytes())

    async def keep(self, guest: Guest, what: str) -> None:
        """The damaged file, or the whole disk where its file system cannot be read any more."""
        disk = self.disk(guest, self.slot_in_use(guest))
        copy = self.folder(guest) / f".{what}.aside"
        try:
            if not await insides.mend(disk):
                raise ProviderError(f"The file system of {disk.name} is damaged.")
            copy.write_bytes(await insides.read(disk, getattr(guest, what)) or b"")
        except (ProviderError, OSError):
            self.aside(guest, disk, "disk")
            return
        self.aside(guest, copy, what)

    async def restore(self, guest: Guest, what: str, copy: str) -> None:
        slot = self.slot_in_use(guest)
        disk = self.disk(guest, slot)
        if not disk.exists():
            disk, _ = await self.prepare(guest, slot)
        await insides.replay(disk)
        await insides.write(disk, getattr(guest, what), self.saved(guest, copy).read_bytes())

    async def save(self, guest: Guest) -> None:
        """What is right in the disk in use, whether its guest runs or not."""
        disk = self.disk(guest, self.slot_in_use(guest))
        for what in ("configuration", "rescue", "licence"):
            place, saved = getattr(guest, what), self.saved(guest, what)
            content = await insides.read(disk, place) if place else None
            if content is None or insides.judged(place, content) is not Health.OK:
                continue
            if not saved.exists() or saved.read_bytes() != content:
                fresh = saved.with_suffix(".new")
                fresh.write_bytes(content)
                fresh.chmod(0o600)
                os.replace(fresh, saved)
