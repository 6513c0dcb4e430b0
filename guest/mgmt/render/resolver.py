"""`system name-server`, `domain-name`, `domain-search`: resolv.conf(5). Without any, what a DHCP server told stays."""

from __future__ import annotations

from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/resolv.conf"
MOST = 3
"""Name servers that the C library looks at (resolv.conf(5))."""


def render(tree: Tree, world: Machine) -> Part:
    system = tree.get("system", {})
    domains = [*([system["domain-name"]] if "domain-name" in system else []), *system.get("domain-search", ())]
    servers = system.get("name-server", [])
    if not domains and not servers:
        return Part(data=None)
    lines = [f"search {' '.join(dict.fromkeys(domains))}"] if domains else []
    lines += [f"nameserver {server}" for server in servers[:MOST]]
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o644)}, True)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    engine.put_files(old, new)
