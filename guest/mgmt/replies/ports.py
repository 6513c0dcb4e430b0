"""The router's interfaces and their units, from the kernel's links and the configuration."""

from __future__ import annotations

import json

from system.ports import ETHERNET_HEADER, router_name, tunnelled

from ..bridging import bridged
from ..devices import device, instances, tagged, vrf_name, vrf_of
from ..tree import natural
from .frr import MASTER
from .reply import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Link = dict[str, Any]
    Tree = dict[str, Any]
    Address = tuple[str, str, int]

PRIVATE = "__juniper_private1__"
"""Name of the routing instance of a chassis' internal network; clients look there for which routing engine they are on."""


class Port:
    """`link`: as `ip -j addr show` has it. `tree`: its configuration. `members`: of an aggregate, by the router's names."""

    def __init__(self, name: str, link: Link, tree: Tree) -> None:
        self.name = name
        self.link = link
        self.tree = tree
        self.units: list[Unit] = []
        self.members: list[str] = []

    @property
    def bundle(self) -> str:
        """The aggregate that it is a member of, or ''."""
        found: str = self.tree.get("gigether-options", {}).get("802.3ad", {}).get("bundle", "")
        return found

    @property
    def states(self) -> tuple[str, str]:
        return states(self.link)


class Unit:
    """A logical interface. `link` is that of the Unix interface that carries it: the port's, a VLAN's, or a VRF's."""

    def __init__(self, port: Port, number: str, link: Link, tree: Tree) -> None:
        self.port = port
        self.name = f"{port.name}.{number}"
        self.link = link
        self.tree = tree

    @property
    def states(self) -> tuple[str, str]:
        admin, carrier = states(self.link)
        return ("down" if "disable" in self.tree else admin), carrier

    @property
    def families(self) -> Tree:
        found: Tree = self.tree.get("family", {})
        return found

    @property
    def tag(self) -> str:
        """Its VLAN's number, or ''."""
        return str(self.tree["vlan-id"]) if tagged(self.tree) else ""

    def addresses(self) -> list[Address]:
        """(family, address, prefix length) of the kernel's, without its own of the loopback and those of other units. What is
        bridged has none, whatever the kernel gives it for itself."""
        if bridged(self.port.tree, self.tree):
            return []
        found = []
        for one in self.link.get("addr_info", ()):
            if one["local"] == "::1" or one["local"].startswith("127."):
                continue
            configured = self.families.get(one["family"], {}).get("address", {})
            if self.port.name == "lo0" and self.tree and not any(key.split("/")[0] == one["local"] for key in configured):
                continue
            found.append((one["family"], one["local"], int(one["prefixlen"])))
        return sorted(found, key=lambda row: row[0])

    def listed(self) -> list[Address]:
        """The addresses of configured families; an ISO one has the length -1, it is only in the configuration."""
        found = [row for row in self.addresses() if row[0] in self.families or not self.families]
        return found + [("iso", address, -1) for address in self.families.get("iso", {}).get("address", {})]


def states(link: Link) -> tuple[str, str]:
    """(admin, link) as the original says it. A link that is down by its card has no carrier."""
    flags = link.get("flags", ())
    admin = "up" if "UP" in flags else "down"
    carrier = "up" if "LOWER_UP" in flags and "NO-CARRIER" not in flags and not link.get("protodown") else "down"
    return admin, carrier


_cleared: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
"""(root, Unix interface) -> the kernel's counters when they were last cleared. The kernel's own can't be."""


def clear(session: Session, names: list[str]) -> None:
    """Counters of these Unix interfaces begin at nothing, for the command line; SNMP's go on, as they must."""
    done = session.datastore.world.run(["ip", "-j", "-s", "addr", "show"])
    for link in json.loads(done.out or "[]"):
        if link.get("ifname") in names:
            _cleared[session.datastore.world.root, link["ifname"]] = link.get("stats64", {})


def _since_cleared(session: Session, kernel: str, link: Link) -> None:
    """Take off what had been counted before; not from an interface that was made anew, which counts from the start."""
    before = _cleared.get((session.datastore.world.root, kernel))
    now = link.get("stats64")
    if before is None or now is None:
        return
    if any(now.get(way, {}).get("packets", 0) < before.get(way, {}).get("packets", 0) for way in ("rx", "tx")):
        del _cleared[session.datastore.world.root, kernel]
        return
    for way in ("rx", "tx"):
        for name, count in before.get(way, {}).items():
            now[way][name] = max(0, now[way].get(name, 0) - count)


def _with_headers(kernel: str, link: Link) -> None:
    """Octets are those of whole frames, as SNMP tells them."""
    for count in link.get("stats64", {}).values() if tunnelled(kernel) else ():
        count["bytes"] = count.get("bytes", 0) + ETHERNET_HEADER * count.get("packets", 0)


def ports(session: Session, *, counters: bool = False) -> dict[str, Port]:
    """The router's interfaces that the kernel has, by the router's name, in order: ports, aggregates, the others."""
    done = session.datastore.world.run(["ip", "-j", *(["-s"] if counters else []), "addr", "show"])
    links = {link.get("ifname", ""): link for link in json.loads(done.out or "[]")}
    for kernel, link in links.items():
        _since_cleared(session, kernel, link)
        _with_headers(kernel, link)
    running = session.datastore.running
    configured = running.get("interfaces", {}).get("interface", {})
    found: dict[str, Port] = {}
    for kernel, link in links.items():
        name = router_name(kernel)
        if name is not None and "." not in name:
            found[name] = Port(name, link, configured.get(name, {}))
    if "irb" in configured:
        found["irb"] = Port("irb", _routing_and_bridging(links), configured["irb"])
    for name, port in found.items():
        above = router_name(str(port.link.get("master", "")))
        if above in found:
            found[above].members.append(name)
        for number, tree in sorted(port.tree.get("unit", {}).items(), key=lambda item: natural(item[0])):
            carrying = links.get(device(running, f"{name}.{number}"))
            if carrying is not None:
                port.units.append(Unit(port, number, carrying, tree))
        if "unit" not in port.tree and (port.bundle or any(map(_worth_showing, port.link.get("addr_info", ())))):
            port.units.append(Unit(port, "0", port.link, {}))
    return {name: found[name] for name in sorted(found, key=_order)}


def _routing_and_bridging(links: dict[str, Link]) -> Link:
    """What stands for irb, which has units only: always up, with the MAC that all of them have."""
    unit = next((link for name, link in links.items() if name.startswith("irb.")), {})
    return {"flags": ["UP", "LOWER_UP"], "mtu": unit.get("mtu", 1500), "address": unit.get("address", "")}


def _worth_showing(address: Link) -> bool:
    """Of an interface that no configuration names: what a lease or the internal network gave, not the kernel's own."""
    return address.get("scope") == "global"


def _order(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    kind = next((at for at, start in enumerate(("ge-", "ae")) if name.startswith(start)), 2)
    return kind, natural(name)


def names(session: Session) -> list[str]:
    return list(ports(session))


def select(session: Session, given: Given, *, counters: bool) -> tuple[dict[str, Port], str]:
    """(interfaces, the unit asked for or ''); Refused when the interface or its unit is not there."""
    shown = ports(session, counters=counters)
    if given.get("routing-instance") == PRIVATE:
        shown = {name: port for name, port in shown.items() if name == "em1"}
    elif "routing-instance" in given:
        shown = _of_instance(session, given["routing-instance"], shown)
    wanted = given.get("interface")
    if not wanted:
        return shown, ""
    name, dot, unit = wanted.partition(".")
    if any(sign in name for sign in "*?["):
        chosen = _wildcard(name)
        return {one: port for one, port in shown.items() if chosen(one)}, dot + unit
    if name not in shown or (dot and unit != "*" and not any(one.name == wanted for one in shown[name].units)):
        raise fail(f"error: device {wanted} not found")
    return {name: shown[name]}, dot + unit


def _of_instance(session: Session, name: str, shown: dict[str, Port]) -> dict[str, Port]:
    """The ports that have units in a routing instance, with these units alone; Refused when there is no such instance."""
    running = session.datastore.running
    if name != MASTER and name not in instances(running):
        raise fail(f"error: instance {name} not found")
    own = None if name == MASTER else vrf_name(name)
    for port in shown.values():
        port.units = [unit for unit in port.units if vrf_of(running, unit.name) == own]
    return {name: port for name, port in shown.items() if port.units}


def _wildcard(pattern: str) -> Any:
    """A matcher for the dialect's wildcards: `*`, `?`, `[ab]`."""
    import fnmatch
    import re

    return re.compile(fnmatch.translate(pattern)).match
