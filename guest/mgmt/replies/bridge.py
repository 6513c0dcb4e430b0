"""`show bridge domain`, `show bridge mac-table` and its clearing: the kernel's bridges under the names of their domains."""

from __future__ import annotations

import json

from ..bridging import bridge_name, domains, port_of
from ..tree import natural
from ..xmltree import Element
from .reply import fail, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..session import Session

    Given = dict[str, str]

INSTANCE = "default-switch"
"""Name of the routing instance that bridge domains of the top level are in."""
LEGEND = """
MAC flags       (S -static MAC, D -dynamic MAC, L -locally learned, C -Control MAC
    O -OVSDB MAC, SE -Statistics enabled, NM -Non configured MAC, R -Remote PE MAC, P -Pinned MAC)

Routing instance : """
COLUMNS = """   MAC                 MAC      Logical          NH     MAC         active
   address             flags    interface        Index  property    source
"""


def _chosen(session: Session, given: Given) -> Iterator[tuple[str, str, str]]:
    """(domain, VLAN, Unix name of the bridge) of those asked for; Refused when the domain that is named is not there."""
    running = session.datastore.running
    wanted = given.get("bridge-domain", "all")
    if wanted not in ("all", *domains(running)):
        raise fail(f"error: bridge domain {wanted} not found")
    for name in sorted(domains(running), key=natural):
        vlan = domains(running)[name].get("vlan-id", "NA")
        if wanted in ("all", name) and given.get("vlan-id", vlan) == vlan:
            yield name, vlan, bridge_name(name, domains(running)[name])


def _is_asked(given: Given, logical: str) -> bool:
    return given.get("interface", logical) in (logical, logical.removesuffix(".0"))


def domain(session: Session, given: Given) -> Element:
    """Interfaces are those that the kernel's bridge has: one of a card that is not there is not among them."""
    root = information("l2ald-bridge-instance-information", "l2al")
    root.attributes["junos:style"] = "brief"
    members: dict[str, list[str]] = {}
    for link in session.datastore.world.links():
        members.setdefault(str(link.get("master", "")), []).append(port_of(link["ifname"]))
    for name, vlan, bridge in _chosen(session, given):
        ports = [one for one in sorted(members.get(bridge, ()), key=natural) if _is_asked(given, one)]
        if "interface" in given and not ports:
            continue
        group = root.add("l2ald-bridge-instance-group")
        group.add("l2rtb-brief-summary")
        group.add("l2rtb-name", INSTANCE)
        group.add("l2rtb-bridging-domain", name)
        group.add("l2rtb-bridge-vlan", vlan)
        for port in ports or [""]:
            group.add("l2rtb-interface-name", port)
    return root


def domain_text(root: Element, given: Given) -> str:
    lines = ["\n", f"{'Routing instance':<23} {'Bridge domain':<24} {'VLAN ID':<11} Interfaces\n"]
    for group in root.children:
        shown = (group.value("l2rtb-name"), group.value("l2rtb-bridging-domain"), group.value("l2rtb-bridge-vlan"))
        lines.append(f"{shown[0]:<23} {shown[1]:<24} {shown[2]}\n")
        lines += [f"{'':<60} {port.text}\n" for port in group.all("l2rtb-interface-name") if port.text]
    return "".join(lines)


def mac_table(session: Session, given: Given) -> Element:
    root = Element("l2ald-rtb-macdb")
    rows = json.loads(session.datastore.world.run(["bridge", "-j", "fdb", "show"]).out or "[]")
    for name, vlan, bridge in _chosen(session, given):
        learned = {
            row["mac"]: port_of(row["ifname"])
            for row in rows
            if row.get("master") == bridge and row.get("state", "") not in ("permanent", "static")
        }
        entries = [
            (mac, port)
            for mac, port in sorted(learned.items())
            if _is_asked(given, port) and given.get("address", mac).lower() == mac
        ]
        if not entries:
            continue
        group = Element("l2ald-mac-entry", attributes={"junos:style": "brief-rtb"})
        root.append(group)
        group.add("mac-count-global", len(entries))
        group.add("learnt-mac-count", len(entries))
        group.add("l2-mac-routing-instance", INSTANCE)
        group.add("l2-mac-bridging-domain", name)
        group.add("l2-bridge-vlan", vlan)
        for mac, port in entries:
            entry = group.add("l2-mac-entry")
            entry.add("l2-mac-address", mac)
            entry.add("l2-mac-flags", "D")
            entry.add("l2-mac-logical-interface", port)
    return root


def mac_table_text(root: Element, given: Given) -> str:
    parts = []
    for group in root.children:
        parts += [LEGEND, group.value("l2-mac-routing-instance"), "\n"]
        parts += [
            f" Bridging domain : {group.value('l2-mac-bridging-domain')}, VLAN : {group.value('l2-bridge-vlan')}\n",
            COLUMNS,
        ]
        for entry in group.all("l2-mac-entry"):
            mac, flags = entry.value("l2-mac-address"), entry.value("l2-mac-flags")
            parts.append(f"   {mac:<19} {flags:<8} {entry.value('l2-mac-logical-interface')}\n")
    return "".join(parts)


def forget(session: Session, given: Given) -> str:
    """Clear what the domains have learned, all or at one interface; the kernel's complaint, or ""."""
    world = session.datastore.world
    bridges = [bridge for _, _, bridge in _chosen(session, given)]
    lines = [f"link set dev {bridge} type bridge fdb_flush" for bridge in bridges]
    if "interface" in given:
        ports = [link["ifname"] for link in world.links()
                 if link.get("master", "") in bridges and _is_asked(given, port_of(link["ifname"]))]  # fmt: skip
        if not ports:
            return f"interface {given['interface']} is in no bridge domain"
        lines = [f"link set dev {port} type bridge_slave fdb_flush" for port in ports]
    if not lines:
        return ""
    done = world.run(["ip", "-batch", "-"], "\n".join(lines) + "\n")
    return (done.err.splitlines() or ["the bridges can't be cleared"])[0] if done.code else ""
