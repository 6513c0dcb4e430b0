"""`system time-zone`."""

from __future__ import annotations

import time

from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

ZONES = "/usr/share/zoneinfo"


def render(tree: Tree, world: Machine) -> Part:
    zone = tree.get("system", {}).get("time-zone", "UTC")
    data = world.read_bytes(f"{ZONES}/{zone}")
    if data is None and zone != "UTC":
        raise Failed(f"time-zone: '{zone}' is not a time zone this router knows")
    return Part({"/etc/timezone": (zone + "\n", 0o644)}, data)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    engine.put_files(old, new)
    if new.data is None:
        engine.world.remove("/etc/localtime")
    elif engine.world.read_bytes("/etc/localtime") != new.data:
        engine.world.write_bytes("/etc/localtime", new.data)
    time.tzset()
