"""`snmp`: net-snmp's agent. It runs only when a community is configured; there is no default one."""

from __future__ import annotations

from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/snmp/snmpd.conf"
PART = "/usr/lib/rackless-router/snmp/snmpd.conf.part"
"""Further lines of the image: what the router says it is, and the socket of its sub-agent."""

MODULES = (
    "vacm_conf usmConf snmpEngine snmpMPDStats usmStats usmUser system_mib sysORTable snmp_mib"
    " interface ip ip_scalars ipAddressTable ipAddressPrefixTable ipDefaultRouterTable inetNetToMediaTable ipSystemStatsTable"
    " ipIfStatsTable ipv6ScopeZoneIndexTable ipCidrRouteTable inetCidrRouteTable"
    " icmp tcp tcpTable tcpConnectionTable tcpListenerTable udp udpTable udpEndpointTable"
)
"""Modules of snmpd that are started: SNMPv2-MIB, SNMP-FRAMEWORK-MIB, IP-MIB, IP-FORWARD-MIB, TCP-MIB, UDP-MIB. Without the
others it starts in half the time, has no tables with Linux's names of interfaces before the sub-agent is there, and does not
listen on TCP port 199 (smux)."""


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
    lines += [] if more is None else more.splitlines()
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o600)}, True)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("snmpd")
        engine.world.remove(CONFIG)
        return
    changed = engine.put_files(None, new)
    # -m: no textual MIBs. -C keeps snmpd from snmp.conf, which says the same to others that use its library.
    # One -I a module: snmpd takes a list apart in place, and the supervisor could not tell its command line any more.
    modules = [word for module in MODULES.split() for word in ("-I", module)]
    argv = ["/usr/sbin/snmpd", "-f", "-LOw", "-m", "", *modules, "-C", "-c", CONFIG, "-p", "/run/snmpd.pid"]
    if not engine.supervisor.ensure(Daemon("snmpd", argv, ready="/run/snmpd.pid", reload=True)) and changed:
        engine.supervisor.reload("snmpd")
