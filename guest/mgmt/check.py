"""Validation that needs more than one statement. Pure: a tree in, a list of problems out."""

from __future__ import annotations

import ipaddress

from .devices import aggregates, instances, interfaces, logicals, tagged, vrf_of
from .nodes import CONTAINER, LIST, Node
from .tokens import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree


class Problem:
    """`path`: the level, as typed. `statement`: what is wrong there. `reason`: one sentence."""

    __slots__ = ("path", "reason", "statement")

    def __init__(self, path: str, statement: str, reason: str) -> None:
        self.path = path
        self.statement = statement
        self.reason = reason

    def lines(self) -> list[str]:
        head = f"[edit {self.path}]" if self.path else "[edit]"
        return [head, f"  '{self.statement}'", f"    {self.reason}"]


def check(tree: Tree, schema: Node) -> list[Problem]:
    """Every problem of a configuration; empty when it can be committed."""
    from . import references

    problems = list(_mandatory(tree, schema, ""))
    if "system" not in tree:
        problems.insert(0, Problem("", "system", "Missing mandatory statement: 'root-authentication'"))
    for rule in (_interfaces, _users, _static, _ospf, _bgp, _isis, *references.RULES):
        problems.extend(rule(tree))
    return problems


def _mandatory(tree: Tree, schema: Node, path: str) -> Iterator[Problem]:
    for child in schema.children:
        if child.mandatory and child.name not in tree:
            above, _, last = path.rpartition(" ")
            yield Problem(above, last or "system", f"Missing mandatory statement: '{child.name}'")
    for child in schema.children:
        if child.name not in tree:
            continue
        if child.kind == CONTAINER:
            yield from _mandatory(tree[child.name], child, f"{path} {child.name}".strip())
        elif child.kind == LIST:
            for key, entry in tree[child.name].items():
                head = quote(key) if child.bare else f"{child.name} {quote(key)}"
                yield from _mandatory(entry, child, f"{path} {head}".strip())


def _interfaces(tree: Tree) -> Iterator[Problem]:
    seen: dict[tuple[str | None, str], str] = {}
    for name, entry in interfaces(tree).items():
        yield from _port(tree, name, entry)
    for logical, entry, unit in logicals(tree):
        name, _, number = logical.partition(".")
        path = f"interfaces {name} unit {number}"
        yield from _unit(logical, path, entry, unit)
        for kind in ("inet", "inet6"):
            for address in unit.get("family", {}).get(kind, {}).get("address", {}):
                bare, place = address.split("/")[0], f"{path} family {kind}"
                key = (vrf_of(tree, logical), bare)
                if key in seen:
                    other = seen[key].removesuffix(".0")
                    yield Problem(place, f"address {address}", f"{bare} is already on {other}")
                elif ipaddress.ip_address(bare) in ipaddress.ip_network("128.0.0.0/16"):
                    yield Problem(place, f"address {address}", "128.0.0.0/16 is the router's internal network")
                elif ipaddress.ip_address(bare).is_loopback:
                    yield Problem(place, f"address {address}", "A loopback address is not possible here")
                seen.setdefault(key, logical)


def _port(tree: Tree, name: str, entry: Tree) -> Iterator[Problem]:
    path = f"interfaces {name}"
    units = entry.get("unit", {})
    if "mtu" in entry and name == "lo0":
        yield Problem(path, "mtu", "The loopback interface has no MTU")
    if any("inet6" in unit.get("family", {}) for unit in units.values()) and int(entry.get("mtu", 1514)) < 1294:
        yield Problem(path, "mtu", "IPv6 needs an MTU of at least 1294 (1280 and 14 bytes of Ethernet header)")
    if any(key in entry for key in ("vlan-tagging", "flexible-vlan-tagging")) and not name.startswith(("ge-", "ae")):
        yield Problem(path, "vlan-tagging", "VLAN tags are possible on Ethernet ports and aggregates only")
    if name.startswith("ae") and name not in aggregates(tree):
        count = len(aggregates(tree))
        yield Problem(
            "interfaces", name, f"the chassis has {count} aggregates (chassis aggregated-devices ethernet device-count)"
        )
    bundle = entry.get("gigether-options", {}).get("802.3ad", {}).get("bundle")
    if bundle is not None:
        if not name.startswith("ge-"):
            yield Problem(path, "gigether-options", "only a ge- port can be a member of an aggregate")
        if bundle not in aggregates(tree):
            yield Problem(f"{path} gigether-options", f"802.3ad {bundle}", f"{bundle} is not one of the chassis's aggregates")
        if units:
            yield Problem(path, "unit", f"logical interfaces are not possible on a member of {bundle}")
    tags: dict[str, str] = {}
    for number, unit in units.items():
        tag = unit.get("vlan-id", "0")
        if tag in tags and tag != "0":
            yield Problem(f"{path} unit {number}", "vlan-id", f"vlan-id {tag} is already that of unit {tags[tag]}")
        tags[tag] = number


def _unit(logical: str, path: str, entry: Tree, unit: Tree) -> Iterator[Problem]:
    name, _, number = logical.partition(".")
    family = unit.get("family", {})
    inet = family.get("inet", {})
    tagging = "vlan-tagging" in entry or "flexible-vlan-tagging" in entry
    if "dhcp" in inet and logical != "fxp0.0":
        yield Problem(f"{path} family inet", "dhcp", "DHCP is possible on fxp0 only")
    if "dhcp" in inet and "address" in inet:
        yield Problem(f"{path} family inet", "dhcp", "An address and DHCP can't be used together")
    if "iso" in family and name == "fxp0":
        yield Problem(f"{path} family", "iso", "IS-IS can't run on the management interface")
    if "vlan-id" in unit and not tagging:
        yield Problem(path, "vlan-id", "vlan-id can only be specified on an interface with 'vlan-tagging'")
    elif name not in ("lo0", "irb") and number != "0" and not tagged(unit):
        yield Problem(
            path, f"unit {number}", "a unit other than 0 needs 'vlan-tagging' on the interface and a 'vlan-id' of its own"
        )
    elif "vlan-tagging" in entry and not tagged(unit):
        yield Problem(path, "vlan-id", "Missing mandatory statement: 'vlan-id'")


RESERVED_NAMES = frozenset(
    [
        "daemon",
        "bin",
        "sys",
        "sync",
        "games",
        "man",
        "lp",
        "mail",
        "news",
        "uucp",
        "proxy",
        "www-data",
        "backup",
        "list",
        "irc",
        "gnats",
        "nobody",
        "sshd",
        "frr",
        "snmp",
        "chrony",
        "messagebus",
        "systemd-network",
        "systemd-resolve",
        "_apt",
        "_chrony",
        "debian-snmp",
        "rr-super",
        "rr-operators",
    ]
)


def _users(tree: Tree) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for name, user in tree.get("system", {}).get("login", {}).get("user", {}).items():
        if name == "root":
            yield Problem("system login", "user root", "root is configured by root-authentication")
        elif name in RESERVED_NAMES:
            yield Problem("system login", f"user {name}", "this name belongs to the system")
        uid = user.get("uid")
        if uid is not None:
            if uid in taken:
                yield Problem(f"system login user {name}", "uid", f"uid {uid} is already that of user {taken[uid]}")
            taken.setdefault(uid, name)
        if ":" in user.get("full-name", ""):
            yield Problem(f"system login user {name}", "full-name", "a colon is not allowed")


def _tables(tree: Tree) -> Iterator[tuple[str, str, Tree, Tree]]:
    """(path in front, instance, routing-options, protocols) of the router itself and of its routing instances."""
    yield "", "", tree.get("routing-options", {}), tree.get("protocols", {})
    for name, entry in tree.get("routing-instances", {}).get("instance", {}).items():
        yield f"routing-instances {name} ", name, entry.get("routing-options", {}), entry.get("protocols", {})


def _static(tree: Tree) -> Iterator[Problem]:
    for before, _, options, _ in _tables(tree):
        places = [("", options), *((f" rib {name}", rib) for name, rib in options.get("rib", {}).items())]
        for rib, place in places:
            path = f"{before}routing-options{rib} static"
            for prefix, route in place.get("static", {}).get("route", {}).items():
                hops = [*route.get("next-hop", ()), *route.get("qualified-next-hop", {})]
                if not hops and "discard" not in route and "reject" not in route:
                    yield Problem(path, f"route {prefix}", "Missing mandatory statement: 'next-hop' or 'discard'")
                if rib and rib.endswith("inet6.0") != (":" in prefix):
                    yield Problem(path, f"route {prefix}", "the prefix is not of the table's family")
                for hop in hops:
                    if (":" in hop) != (":" in prefix):
                        yield Problem(
                            f"{path} route {prefix}", f"next-hop {hop}", "the next hop and the prefix are of different families"
                        )


def _ospf(tree: Tree) -> Iterator[Problem]:
    for before, _, _, protocols in _tables(tree):
        for protocol in ("ospf", "ospf3"):
            seen: dict[str, str] = {}
            for area, entry in protocols.get(protocol, {}).get("area", {}).items():
                path = f"{before}protocols {protocol} area {area}"
                if "stub" in entry and ("nssa" in entry or area == "0.0.0.0"):
                    reason = "can't be a stub and an NSSA" if "nssa" in entry else "the backbone can't be a stub area"
                    yield Problem(path, "stub", reason)
                for name, interface in entry.get("interface", {}).items():
                    if name in seen:
                        yield Problem(path, f"interface {name}", f"this interface is already in area {seen[name]}")
                    seen[name] = area
                    yield from _ospf_interface(f"{path} interface {name}", interface)


def _ospf_interface(path: str, interface: Tree) -> Iterator[Problem]:
    hello, dead = int(interface.get("hello-interval", 10)), int(interface.get("dead-interval", 40))
    if "dead-interval" in interface and dead <= hello:
        yield Problem(path, "dead-interval", f"must be more than the hello interval, {hello} s")
    secrets = interface.get("authentication", {})
    for key, entry in secrets.get("md5", {}).items():
        if len(entry.get("key", "")) not in range(1, 17):
            yield Problem(f"{path} authentication", f"md5 {key}", "a key of 1 to 16 characters is needed")
    if len(secrets.get("simple-password", "")) > 8:
        yield Problem(f"{path} authentication", "simple-password", "at most 8 characters are allowed")


def _bgp(tree: Tree) -> Iterator[Problem]:
    common = tree.get("routing-options", {}).get("autonomous-system")
    for before, _, options, protocols in _tables(tree):
        own = options.get("autonomous-system", common)
        bgp = protocols.get("bgp", {})
        if bgp.get("group") and own is None:
            yield Problem(f"{before}protocols".strip(), "bgp", "BGP needs 'routing-options autonomous-system'")
        seen: dict[str, str] = {}
        for name, group in bgp.get("group", {}).items():
            for neighbor, entry in group.get("neighbor", {}).items():
                path = f"{before}protocols bgp group {quote(name)}"
                yield from _peer(path, neighbor, {**bgp, **group, **entry}, own)
                if neighbor in seen:
                    yield Problem(path, f"neighbor {neighbor}", f"this neighbor is already in group {seen[neighbor]}")
                seen[neighbor] = name


def _peer(path: str, neighbor: str, options: Tree, own: str | None) -> Iterator[Problem]:
    peer = options.get("peer-as")
    internal = options.get("type") == "internal"
    local = options.get("local-as", {}).get("as-number", own)
    if not internal and peer is None:
        yield Problem(path, f"neighbor {neighbor}", "Missing mandatory statement: 'peer-as' (or 'type internal')")
    if not internal and options.get("type") == "external" and peer is not None and peer == local:
        yield Problem(path, f"neighbor {neighbor}", f"peer-as {peer} is our own, but the group is external")
    if internal and peer is not None and peer != own:
        yield Problem(path, f"neighbor {neighbor}", f"peer-as {peer} is not our own, but the group is internal")
    address = options.get("local-address")
    if address is not None and (":" in address) != (":" in neighbor):
        yield Problem(path, f"neighbor {neighbor}", "local-address is of another family")
    if " " in options.get("authentication-key", ""):
        yield Problem(path, f"neighbor {neighbor}", "blanks are not possible in authentication-key")
    if options.get("local-as", {}).get("as-number") == own and own is not None and not internal:
        yield Problem(path, f"neighbor {neighbor}", f"local-as {own} is the router's own autonomous system")


def _isis(tree: Tree) -> Iterator[Problem]:
    for before, instance, _, protocols in _tables(tree):
        if protocols.get("isis", {}).get("interface") and net(tree, instance) is None:
            yield Problem(f"{before}protocols".strip(), "isis",
                          "IS-IS needs an ISO address on lo0 (interfaces lo0 unit 0 family iso address ...)")  # fmt: skip


def net(tree: Tree, instance: str = "") -> str | None:
    """The ISO address of a routing table: that of lo0, or the first one of any of its interfaces; else the router's own."""
    found = None
    members = instances(tree).get(instance, {}).get("interface", {}) if instance else None
    for name, _, unit in logicals(tree):
        if members is not None and name not in members:
            continue
        for address in unit.get("family", {}).get("iso", {}).get("address", {}):
            if name.startswith("lo0."):
                return str(address)
            found = found or str(address)
    return found or (net(tree) if instance else None)
