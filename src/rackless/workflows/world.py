"""What every workflow works on. One a process, set by the wiring before a workflow can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DefectError
from rackless.model.site import Site
from rackless.providers.contract import Provider
from rackless.settings import Settings
from rackless.store.database import Database
from rackless.workflows.booting import Booting
from rackless.workflows.consoles import Consoles
from rackless.workflows.driving import Driver
from rackless.workflows.progress import Progress


@dataclass(frozen=True, kw_only=True)
class World:
    """`driver`: by family name. `server`: this one's name among those that share the store; the same at its next start."""

    server: str
    settings: Settings
    site: Site
    provider: Provider
    database: Database
    progress: Progress
    consoles: Consoles
    driver: Callable[[str], Driver]
    booting: Booting

    @property
    def transcripts(self) -> Path:
        return self.settings.state / "transcripts"

    @property
    def saved(self) -> Path:
        """Where `save` puts configurations until they are fetched; a directory a lab."""
        return self.settings.state / "saved"

    @property
    def forwarded(self) -> bool:
        return self.provider.info.management == "forwarded"


_worlds: list[World] = []


def use(world: World) -> None:
    _worlds[:] = [world]


def world() -> World:
    if not _worlds:
        raise DefectError("A workflow ran before the wiring.")
    return _worlds[0]


def boot_id() -> str:
    """Which boot of this machine this is (Linux: random/boot_id)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
