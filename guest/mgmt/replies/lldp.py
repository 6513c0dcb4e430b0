"""`show lldp`: what lldpd has heard, what it tells, and how much of both."""

from __future__ import annotations

import json

from system import ifindex
from system.ports import router_name

from ..devices import interfaces
from ..render.lldp import SOCKET
from ..tree import natural
from ..xmltree import Element
from .ports import ports
from .table import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from .table import Column, Row

    Given = dict[str, str]

SUBTYPES = {"mac": "Mac address", "ifname": "Interface name", "local": "Locally assigned", "ip": "Network address",
            "ifalias": "Interface alias"}  # fmt: skip
"""lldpd's words for the subtypes of IEEE 802.1AB 8.5.2.2 and 8.5.3.2, in the dialect's."""


def _running(session: Session) -> bool:
    return "lldp" in session.datastore.running.get("protocols", {})


def _ask(session: Session, *words: str) -> Any:
    """lldpd's answer; without it, nothing."""
    if not _running(session):
        return {}
    done = session.datastore.world.run(["lldpcli", "-u", SOCKET, "-f", "json0", "show", *words])
    return json.loads(done.out or "{}")


def _ports(answer: Any) -> list[tuple[str, Any]]:
    """(router's name, what is said of it) of the router's ports, in order."""
    told = [one for part in answer.get("lldp", ()) for one in part.get("interface", ())]
    named = [(router_name(one["name"]), one) for one in told]
    return sorted([(name, one) for name, one in named if name is not None], key=lambda pair: natural(pair[0]))


def _first(part: Row, name: str, key: str = "value") -> str:
    return str((part.get(name) or [{}])[0].get(key, ""))


def _capabilities(chassis: Row, *, enabled: bool) -> str:
    """Names of the chassis' capabilities, as lldpd has them, with a space between."""
    return " ".join(one["type"] for one in chassis.get("capability", ()) if one.get("enabled") or not enabled)


def _bundle(session: Session, name: str) -> str:
    """The aggregate that a port is in, or `-`."""
    told = interfaces(session.datastore.running).get(name, {}).get("gigether-options", {}).get("802.3ad", {})
    found: str = told.get("bundle", "-")
    return found


# ---- neighbors


NEIGHBOR = Table(
    "lldp-neighbor-information",
    ("lldp-local-port-id", "local", "Local Interface", 18),
    ("lldp-local-parent-interface-name", "parent", "Parent Interface", 19),
    ("lldp-remote-chassis-id-subtype", lambda row: SUBTYPES.get(_first(row["chassis"], "id", "type"), "Unknown"), "", 0),
    ("lldp-remote-chassis-id", lambda row: _first(row["chassis"], "id"), "Chassis Id", 19),
    ("lldp-remote-port-id-subtype", lambda row: SUBTYPES.get(_first(row["port"], "id", "type"), "Unknown"), "", 0),
    ("lldp-remote-port-id", lambda row: _first(row["port"], "id"), "Port info", 18),
    ("lldp-remote-port-description", lambda row: _first(row["port"], "descr"), "", 0),
    ("lldp-remote-system-name", lambda row: _first(row["chassis"], "name"), "System Name", 0),
)
NEIGHBOR_LONG: tuple[Column, ...] = (
    ("lldp-index", lambda row: row.get("rid"), "", 0),
    ("lldp-ttl", lambda row: _first(row["port"], "ttl"), "", 0),
    ("lldp-age", lambda row: _seconds(row.get("age", "")), "", 0),
    ("lldp-local-interface", "local", "", 0),
    *NEIGHBOR.columns,
    ("lldp-remote-system-capabilities-supported", lambda row: _capabilities(row["chassis"], enabled=False), "", 0),
    ("lldp-remote-system-capabilities-enabled", lambda row: _capabilities(row["chassis"], enabled=True), "", 0),
    ("lldp-remote-management-address-type", lambda row: _kind(_first(row["chassis"], "mgmt-ip")), "", 0),
    ("lldp-remote-management-address", lambda row: _first(row["chassis"], "mgmt-ip") or None, "", 0),
    ("lldp-remote-management-address-port-id", lambda row: _first(row["chassis"], "mgmt-iface") or None, "", 0),
    ("lldp-remote-management-address-interface-subtype",
     lambda row: "ifIndex(2)" if row["chassis"].get("mgmt-iface") else None, "", 0),
)  # fmt: skip


def _kind(address: str) -> str | None:
    return None if not address else "IPv6(2)" if ":" in address else "IPv4(1)"


def _seconds(age: str) -> int:
    """Of lldpd's `1 day, 00:00:31`."""
    days, _, clock = age.partition(", ")
    parts = [int(part) for part in clock.split(":")] if clock else [0]
    total = 0
    for part in parts:
        total = total * 60 + part
    return int(days.split()[0] or 0) * 86400 + total if clock else 0


def _heard(session: Session, given: Given) -> list[dict[str, Any]]:
    found = []
    for local, one in _ports(_ask(session, "neighbors", "details")):
        if given.get("interface", local) in (local, f"{local}.0"):
            chassis, port = one.get("chassis", [{}])[0], one.get("port", [{}])[0]
            found.append({**one, "local": local, "parent": _bundle(session, local), "chassis": chassis, "port": port})
    return found


def neighbors(session: Session, given: Given) -> Element:
    """By the ports that they came in on; with one port (or `detail`), all that is known of them."""
    detailed = "interface" in given or "detail" in given
    root = Element("lldp-neighbors-information", attributes={"junos:style": "detail" if detailed else "brief"})
    for row in _heard(session, given):
        if not detailed:
            NEIGHBOR.add(root, row)
            continue
        made = root.add(NEIGHBOR.tag)
        fill(made, row, *NEIGHBOR_LONG)
        made.add("lldp-system-description").add("lldp-remote-system-description", _first(row["chassis"], "descr"))
    return root


def neighbors_text(root: Element, given: Given) -> str:
    if root.attributes["junos:style"] == "detail":
        return "\n".join(_neighbor_lines(one) for one in root.children)
    return NEIGHBOR.text(root.children) if root.children else ""


def _neighbor_lines(one: Element) -> str:
    def line(title: str, tag: str) -> str:
        return f"{title:<19}: {one.value(tag)}\n"

    lines = [
        "LLDP Neighbor Information:\n",
        "Local Information:\n",
        f"Index: {one.value('lldp-index')} Time to live: {one.value('lldp-ttl')} Age: {one.value('lldp-age')} secs\n",
        line("Local Interface", "lldp-local-interface"),
        line("Parent Interface", "lldp-local-parent-interface-name"),
        line("Local Port ID", "lldp-local-port-id"),
        "\nNeighbour Information:\n",
        line("Chassis type", "lldp-remote-chassis-id-subtype"),
        line("Chassis ID", "lldp-remote-chassis-id"),
        line("Port type", "lldp-remote-port-id-subtype"),
        line("Port ID", "lldp-remote-port-id"),
        line("Port description", "lldp-remote-port-description"),
        line("System name", "lldp-remote-system-name"),
        f"\nSystem Description : {one.value('lldp-system-description/lldp-remote-system-description')}\n",
        "\nSystem capabilities\n",
        f"        Supported: {one.value('lldp-remote-system-capabilities-supported')}\n",
        f"        Enabled  : {one.value('lldp-remote-system-capabilities-enabled')}\n",
    ]
    if one.find("lldp-remote-management-address") is not None:
        lines += [
            "\nManagement address\n",
            f"        Address Type      : {one.value('lldp-remote-management-address-type')}\n",
            f"        Address           : {one.value('lldp-remote-management-address')}\n",
            f"        Interface Number  : {one.value('lldp-remote-management-address-port-id')}\n",
            f"        Interface Subtype : {one.value('lldp-remote-management-address-interface-subtype')}\n",
        ]
    return "".join(lines)


# ---- statistics


STATISTICS = Table(
    "lldp-interface-statistics",
    ("lldp-statistics-interface-name", "local", "Interface", 15),
    ("lldp-parent-intf-name", "parent", "Parent Interface", 17),
    ("lldp-receive-packet-count", lambda row: _first(row, "rx", "rx"), "Received", -8),
    ("lldp-receive-packet-unknown-tlvs", lambda row: _first(row, "rx_unrecognized_cnt", "rx_unrecognized_cnt"),
     "Unknown TLVs", -12),
    ("lldp-receive-packet-error-count", lambda _: 0, "With Errors", -11),
    ("lldp-receive-tlv-discard-count", lambda row: _first(row, "rx_discarded_cnt", "rx_discarded_cnt"), "Discarded TLVs", -14),
    ("lldp-transmit-packet-count", lambda row: _first(row, "tx", "tx"), "Transmitted", -11),
    ("lldp-transmit-packet-error-count", lambda _: 0, "Untransmitted", -13),
)  # fmt: skip


def statistics(session: Session, given: Given) -> Element:
    root = Element("lldp-statistics")
    for name, one in _ports(_ask(session, "statistics")):
        if given.get("interface", name) in (name, f"{name}.0"):
            STATISTICS.add(root, {**one, "local": name, "parent": _bundle(session, name)})
    return root


def statistics_text(root: Element, given: Given) -> str:
    return STATISTICS.text(root.children) if root.children else ""


# ---- local information


LOCAL = Table(
    "lldp-local-interface-info",
    ("lldp-local-interface-name", "local", "Interface name", 16),
    ("lldp-parent-local-interface-name", "parent", "Parent Interface", 18),
    ("lldp-local-interface-id", "index", "Interface ID", 15),
    ("lldp-local-interface-description", "description", "Interface description", 24),
    ("lldp-local-interface-status", "status", "Status", 0),
)


def local(session: Session, given: Given) -> Element:
    root = Element("lldp-local-info")
    told = _ask(session, "chassis", "details").get("local-chassis", [{}])
    chassis = (told[0].get("chassis") or [{}])[0] if told else {}
    if not chassis:
        return root
    root.add("lldp-local-chassis-id", _first(chassis, "id"))
    root.add("lldp-local-system-name", _first(chassis, "name"))
    root.add("lldp-local-system-description", _first(chassis, "descr"))
    root.add("lldp-local-system-capabilities-supported", _capabilities(chassis, enabled=False))
    root.add("lldp-local-system-capabilities-enabled", _capabilities(chassis, enabled=True))
    if chassis.get("mgmt-ip"):
        address = _first(chassis, "mgmt-ip")
        root.add("lldp-local-management-address-interface-name", _holder(session, address))
        root.add("lldp-local-management-address-subtype", 2 if ":" in address else 1)
        root.add("lldp-local-management-address-address", address)
        root.add("lldp-local-management-address-interface-number-subtype", 2)
        root.add("lldp-local-management-address-interface-number", _first(chassis, "mgmt-iface"))
    there = ports(session)
    for name, _ in _ports(_ask(session, "interfaces")):
        if name in there:
            port = there[name]
            LOCAL.add(root, {
                "local": name, "parent": _bundle(session, name), "index": ifindex.physical(name) or port.link.get("ifindex", 0),
                "description": port.tree.get("description", name), "status": port.states[1].capitalize(),
            })  # fmt: skip
    return root


def _holder(session: Session, address: str) -> str:
    """The interface that has the address."""
    for port in ports(session).values():
        for unit in port.units:
            if any(one[1] == address for one in unit.addresses()):
                return unit.name
    return ""


def local_text(root: Element, given: Given) -> str:
    if not root.children:
        return ""
    kinds = {"1": "IPv4(1)", "2": "IPv6(2)"}
    lines = [
        "LLDP Local Information details\n\n",
        f"Chassis ID   : {root.value('lldp-local-chassis-id')}\n",
        f"System name  : {root.value('lldp-local-system-name')}\n",
        f"System descr : {root.value('lldp-local-system-description')}\n",
        "\nSystem Capabilities\n",
        f"    Supported        : {root.value('lldp-local-system-capabilities-supported')}\n",
        f"    Enabled          : {root.value('lldp-local-system-capabilities-enabled')}\n",
    ]
    if root.find("lldp-local-management-address-address") is not None:
        lines += [
            "\nManagement Information\n",
            f"    Interface Name   : {root.value('lldp-local-management-address-interface-name')}\n",
            f"    Address Subtype  : {kinds[root.value('lldp-local-management-address-subtype')]}\n",
            f"    Address          : {root.value('lldp-local-management-address-address')}\n",
            f"    Interface Number : {root.value('lldp-local-management-address-interface-number')}\n",
            "    Interface Numbering Subtype : ifIndex(2)\n",
        ]
    return "".join(lines) + "\n" + LOCAL.text(root.all(LOCAL.tag))


# ---- configuration


INTERFACE = Table(
    "lldp-interface-information",
    ("lldp-interface-name", "local", "Interface", 16),
    ("lldp-parent-interface-name", "parent", "Parent Interface", 18),
    ("lldp-interface-status", "status", "LLDP", 12),
    ("lldp-interface-neighbor-count", "count", "Neighbor Count", 0),
)
INTERVAL, MULTIPLIER = 30, 4
"""Defaults of the dialect."""


def lldp(session: Session, given: Given) -> Element:
    """`show lldp`: the settings."""
    root = Element("lldp")
    tree = session.datastore.running.get("protocols", {}).get("lldp", {})
    enabled = _running(session) and "disable" not in tree
    root.add("lldp-global-status", "Enabled" if enabled else "Disabled")
    interval = int(tree.get("advertisement-interval", INTERVAL))
    root.add("lldp-advertisement-interval", interval)
    root.add("lldp-hold-time-interval", interval * int(tree.get("hold-multiplier", MULTIPLIER)))
    heard = [row["local"] for row in _heard(session, {})] if enabled else []
    for name, entry in tree.get("interface", {}).items():
        off = "disable" in entry or not enabled
        count = len(heard) if name == "all" else heard.count(name)
        INTERFACE.add(root, {"local": name, "parent": _bundle(session, name), "status": "Disabled" if off else "Enabled",
                             "count": count})  # fmt: skip
    return root


def lldp_text(root: Element, given: Given) -> str:
    lines = [f"LLDP                      : {root.value('lldp-global-status')}\n"]
    lines.append(f"Advertisement interval    : {root.value('lldp-advertisement-interval')} seconds\n")
    lines.append(f"Hold timer                : {root.value('lldp-hold-time-interval')} seconds\n")
    rows = root.all(INTERFACE.tag)
    return "".join(lines) + ("\n" + INTERFACE.text(rows) if rows else "")
