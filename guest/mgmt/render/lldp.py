"""`protocols lldp`: lldpd, told over its own socket. Ports come and go: `refresh` tells it the names of those that are there."""

from __future__ import annotations

import threading

from system.ports import kernel_name, router_name
from system.product import TITLE

from ..devices import interfaces
from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/lldpd.conf"
SOCKET = "/run/lldpd.socket"
PROGRAM = "/usr/sbin/lldpd"
NONE = "none"
"""A pattern that no interface has: lldpd reads an empty one as all."""
READY = 30.0
"""Seconds that lldpd may take to listen; 1 or 2 under emulation."""
_TELLING = threading.Lock()


def render(tree: Tree, world: Machine) -> Part:
    lldp = tree.get("protocols", {}).get("lldp", {})
    listed = lldp.get("interface", {})
    named = [name for name, entry in listed.items() if name != "all" and "disable" not in entry]
    every = "all" in listed and "disable" not in listed["all"]
    if "disable" in lldp or not (named or every):
        return Part(data=None)
    # chosen: the interfaces that take part, None for all but those of `without`
    without = {kernel_name(name) for name, entry in listed.items() if "disable" in entry}
    chosen = None if every else sorted(kernel_name(name) for name in named)
    texts = {kernel_name(name): entry.get("description", name) for name, entry in interfaces(tree).items()}
    interval = lldp.get("advertisement-interval", "30")
    lines = [f"configure lldp tx-interval {interval}", f"configure lldp tx-hold {lldp.get('hold-multiplier', '4')}"]
    if "management-address" in lldp:
        lines.append(f"configure system ip management pattern {lldp['management-address']}")
    name = tree.get("system", {}).get("host-name")
    lines += [f"configure system hostname {name}"] if name else []
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o644)}, {"chosen": chosen, "without": without, "texts": texts})


def _ports(world: Machine, wish: dict[str, Any]) -> list[str]:
    """Those that are there. lldpd takes an interface that it finds too virtual, as tunnels are, by its whole name only."""
    there = [name for name in world.names("/sys/class/net") if (name.startswith("ge-") and "." not in name) or name == "fxp0"]
    return [name for name in sorted(there) if name not in wish["without"] and (wish["chosen"] is None or name in wish["chosen"])]


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if new.data is None:
        engine.supervisor.stop("lldpd")
        engine.world.remove(CONFIG)
        return
    changed = engine.put_files(None, new)
    # -d: in the foreground (the supervisor's child); which interfaces take part is told when it listens.
    argv = [PROGRAM, "-d", "-u", SOCKET, "-O", CONFIG, "-S", TITLE, "-I", NONE]
    if changed and old is not None:
        engine.supervisor.stop("lldpd")  # it reads its file at its start only; neighbours are heard again within an interval
    engine.supervisor.ensure(Daemon("lldpd", argv, ready=SOCKET))
    refresh(engine, new)


def refresh(engine: Engine, part: Part) -> None:
    """Tell the names of the ports that are there, as the router calls them. Happens behind the user's back."""
    if part.data is None:
        return
    if not engine.world.live:
        _tell(engine, _ports(engine.world, part.data), part.data["texts"])
        return

    def wait() -> None:
        if engine.supervisor.wait_ready("lldpd", READY):
            with _TELLING:
                # The ports of now: of two that have waited together, the one that began first may be the last to tell.
                _tell(engine, _ports(engine.world, part.data), part.data["texts"])

    threading.Thread(target=wait, name="lldp", daemon=True).start()


def _tell(engine: Engine, ports: list[str], texts: dict[str, str]) -> None:
    lines = [f"configure system interface pattern {','.join(ports) or NONE}"]
    for kernel in ports:
        name = router_name(kernel) or kernel
        lines.append(f"configure ports {kernel} lldp portidsubtype local {name} description {_quoted(texts.get(kernel, name))}")
    engine.world.run(["lldpcli", "-u", SOCKET], "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'
