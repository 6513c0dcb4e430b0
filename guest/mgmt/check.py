"""Validation that needs more than one statement. Pure: a tree in, a list of problems out."""

from __future__ import annotations

import ipaddress

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
    problems = list(_mandatory(tree, schema, ""))
    if "system" not in tree:
        problems.insert(0, Problem("", "system", "Missing mandatory statement: 'root-authentication'"))
    for rule in (_interfaces, _users, _static, _ospf, _bgp, _isis):
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


def units(tree: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """(interface, its tree, its unit 0) of every interface."""
    for name, entry in tree.get("interfaces", {}).get("interface", {}).items():
        yield name, entry, entry.get("unit", {}).get("0", {})


def _interfaces(tree: Tree) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, entry, unit in units(tree):
        path = f"interfaces {name}"
        family = unit.get("family", {})
        inet = family.get("inet", {})
        if "dhcp" in inet and name != "fxp0":
            yield Problem(f"{path} unit 0 family inet", "dhcp", "DHCP is possible on fxp0 only")
        if "dhcp" in inet and "address" in inet:
            yield Problem(f"{path} unit 0 family inet", "dhcp", "An address and DHCP can't be used together")
        if "mtu" in entry and name == "lo0":
            yield Problem(path, "mtu", "The loopback interface has no MTU")
        if "inet6" in family and int(entry.get("mtu", 1514)) < 1294:
            yield Problem(path, "mtu", "IPv6 needs an MTU of at least 1294 (1280 and 14 bytes of Ethernet header)")
        if "iso" in family and name == "fxp0":
            yield Problem(f"{path} unit 0 family", "iso", "IS-IS can't run on the management interface")
        for kind in ("inet", "inet6"):
            for address in family.get(kind, {}).get("address", {}):
                bare = address.split("/")[0]
                if bare in seen:
                    yield Problem(f"{path} unit 0 family {kind}", f"address {address}", f"{bare} is already on {seen[bare]}")
                elif ipaddress.ip_address(bare) in ipaddress.ip_network("128.0.0.0/16"):
                    yield Problem(
                        f"{path} unit 0 family {kind}", f"address {address}", "128.0.0.0/16 is the router's internal network"
                    )
                elif ipaddress.ip_address(bare).is_loopback:
                    yield Problem(f"{path} unit 0 family {kind}", f"address {address}", "A loopback address is not possible here")
                seen.setdefault(bare, name)


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


def _static(tree: Tree) -> Iterator[Problem]:
    for prefix, route in tree.get("routing-options", {}).get("static", {}).get("route", {}).items():
        path = "routing-options static"
        if "next-hop" not in route and "discard" not in route:
            yield Problem(path, f"route {prefix}", "Missing mandatory statement: 'next-hop' or 'discard'")
        for hop in route.get("next-hop", ()):
            if (":" in hop) != (":" in prefix):
                yield Problem(
                    f"{path} route {prefix}", f"next-hop {hop}", "the next hop and the prefix are of different families"
                )


def _ospf(tree: Tree) -> Iterator[Problem]:
    for protocol in ("ospf", "ospf3"):
        seen: dict[str, str] = {}
        for area, entry in tree.get("protocols", {}).get(protocol, {}).get("area", {}).items():
            for name, interface in entry.get("interface", {}).items():
                path = f"protocols {protocol} area {area}"
                if name in seen:
                    yield Problem(path, f"interface {name}", f"this interface is already in area {seen[name]}")
                seen[name] = area
                hello, dead = int(interface.get("hello-interval", 10)), int(interface.get("dead-interval", 40))
                if "dead-interval" in interface and dead <= hello:
                    yield Problem(f"{path} interface {name}", "dead-interval", f"must be more than the hello interval, {hello} s")


def _bgp(tree: Tree) -> Iterator[Problem]:
    own = tree.get("routing-options", {}).get("autonomous-system")
    groups = tree.get("protocols", {}).get("bgp", {}).get("group", {})
    if groups and own is None:
        yield Problem("protocols", "bgp", "BGP needs 'routing-options autonomous-system'")
    seen: dict[str, str] = {}
    for name, group in groups.items():
        for neighbor, entry in group.get("neighbor", {}).items():
            path = f"protocols bgp group {quote(name)}"
            peer = entry.get("peer-as", group.get("peer-as"))
            internal = group.get("type") == "internal"
            if not internal and peer is None:
                yield Problem(path, f"neighbor {neighbor}", "Missing mandatory statement: 'peer-as' (or 'type internal')")
            if not internal and group.get("type") == "external" and peer is not None and peer == own:
                yield Problem(path, f"neighbor {neighbor}", f"peer-as {peer} is our own, but the group is external")
            if internal and peer is not None and peer != own:
                yield Problem(path, f"neighbor {neighbor}", f"peer-as {peer} is not our own, but the group is internal")
            if neighbor in seen:
                yield Problem(path, f"neighbor {neighbor}", f"this neighbor is already in group {seen[neighbor]}")
            seen[neighbor] = name
            local = entry.get("local-address", group.get("local-address"))
            if local is not None and (":" in local) != (":" in neighbor):
                yield Problem(path, f"neighbor {neighbor}", "local-address is of another family")


def _isis(tree: Tree) -> Iterator[Problem]:
    if not tree.get("protocols", {}).get("isis", {}).get("interface"):
        return
    if net(tree) is None:
        yield Problem("protocols", "isis", "IS-IS needs an ISO address on lo0 (interfaces lo0 unit 0 family iso address ...)")


def net(tree: Tree) -> str | None:
    """The ISO address of the router: lo0's, or the first one of any interface."""
    found = None
    for name, _, unit in units(tree):
        for address in unit.get("family", {}).get("iso", {}).get("address", {}):
            if name == "lo0":
                return str(address)
            found = found or str(address)
    return found
