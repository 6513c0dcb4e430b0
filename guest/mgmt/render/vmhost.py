"""`vmhost`: told to the VM host below this router. Where there is none, the statement is kept and means nothing."""

from __future__ import annotations

from ..hostport import find_port
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

SUPER_USER = 3
TRIES = 6
BETWEEN = 10.0
"""Seconds between two tries at start-up, when the host itself may still be coming up."""


def render(tree: Tree, world: Machine) -> Part:
    return Part(data={"auto-recovery": "no-auto-recovery" not in tree.get("vmhost", {})})


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    """At start-up the host is told beside all else: a host that does not answer holds no router up. A commit waits for it."""
    if find_port(engine.world) is None:
        return
    from ..vmhost import line_of

    line_of(engine.world).recovers = new.data["auto-recovery"]
    if old is None:
        import threading

        threading.Thread(target=_at_start, args=(engine,), daemon=True).start()
    elif old.data != new.data:
        _tell(engine)


def _tell(engine: Engine) -> None:
    from ..refused import Refused
    from ..vmhost import line_of

    line = line_of(engine.world)
    try:
        line.ask("root", SUPER_USER, "auto-recovery", {"on": line.recovers})
    except Refused as error:
        raise Failed(f"vmhost: {error.lines[0].removeprefix('error: ')}") from None


def _at_start(engine: Engine) -> None:
    import time

    for left in reversed(range(TRIES)):
        try:
            _tell(engine)
            return
        except Failed as error:
            if not left:
                engine.log(f"configuration at start: {error}")
                return
        time.sleep(BETWEEN)
