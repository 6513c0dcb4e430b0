"""`system host-name`. Without one, the name that the router was given at its start stays."""

from __future__ import annotations

from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine


def render(tree: Tree, world: Machine) -> Part:
    name = tree.get("system", {}).get("host-name")
    if name is None:
        return Part()
    hosts = f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n"
    return Part({"/etc/hostname": (name + "\n", 0o644), "/etc/hosts": (hosts, 0o644)}, name)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if new.data is None:
        return
    engine.put_files(None, new)
    if not engine.world.live:
        return
    import socket

    try:
        if socket.gethostname() != new.data:
            socket.sethostname(new.data)
    except OSError as error:
        raise Failed(f"host-name: {error.strerror}") from error
