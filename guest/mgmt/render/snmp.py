"""`snmp`: net-snmp's agent. It runs only when a community is configured; there is no default one."""

from __future__ import annotations

from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/snmp/snmpd.conf"
ENTERPRISE = "pass_persist .1.3.6.1.4.1.2636 /usr/lib/rackless-router/snmp/run"
PART = "/usr/lib/rackless-router/snmp/snmpd.conf.part"
"""Further lines of the agent's own subtree, when the image has them."""

WITHOUT = "-smux"
"""Modules of the agent that are left out: smux listens on TCP port 199 of every interface."""


def render(tree: Tree, world: Machine) -> Part:
    snmp = tree.get("snmp", {})
    communities = snmp.get("community", {})
    if not communities:
        return Part(data=False)
    lines = ["# Made by the router's configuration: snmp", "agentAddress udp:161,udp6:[::]:161"]
    for name in sorted(communities):
        lines += [f'rocommunity "{name}"', f'rocommunity6 "{name}"']
    for statement, directive in (("location", "sysLocation"), ("contact", "sysContact")):
        if statement in snmp:
            lines.append(f"{directive} {snmp[statement]}")
    name = tree.get("system", {}).get("host-name")
    if name:
        lines.append(f"sysName {name}")
    more = world.read(PART)
    lines += [ENTERPRISE] if more is None or ENTERPRISE not in more else []
    lines += [] if more is None else more.splitlines()
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o600)}, True)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("snmpd")
        engine.world.remove(CONFIG)
        return
    changed = engine.put_files(None, new)
    argv = ["/usr/sbin/snmpd", "-f", "-LOw", "-I", WITHOUT, "-C", "-c", CONFIG, "-p", "/run/snmpd.pid"]
    if not engine.supervisor.ensure(Daemon("snmpd", argv, ready="/run/snmpd.pid", reload=True)) and changed:
        engine.supervisor.reload("snmpd")
