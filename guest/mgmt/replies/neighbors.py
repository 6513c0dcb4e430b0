"""`show arp` and `show ipv6 neighbors`, from the kernel."""

from __future__ import annotations

import json

from ..devices import instances, logical_name, vrf_name, vrf_of
from ..xmltree import Element
from .frr import MASTER
from .reply import fail, information
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]


def _rows(session: Session, family: str) -> list[Any]:
    done = session.datastore.world.run(["ip", "-j", family, "neighbor", "show"])
    return [row for row in json.loads(done.out or "[]") if row.get("lladdr")]


ARP = Table(
    "arp-table-entry",
    ("mac-address", "lladdr", "MAC Address", 17),
    ("ip-address", "dst", "Address", 15),
    ("hostname", lambda row: row["dst"] if row["resolve"] else None, "Name", 25),
    ("interface-name", "interface", "Interface", 23),
    ("arp-table-entry-flags", lambda _: None, "Flags", 0),
)
NEIGHBOR = Table(
    "ipv6-nd-entry",
    ("ipv6-nd-neighbor-address", "dst", "IPv6 Address", 40),
    ("ipv6-nd-neighbor-l2-address", "lladdr", "Linklayer Address", 18),
    ("ipv6-nd-state", lambda row: str((row.get("state") or [""])[0]).lower(), "State", 11),
    ("ipv6-nd-expire", lambda _: 0, "", 0),
    ("ipv6-nd-isrouter", lambda row: "yes" if "router" in row else "no", "", 0),
    ("ipv6-nd-issecure", lambda _: "no", "", 0),
    ("ipv6-nd-interface-name", "interface", "Interface", 0),
)


def arp(session: Session, given: Given) -> Element:
    root = information("arp-table-information", "arp")
    root.attributes["junos:style"] = "no-resolve" if "no-resolve" in given else "normal"
    for row in _rows(session, "-4"):
        interface = logical_name(row["dev"])
        if given.get("interface", interface) in (interface, interface.removesuffix(".0")) and _inside(session, given, interface):
            one = ARP.add(root, {**row, "interface": interface, "resolve": "no-resolve" not in given})
            one.add("arp-table-entry-flags").add("none")
    root.add("arp-entry-count", len(root.children))
    return root


def _inside(session: Session, given: Given, interface: str) -> bool:
    """Is the interface in the routing instance that is asked for? Refused when there is no such instance."""
    running, wanted = session.datastore.running, given.get("vpn")
    if wanted is None:
        return True
    if wanted != MASTER and wanted not in instances(running):
        raise fail(f"error: instance {wanted} not found")
    return vrf_of(running, interface) == (None if wanted == MASTER else vrf_name(wanted))


def arp_text(root: Element, given: Given) -> str:
    table = Table(ARP.tag, *(column for column in ARP.columns if column[2] != "Name")) if "no-resolve" in given else ARP
    lines = [table.head()]
    lines += [f"{table.line(one)[:-1]:<{len(lines[0]) - len('Flags') - 1}}none\n" for one in root.all(ARP.tag)]
    return "".join(lines) + f"Total entries: {root.value('arp-entry-count')}\n"


def ipv6(session: Session, given: Given) -> Element:
    root = information("ipv6-nd-information", "nd")
    for row in _rows(session, "-6"):
        interface = logical_name(row["dev"])
        if given.get("interface", interface) in (interface, interface.removesuffix(".0")):
            NEIGHBOR.add(root, {**row, "interface": interface})
    root.add("ipv6-nd-total", len(root.children))
    return root


def ipv6_text(root: Element, given: Given) -> str:
    return NEIGHBOR.text(root.all(NEIGHBOR.tag)) + f"Total entries: {root.value('ipv6-nd-total')}\n"
