"""`system ntp`: chrony."""

from __future__ import annotations

from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/chrony/chrony.conf"
KEYS = "/etc/chrony/chrony.keys"


def render(tree: Tree, world: Machine) -> Part:
    ntp = tree.get("system", {}).get("ntp", {})
    if not ntp.get("server") and not ntp.get("peer"):
        return Part(data=False)
    lines = [f"server {name} iburst{_options(options)}" for name, options in sorted(ntp.get("server", {}).items())]
    lines += [f"peer {name}{_options(options)}" for name, options in sorted(ntp.get("peer", {}).items())]
    files = {}
    if ntp.get("authentication-key"):
        keys = sorted(ntp["authentication-key"].items(), key=lambda item: int(item[0]))
        rows = [f"{number} {entry.get('type', 'md5').upper()} ASCII:{entry.get('value', '')}" for number, entry in keys]
        files[KEYS] = ("\n".join(rows) + "\n", 0o640)
        lines.append(f"keyfile {KEYS}")
    if "source-address" in ntp:
        lines.append(f"bindacqaddress {ntp['source-address']}")
    lines += ["driftfile /var/lib/chrony/chrony.drift", "makestep 1.0 3", "cmdport 0", "bindcmdaddress /run/chrony/chronyd.sock"]
    return Part({**files, CONFIG: ("# Made by the router's configuration: system ntp\n" + "\n".join(lines) + "\n", 0o644)}, True)


def _options(options: Tree) -> str:
    words = [f" {word} {options[key]}" for key, word in (("key", "key"), ("version", "version")) if key in options]
    return (" prefer" if "prefer" in options else "") + "".join(words)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("chronyd")
        return
    changed = engine.put_files(old, new)
    if changed:
        engine.supervisor.stop("chronyd")
    engine.supervisor.ensure(Daemon("chronyd", ["/usr/sbin/chronyd", "-n", "-f", CONFIG], ready="/run/chrony/chronyd.pid"))
