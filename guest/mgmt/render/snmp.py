"""`snmp`: net-snmp's agent. It runs only when a community is configured; there is no default one."""

from __future__ import annotations

from system.product import OBJECT_ID, description

from ..devices import interfaces, logicals, unit_of
from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

RELEASE = "/usr/lib/rackless-router/version"
"""File of one line that the image's builder writes."""
CONFIG = "/etc/snmp/snmpd.conf"
SILENT = "/etc/snmp/no-traps"
"""Interfaces and units without linkUp and linkDown, one a line, for the router's sub-agent."""
PART = "/usr/lib/rackless-router/snmp/snmpd.conf.part"
"""Further lines of the image: what the router says it is, and the socket of its sub-agent."""

MODULES = (
    "vacm_conf usmConf snmpEngine snmpMPDStats usmStats usmUser system_mib sysORTable snmp_mib"
    " interface ip ip_scalars ipSystemStatsTable"
    " snmpTargetAddrEntry_data snmpTargetParamsEntry_data snmpNotifyTable_data snmpNotifyTable snmpNotifyFilterTable_data_storage"
    " snmpNotifyFilterTable snmpNotifyFilterProfileTable_data snmpNotifyFilterProfileTable"
    " icmp tcp tcpTable tcpConnectionTable tcpListenerTable udp udpTable udpEndpointTable"
)
"""Modules of snmpd that are started: SNMPv2-MIB, SNMP-FRAMEWORK-MIB, the scalars of IP-MIB, TCP-MIB, UDP-MIB; and
SNMP-NOTIFICATION-MIB, by whose filters trap groups get the categories that they ask for. Without the
others it starts in half the time, has no tables with Linux's names of interfaces before the sub-agent is there, and does not
listen on TCP port 199 (smux)."""


def render(tree: Tree, world: Machine) -> Part:
    snmp = tree.get("snmp", {})
    communities = snmp.get("community", {})
    if not communities and not snmp.get("v3", {}).get("usm") and not snmp.get("trap-group"):
        return Part(data=False)
    lines = ["# Made by the router's configuration: snmp", "agentAddress udp:161,udp6:[::]:161"]
    lines += _communities(snmp, communities) + _views(snmp) + _v3(snmp) + _traps(tree)
    release = (world.read(RELEASE) or "").strip()
    lines.append(f"sysDescr {snmp.get('description') or description(release)}")
    lines.append("sysObjectID ." + ".".join(map(str, OBJECT_ID)))
    for statement, directive in (("location", "sysLocation"), ("contact", "sysContact")):
        if statement in snmp:
            lines.append(f"{directive} {snmp[statement]}")
    name = snmp.get("name", tree.get("system", {}).get("host-name"))
    if name:
        lines.append(f"sysName {name}")
    more = world.read(PART)
    lines += [] if more is None else more.splitlines()
    silent = "".join(f"{name}\n" for name in _silent(tree))
    return Part({CONFIG: ("\n".join(lines) + "\n", 0o600), SILENT: (silent, 0o644)}, True)


def _silent(tree: Tree) -> list[str]:
    found = [name for name, entry in interfaces(tree).items() if "no-traps" in entry]
    return sorted(found + [name for name, _, unit in logicals(tree) if "no-traps" in unit])


def _communities(snmp: Tree, communities: Tree) -> list[str]:
    """A line for each community and source. Prefixes with `restrict` are left out; one inside an allowed prefix can't be."""
    lines = []
    for name, entry in sorted(communities.items()):
        verb = "rwcommunity" if entry.get("authorization") == "read-write" else "rocommunity"
        clients = dict(entry.get("clients", {}).get("client", {}))
        clients |= snmp.get("client-list", {}).get(entry.get("client-list-name", ""), {}).get("client", {})
        view = f" -V {entry['view']}" if "view" in entry else ""
        if not clients:
            # -V must follow a source and an OID's place.
            lines += (
                [f'{verb} "{name}" default{view}', f'{verb}6 "{name}" default{view}']
                if view
                else [f'{verb} "{name}"', f'{verb}6 "{name}"']
            )
        for prefix, options in clients.items():
            if "restrict" not in options:
                lines.append(f'{verb}{"6" if ":" in prefix else ""} "{name}" {prefix}{view}')
    return lines


def _views(snmp: Tree) -> list[str]:
    return [
        f"view {name} {'excluded' if 'exclude' in options else 'included'} {oid if oid.startswith('.') else '.' + oid}"
        for name, entry in sorted(snmp.get("view", {}).items())
        for oid, options in entry.get("oid", {}).items()
    ]


AUTHENTICATION = {
    "authentication-md5": "MD5",
    "authentication-sha": "SHA",
    "authentication-sha224": "SHA-224",
    "authentication-sha256": "SHA-256",
    "authentication-sha384": "SHA-384",
    "authentication-sha512": "SHA-512",
}
PRIVACY = {"privacy-des": "DES", "privacy-aes128": "AES"}
LEVELS = {"none": "noauth", "authentication": "auth", "privacy": "priv"}
MODELS = {"usm": "usm", "v1": "v1", "v2c": "v2c", "any": "any"}


def _v3(snmp: Tree) -> list[str]:
    """Users, groups and access, in net-snmp's words for the same tables (RFC 3414, RFC 3415)."""
    v3 = snmp.get("v3", {})
    lines = []
    for name, user in sorted(v3.get("usm", {}).get("local-engine", {}).get("user", {}).items()):
        words = ["createUser", name]
        for table, key in ((AUTHENTICATION, "authentication-password"), (PRIVACY, "privacy-password")):
            for kind in table:
                if kind in user:
                    words += [table[kind], f'"{user[kind][key]}"']
        lines.append(" ".join(words))
    vacm = v3.get("vacm", {})
    for model, entry in vacm.get("security-to-group", {}).get("security-model", {}).items():
        lines += [
            f"group {options['group']} {MODELS[model]} {name}"
            for name, options in entry.get("security-name", {}).items()
            if "group" in options
        ]
    for group, entry in vacm.get("access", {}).get("group", {}).items():
        for model, levels in entry.get("default-context-prefix", {}).get("security-model", {}).items():
            for level, views in levels.get("security-level", {}).items():
                read, write, notify = (views.get(f"{kind}-view", "none") for kind in ("read", "write", "notify"))
                lines.append(f'access {group} "" {MODELS[model]} {LEVELS[level]} exact {read} {write} {notify}')
    return lines


CATEGORIES = {
    "authentication": ("1.3.6.1.6.3.1.1.5.5",),
    "link": ("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"),
    "routing": ("1.3.6.1.2.1.14", "1.3.6.1.2.1.15"),
    "startup": ("1.3.6.1.6.3.1.1.5.1", "1.3.6.1.6.3.1.1.5.2"),
}
"""Trap categories by the notifications of theirs that there are: SNMPv2-MIB, IF-MIB, OSPF-TRAP-MIB, BGP4-MIB."""
OWN_OF_NET_SNMP = "1.3.6.1.4.1.8072"
"""Its notifications of being stopped and reloaded are of no category."""


def _source(tree: Tree) -> str:
    """The address that notifications come from, "" for that of the interface on the way; an interface stands for its first."""
    source = str(tree["snmp"].get("trap-options", {}).get("source-address", ""))
    if not source or ":" in source or source.replace(".", "").isdecimal():
        return source
    families = unit_of(tree, source).get("family", {})
    found = [*families.get("inet", {}).get("address", {}), *families.get("inet6", {}).get("address", {})]
    return str(found[0]).partition("/")[0] if found else ""


def _traps(tree: Tree) -> list[str]:
    """Each group has a filter profile of its own name. One without categories gets all."""
    groups = tree["snmp"].get("trap-group", {})
    lines = ["authtrapenable 1"] if groups else []
    source = _source(tree)
    if source:
        lines += [f"clientaddr {source}", *([f"v1trapaddress {source}"] if ":" not in source else [])]
    for group, entry in sorted(groups.items()):
        chosen = entry.get("categories", {})
        wanted = [oid for category in chosen for oid in CATEGORIES.get(category, ())] if chosen else ["1.3"]
        lines += [f"notificationFilter {group} .{oid} 0x00 included" for oid in wanted]
        lines.append(f"notificationFilter {group} .{OWN_OF_NET_SNMP} 0x00 excluded")
        version = entry.get("version", "all")
        for target in entry.get("targets", {}).get("target", {}):
            place = f"{'udp6:[' + target + ']' if ':' in target else target}:{entry.get('destination-port', '162')}"
            lines += [f"trapsink -profile {group} {place} {group}"] if version in ("v1", "all") else []
            lines += [f"trap2sink -profile {group} {place} {group}"] if version in ("v2", "all") else []
    return lines


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("snmpd")
        engine.world.remove(CONFIG)
        engine.world.remove(SILENT)
        return
    changed = engine.put_files(None, new)
    # -m: no textual MIBs. -C keeps snmpd from snmp.conf, which says the same to others that use its library.
    # One -I a module: snmpd takes a list apart in place, and the supervisor could not tell its command line any more.
    modules = [word for module in MODULES.split() for word in ("-I", module)]
    argv = ["/usr/sbin/snmpd", "-f", "-LOw", "-m", "", *modules, "-C", "-c", CONFIG, "-p", "/run/snmpd.pid"]
    if not engine.supervisor.ensure(Daemon("snmpd", argv, ready="/run/snmpd.pid", reload=True)) and changed:
        engine.supervisor.reload("snmpd")
