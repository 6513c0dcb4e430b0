"""`protocols lldp`: lldpd, told over its own socket. Ports come and go: `refresh` tells it the names of those that are there."""

from __future__ import annotations

from ..devices import kernel_name, router_name
from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/lldpd.conf"
SOCKET = "/run/lldpd.socket"
PROGRAM = "/usr/sbin/lldpd"
READY = 30.0
"""Seconds that lldpd may take to listen; 1 or 2 under emulation."""


def render(tree: Tree, world: Machine) -> Part:
    lldp = tree.get("protocols", {}).get("lldp", {})
    listed = lldp.get("interface", {})
    named = [name for name, entry in listed.items() if name != "all" and "disable" not in entry]
    every = "all" in listed and "disable" not in listed["all"]
    if "disable" in lldp or not (named or every):
        return Part(data=None)
    patterns = ["ge-*", "fxp0"] if every else sorted(kernel_name(name) for name in named)
    # A name is taken as it is even for an interface that lldpd finds too virtual, as tunnels are.
    patterns += [f"!{kernel_name(name)}" for name, entry in sorted(listed.items()) if "disable" in entry and name != "all"]
    interval = lldp.get("advertisement-interval", "30")
    lines = [f"configure lldp tx-interval {interval}", f"configure lldp tx-hold {lldp.get('hold-multiplier', '4')}"]
    if "management-address" in lldp:
        lines.append(f"configure system ip management pattern {lldp['management-address']}")
    name = tree.get("system", {}).get("host-name")
    lines += [f"configure system hostname {name}"] if name else []
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o644)}, {"interfaces": patterns, "ports": _ports(world)})


def _ports(world: Machine) -> list[str]:
    return [name for name in world.names("/sys/class/net") if name.startswith("ge-") and "." not in name]


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if new.data is None:
        engine.supervisor.stop("lldpd")
        engine.world.remove(CONFIG)
        return
    changed = engine.put_files(None, new)
    # -d: in the foreground (the supervisor's child); -I: also interfaces without a driver of their own.
    argv = [PROGRAM, "-d", "-u", SOCKET, "-O", CONFIG, "-S", "Rackless reference router", "-I", ",".join(new.data["interfaces"])]
    if changed and old is not None:
        engine.supervisor.stop("lldpd")  # it reads its file at its start only; neighbours are heard again within an interval
    engine.supervisor.ensure(Daemon("lldpd", argv, ready=SOCKET))
    refresh(engine, new)


def refresh(engine: Engine, part: Part) -> None:
    """Tell the names of the ports that are there, as the router calls them. Happens behind the user's back."""
    if part.data is None:
        return
    ports = _ports(engine.world)
    if not engine.world.live:
        _tell(engine, ports)
        return
    import threading

    def wait() -> None:
        if engine.supervisor.wait_ready("lldpd", READY):
            _tell(engine, ports)

    threading.Thread(target=wait, name="lldp", daemon=True).start()


def _tell(engine: Engine, ports: list[str]) -> None:
    lines = [f"configure ports {kernel} lldp portidsubtype local {router_name(kernel)}" for kernel in ports]
    if lines:
        engine.world.run(["lldpcli", "-u", SOCKET], "\n".join(lines) + "\n")
