"""Kernel modules in the initial RAM disk: loaded for the devices that are there, by what the image's builder wrote down."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable
from pathlib import Path

from rackless.running import run

FOLDER = Path("/modules")
ROUNDS = 5
"""A controller shows its devices, and these theirs: so many times it is looked again at once."""


def asked_for(devices: Iterable[str], aliases: Iterable[str]) -> list[str]:
    """Names of modules whose alias (`PATTERN NAME`) one of the devices' fits."""
    patterns = [tuple(line.split(" ")) for line in aliases]
    found: list[str] = []
    for device in devices:
        for pattern, name in patterns:
            # A thousand patterns: the comparison as a pattern is for the few that begin alike.
            if name not in found and device.startswith(pattern.partition("*")[0]) and fnmatch.fnmatchcase(device, pattern):
                found.append(name)
    return found


def devices(sysfs: Path = Path("/sys")) -> list[str]:
    """What the kernel calls the devices that it has seen."""
    found = set()
    for bus in ("pci", "virtio", "scsi", "usb", "nvme"):
        for path in (sysfs / "bus" / bus / "devices").glob("*/modalias"):
            text = path.read_text().strip()
            if text:
                found.add(text)
    return sorted(found)


class Modules:
    """What was loaded so far. Devices come one after the other (a controller shows its disks some time after its module was
    loaded, a bus its sticks): whoever waits for one asks again and again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        index = folder / "index.json"
        self._folder = folder
        self._about = json.loads(index.read_text()) if index.is_file() else {"needs": {}, "aliases": []}
        self._loaded: set[str] = set()
        self._seen: set[str] = set()

    async def load(self) -> None:
        """Whatever is needed for the devices that are there now; a module that cannot be loaded is left out."""
        await self._insert(self._about.get("always", ()))
        for _ in range(ROUNDS):
            fresh = [device for device in devices() if device not in self._seen]
            self._seen.update(fresh)
            if not await self._insert(asked_for(fresh, self._about["aliases"])):
                return

    async def _insert(self, names: Iterable[str]) -> bool:
        """All by one process: starting one for each would take longer than the modules do."""
        files: list[str] = []
        for name in names:
            needed = self._about["needs"].get(name.replace("-", "_"), ())
            files += [file for file in needed if file not in self._loaded and file not in files]
        self._loaded.update(files)
        if files:
            script = 'for file; do insmod "$file"; done'
            await run(["sh", "-c", script, "sh", *(self._folder / file for file in files)], deadline=120, check=False)
        return bool(files)
