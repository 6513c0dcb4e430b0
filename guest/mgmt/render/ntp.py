"""`system ntp`: chrony."""

from __future__ import annotations

from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/chrony/chrony.conf"


def render(tree: Tree, world: Machine) -> Part:
    servers = tree.get("system", {}).get("ntp", {}).get("server", {})
    if not servers:
        return Part(data=False)
    lines = [f"server {name} iburst" + (" prefer" if "prefer" in options else "") for name, options in sorted(servers.items())]
    lines += ["driftfile /var/lib/chrony/chrony.drift", "makestep 1.0 3", "cmdport 0", "bindcmdaddress /run/chrony/chronyd.sock"]
    return Part({CONFIG: ("# Made by the router's configuration: system ntp\n" + "\n".join(lines) + "\n", 0o644)}, True)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("chronyd")
        return
    changed = engine.put_files(None, new)
    if changed:
        engine.supervisor.stop("chronyd")
    engine.supervisor.ensure(Daemon("chronyd", ["/usr/sbin/chronyd", "-n", "-f", CONFIG], ready="/run/chrony/chronyd.pid"))
