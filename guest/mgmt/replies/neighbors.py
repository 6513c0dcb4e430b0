"""`show arp`, `show ipv6 neighbors`, `show lldp neighbors`."""

from __future__ import annotations

import json

from system.ports import router_name

from ..devices import interfaces, logical_name
from ..render.lldp import SOCKET
from ..tree import natural
from ..xmltree import Element
from .reply import information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]


def _rows(session: Session, family: str) -> list[dict[str, str]]:
    done = session.datastore.world.run(["ip", "-j", family, "neighbor", "show"])
    return [row for row in json.loads(done.out or "[]") if row.get("lladdr")]


def arp(session: Session, given: Given) -> Element:
    root = information("arp-table-information", "arp")
    root.attributes["junos:style"] = "no-resolve" if "no-resolve" in given else "normal"
    rows = _rows(session, "-4")
    for row in rows:
        interface = logical_name(row["dev"])
        if given.get("interface", interface) not in (interface, interface.removesuffix(".0")):
            continue
        one = root.add("arp-table-entry")
        one.add("mac-address", row["lladdr"])
        one.add("ip-address", row["dst"])
        if "no-resolve" not in given:
            one.add("hostname", row["dst"])
        one.add("interface-name", interface)
        one.add("arp-table-entry-flags").add("none")
    root.add("arp-entry-count", len(root.children))
    return root


def arp_text(root: Element, given: Given) -> str:
    lines = [f"{'MAC Address':<18} {'Address':<16} {'Interface':<16} Flags\n"]
    for one in root.all("arp-table-entry"):
        lines.append(f"{one.value('mac-address'):<18} {one.value('ip-address'):<16} {one.value('interface-name'):<16} none\n")
    return "".join(lines) + f"Total entries: {root.value('arp-entry-count')}\n"


def ipv6(session: Session, given: Given) -> Element:
    root = information("ipv6-nd-information", "nd")
    for row in _rows(session, "-6"):
        one = root.add("ipv6-nd-entry")
        one.add("ipv6-nd-neighbor-address", row["dst"])
        one.add("ipv6-nd-neighbor-l2-address", row["lladdr"])
        one.add("ipv6-nd-state", str((row.get("state") or [""])[0]).lower())
        one.add("ipv6-nd-expire", 0)
        one.add("ipv6-nd-isrouter", "yes" if row.get("router") is not None or "router" in row else "no")
        one.add("ipv6-nd-issecure", "no")
        one.add("ipv6-nd-interface-name", logical_name(row["dev"]))
    root.add("ipv6-nd-total", len(root.children))
    return root


def ipv6_text(root: Element, given: Given) -> str:
    lines = [f"{'IPv6 Address':<40} {'Linklayer Address':<18} {'State':<11} Interface\n"]
    for one in root.all("ipv6-nd-entry"):
        lines.append(
            f"{one.value('ipv6-nd-neighbor-address'):<40} {one.value('ipv6-nd-neighbor-l2-address'):<18} "
            f"{one.value('ipv6-nd-state'):<11} {one.value('ipv6-nd-interface-name')}\n"
        )
    return "".join(lines)


SUBTYPES = {"mac": "Mac address", "ifname": "Interface name", "local": "Locally assigned", "ip": "Network address",
            "ifalias": "Interface alias"}  # fmt: skip
"""lldpd's words for the subtypes of IEEE 802.1AB 8.5.2.2 and 8.5.3.2, in the dialect's."""


def lldp(session: Session, given: Given) -> Element:
    """What lldpd has heard, by the ports it came in on."""
    root = Element("lldp-neighbors-information", attributes={"junos:style": "brief"})
    if "lldp" not in session.datastore.running.get("protocols", {}):
        return root
    done = session.datastore.world.run(["lldpcli", "-u", SOCKET, "-f", "json0", "show", "neighbors", "details"])
    heard = [one for part in json.loads(done.out or "{}").get("lldp", ()) for one in part.get("interface", ())]
    configured = interfaces(session.datastore.running)
    for one in sorted(heard, key=lambda row: natural(row["name"])):
        local = router_name(one["name"]) or one["name"]
        if given.get("interface", local) not in (local, f"{local}.0"):
            continue
        bundle = configured.get(local, {}).get("gigether-options", {}).get("802.3ad", {}).get("bundle", "-")
        chassis, port = one.get("chassis", [{}])[0], one.get("port", [{}])[0]
        made = root.add("lldp-neighbor-information")
        made.add("lldp-local-port-id", local)
        made.add("lldp-local-parent-interface-name", bundle)
        made.add("lldp-remote-chassis-id-subtype", SUBTYPES.get(_first(chassis, "id", "type"), "Unknown"))
        made.add("lldp-remote-chassis-id", _first(chassis, "id"))
        made.add("lldp-remote-port-id-subtype", SUBTYPES.get(_first(port, "id", "type"), "Unknown"))
        made.add("lldp-remote-port-id", _first(port, "id"))
        made.add("lldp-remote-port-description", _first(port, "descr"))
        made.add("lldp-remote-system-name", _first(chassis, "name"))
    return root


def _first(part: dict[str, Any], name: str, key: str = "value") -> str:
    return str((part.get(name) or [{}])[0].get(key, ""))


def lldp_text(root: Element, given: Given) -> str:
    if not root.children:
        return ""
    lines = [f"{'Local Interface':<19}{'Parent Interface':<20}{'Chassis Id':<20}{'Port info':<19}System Name\n"]
    for one in root.all("lldp-neighbor-information"):
        lines.append(
            f"{one.value('lldp-local-port-id'):<19}{one.value('lldp-local-parent-interface-name'):<20}"
            f"{one.value('lldp-remote-chassis-id'):<20}{one.value('lldp-remote-port-id'):<19}"
            f"{one.value('lldp-remote-system-name')}\n"
        )
    return "".join(lines)
