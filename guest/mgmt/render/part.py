"""What rendering makes: files, and data for the module's own apply."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..supervisor import Supervisor
    from ..world import Machine


class Failed(Exception):
    """The configuration can't be put to work: one sentence."""


class Part:
    """`files`: path -> (text, mode). `data`: whatever the module needs, compared with ==."""

    __slots__ = ("data", "files")

    def __init__(self, files: dict[str, tuple[str, int]] | None = None, data: Any = None) -> None:
        self.files = files or {}
        self.data = data

    def same(self, other: Part | None) -> bool:
        return other is not None and self.files == other.files and self.data == other.data


class Engine:
    """What `apply` works with."""

    __slots__ = ("log", "supervisor", "world")

    def __init__(self, world: Machine, supervisor: Supervisor, log: Callable[[str], None]) -> None:
        self.world = world
        self.supervisor = supervisor
        self.log = log

    def put_files(self, old: Part | None, new: Part) -> bool:
        """Write the files that differ from the disk, remove those that only `old` had; True when anything changed."""
        changed = False
        for path, (text, mode) in new.files.items():
            if self.world.read(path) != text:
                self.world.write(path, text, mode)
                changed = True
        for path in old.files if old is not None else ():
            if path not in new.files:
                self.world.remove(path)
                changed = True
        return changed
