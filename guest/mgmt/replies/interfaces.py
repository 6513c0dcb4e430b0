"""`show interfaces` in all its levels, from the kernel's links and the configuration."""

from __future__ import annotations

import json

from ..render.interfaces import HEADER, kernel_name, router_name
from ..tree import natural
from ..xmltree import Element
from .reply import fail, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Link = dict[str, Any]

__all__ = ["basic", "basic_text", "descriptions", "descriptions_text", "kernel_name", "known", "links", "router_name"]

PRIVATE = "__juniper_private1__"
"""Name of the routing instance of a chassis' internal network; clients look there for which routing engine they are on."""


def links(session: Session, *, counters: bool = False) -> dict[str, Link]:
    """The router's interfaces that the kernel has, by the router's name, in order."""
    done = session.datastore.world.run(["ip", "-j", *(["-s"] if counters else []), "addr", "show"])
    found = {}
    for link in json.loads(done.out or "[]"):
        name = router_name(link.get("ifname", ""))
        if name is not None:
            found[name] = link
    return {name: found[name] for name in sorted(found, key=_order)}


def _order(name: str) -> tuple[bool, list[tuple[int, int, str]]]:
    return not name.startswith("ge-"), natural(name)


def known(session: Session) -> list[str]:
    return list(links(session))


def _configured(session: Session, name: str) -> dict[str, Any]:
    tree: dict[str, Any] = session.datastore.active.get("interfaces", {}).get("interface", {}).get(name, {})
    return tree


def states(link: Link) -> tuple[str, str]:
    """(admin, link) as the original says it. A link that is down by its card has no carrier."""
    flags = link.get("flags", ())
    admin = "up" if "UP" in flags else "down"
    carrier = "up" if "LOWER_UP" in flags and "NO-CARRIER" not in flags and not link.get("protodown") else "down"
    return admin, carrier


def snmp_index(name: str, link: Link) -> int:
    """The ifIndex that SNMP gives, a function of the name (docs/reference/snmp.md)."""
    if name.startswith("ge-"):
        card, _, port = name[3:].split("/")
        return 500 + int(card) * 64 + int(port)
    return {"fxp0": 1, "lo0": 6}.get(name, int(link.get("ifindex", 0)))


def unit_index(name: str, link: Link) -> int:
    return {"fxp0": 13, "lo0": 16}.get(name, 10_000 + snmp_index(name, link))


def _wildcard(pattern: str) -> Any:
    """A matcher for the dialect's wildcards: `*`, `?`, `[ab]`."""
    import fnmatch
    import re

    return re.compile(fnmatch.translate(pattern)).match


def _select(session: Session, given: Given, *, counters: bool) -> tuple[dict[str, Link], str]:
    """(links, the unit asked for or ''); Refused when the interface is not there."""
    shown = links(session, counters=counters)
    if given.get("routing-instance") == PRIVATE:
        shown = {name: link for name, link in shown.items() if name == "em1"}
    wanted = given.get("interface")
    if not wanted:
        return shown, ""
    name, dot, unit = wanted.partition(".")
    if any(sign in name for sign in "*?["):
        chosen = _wildcard(name)
        return {one: link for one, link in shown.items() if chosen(one)}, dot + unit
    if name not in shown:
        raise fail(f"error: device {wanted} not found")
    return {name: shown[name]}, dot + unit


def _addresses(link: Link, name: str) -> list[tuple[str, str, int]]:
    """(family, address, prefix length), without the kernel's own of the loopback."""
    found = []
    for one in link.get("addr_info", ()):
        if name == "lo0" and (one["local"] == "::1" or one["local"].startswith("127.")):
            continue
        found.append((one["family"], one["local"], int(one["prefixlen"])))
    return sorted(found, key=lambda row: row[0])


def _shown(name: str, family: str, address: str, length: int) -> str:
    """An address as the lists print it: host routes of the loopback without their length."""
    plain = name == "lo0" and length == (32 if family == "inet" else 128)
    return address if plain else f"{address}/{length}"


def _listed(session: Session, name: str, link: Link) -> list[tuple[str, str, int]]:
    """Addresses of unit 0: those of configured families; ISO ones are only in the configuration."""
    families = _configured(session, name).get("unit", {}).get("0", {}).get("family", {})
    found = [row for row in _addresses(link, name) if row[0] in families or not families]
    return found + [("iso", address, -1) for address in families.get("iso", {}).get("address", {})]


def _has_unit(session: Session, name: str, link: Link) -> bool:
    families = _configured(session, name).get("unit", {}).get("0", {}).get("family", {})
    return "unit" in _configured(session, name) or bool(_addresses(link, name) and (families or name in ("em1", "fxp0")))


# ---- elements


def basic(session: Session, given: Given) -> Element:
    if "descriptions" in given:
        return descriptions(session, given)
    if "terse" in given:
        return _terse(session, given)
    chosen, unit = _select(session, given, counters=True)
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = next((word for word in ("brief", "detail", "extensive") if word in given), "normal")
    for name, link in chosen.items():
        logical = _logical(session, name, link) if _addresses(link, name) or "unit" in _configured(session, name) else None
        if unit:
            if logical is not None and unit == ".0":
                root.append(logical)
            continue
        physical = root.append(_physical(session, name, link, given))
        if logical is not None and "media" not in given:
            physical.append(logical)
    return root


def _terse(session: Session, given: Given) -> Element:
    chosen, unit = _select(session, given, counters=False)
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = "terse"
    for name, link in chosen.items():
        admin, carrier = states(link)
        above = root
        if not unit:
            above = root.add("physical-interface")
            _states_of(above, name, admin, carrier)
        if not _has_unit(session, name, link) or unit not in ("", ".0"):
            continue
        logical = above.add("logical-interface")
        _states_of(logical, f"{name}.0", admin, carrier)
        logical.add("filter-information")
        families: dict[str, Element] = {}
        for family, address, length in _listed(session, name, link):
            if family not in families:
                families[family] = logical.add("address-family")
                families[family].add("address-family-name", family)
            made = families[family].add("interface-address")
            made.add("ifa-local", address if length < 0 else _shown(name, family, address, length), junos_emit="emit")
            if name == "lo0" and family == "inet" and length == 32:
                made.add("ifa-destination", "0/0", junos_emit="emit")
    return root


def _states_of(element: Element, name: str, admin: str, carrier: str) -> None:
    element.add("name", name)
    element.add("admin-status", admin)
    element.add("oper-status", carrier)


def descriptions(session: Session, given: Given) -> Element:
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = "description"
    chosen, _ = _select(session, given, counters=False)
    for name, link in chosen.items():
        entry = _configured(session, name)
        for kind, here, named in (
            ("physical-interface", entry, name),
            ("logical-interface", entry.get("unit", {}).get("0", {}), f"{name}.0"),
        ):
            if here.get("description"):
                made = root.add(kind)
                _states_of(made, named, *states(link))
                made.add("description", here["description"])
    return root


def _physical(session: Session, name: str, link: Link, given: Given) -> Element:
    admin, carrier = states(link)
    made = Element("physical-interface")
    made.add("name", name)
    made.add("admin-status", admin, junos_format="Enabled" if admin == "up" else "Administratively down")
    made.add("oper-status", carrier)
    made.add("local-index", link.get("ifindex", 0))
    made.add("snmp-index", snmp_index(name, link))
    description = _configured(session, name).get("description", "")
    if description:
        made.add("description", description)
    made.add("if-type", "Loopback" if name == "lo0" else "Ethernet")
    made.add("link-level-type", "Unspecified" if name == "lo0" else "Ethernet")
    made.add("mtu", "Unlimited" if name == "lo0" else link.get("mtu", 0) + HEADER)
    if name != "lo0":
        if name.startswith("ge-"):
            made.add("speed", "1000mbps")
        made.add("link-mode", "Full-duplex")
        made.add("loopback", "disabled")
        made.add("if-flow-control", "disabled")
        made.add("if-auto-negotiation", "enabled")
    flags = made.add("if-device-flags")
    flags.add("ifdf-present")
    flags.add("ifdf-running" if carrier == "up" else "ifdf-down")
    made.add("if-config-flags").add("iff-snmp-traps")
    if name != "lo0":
        made.add("current-physical-address", link.get("address", ""))
        made.add("hardware-physical-address", str(link.get("permaddr") or link.get("address", "")))
        made.add("interface-flapped", "Never", junos_seconds="0")
    _traffic(made, link, verbose="extensive" in given or "detail" in given or "media" in given or "statistics" in given)
    if name != "lo0":
        made.add("active-alarms").append(_alarms(admin, carrier))
        made.add("active-defects").append(_alarms(admin, carrier))
    return made


def _alarms(admin: str, carrier: str) -> Element:
    made = Element("interface-alarms")
    made.add("ethernet-alarm-link-down" if admin == "up" and carrier == "down" else "alarm-not-present")
    return made


def _traffic(made: Element, link: Link, *, verbose: bool) -> None:
    counters = link.get("stats64") or {}
    ways = {"input": counters.get("rx", {}), "output": counters.get("tx", {})}
    traffic = made.add("traffic-statistics", junos_style="verbose" if verbose else "brief")
    for way, count in ways.items():
        traffic.add(f"{way}-bytes", count.get("bytes", 0))
    for way, count in ways.items():
        traffic.add(f"{way}-packets", count.get("packets", 0))
    for way, count in ways.items():
        errors = made.add(f"{way}-error-list")
        if way == "output":
            errors.add("carrier-transitions", 0)
        errors.add(f"{way}-errors", count.get("errors", 0))
        errors.add(f"{way}-drops", count.get("dropped", 0))
        if way == "input":
            for word in ("framing-errors", "input-runts", "input-discards", "input-l3-incompletes", "input-l2-channel-errors",
                         "input-l2-mismatch-timeouts", "input-fifo-errors", "input-resource-errors"):  # fmt: skip
                errors.add(word, count.get("over_errors", 0) if word == "input-fifo-errors" else 0)
        else:
            errors.add("output-collisions", count.get("collisions", 0))
            for word in ("aged-packets", "mtu-errors", "hs-link-crc-errors", "output-fifo-errors", "output-resource-errors"):
                errors.add(word, 0)
    if verbose:
        mac = made.add("ethernet-mac-statistics", junos_style="verbose")
        for way, count in ways.items():
            mac.add(f"{way}-bytes", count.get("bytes", 0))
            mac.add(f"{way}-packets", count.get("packets", 0))


def _logical(session: Session, name: str, link: Link) -> Element:
    made = Element("logical-interface")
    made.add("name", f"{name}.0")
    made.add("local-index", link.get("ifindex", 0))
    made.add("snmp-index", unit_index(name, link))
    description = _configured(session, name).get("unit", {}).get("0", {}).get("description", "")
    if description:
        made.add("description", description)
    flags = made.add("if-config-flags")
    flags.add("iff-up" if states(link)[0] == "up" else "iff-down")
    flags.add("iff-snmp-traps")
    made.add("encapsulation", "Unspecified" if name == "lo0" else "ENET2")
    families: dict[str, Element] = {}
    for family, address, length in _addresses(link, name):
        if family not in families:
            families[family] = made.add("address-family")
            families[family].add("address-family-name", family)
            families[family].add("mtu", link.get("mtu", 0))
        families[family].append(_address(family, address, length))
    return made


def _address(family: str, address: str, length: int) -> Element:
    import ipaddress

    made = Element("interface-address", attributes={"junos:heading": "Addresses"})
    flags = made.add("ifa-flags")
    flags.add("ifaf-current-preferred")
    flags.add("ifaf-current-primary")
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    if length != network.max_prefixlen:
        made.add("ifa-destination", str(network))
    made.add("ifa-local", address)
    if family == "inet" and length < 31:
        made.add("ifa-broadcast", str(network.broadcast_address))
    return made


# ---- text


def basic_text(root: Element, given: Given) -> str:
    style = root.attributes.get("junos:style", "")
    if style == "description":
        return descriptions_text(root)
    if style == "terse":
        return _terse_text(root)
    parts = []
    for child in root.children:
        if child.tag == "physical-interface":
            parts += _physical_text(child, style)
            for logical in child.all("logical-interface"):
                parts += ["\n", *_logical_text(logical)]
        else:
            parts += ["\n", *_logical_text(child)]
        parts.append("\n")
    return "".join(parts)


def _physical_text(one: Element, style: str) -> list[str]:
    name = one.value("name")
    state = "Enabled" if one.value("admin-status") == "up" else "Administratively down"
    lines = [
        f"Physical interface: {name}, {state}, Physical link is {one.value('oper-status').capitalize()}\n",
        f"  Interface index: {one.value('local-index')}, SNMP ifIndex: {one.value('snmp-index')}\n",
    ]
    if one.find("description") is not None:
        lines.append(f"  Description: {one.value('description')}\n")
    speed = f", Speed: {one.value('speed')}" if one.find("speed") is not None else ""
    lines.append(
        f"  Type: {one.value('if-type')}, Link-level type: {one.value('link-level-type')}, MTU: {one.value('mtu')}{speed}\n"
    )
    running = "Running" if one.find("if-device-flags/ifdf-running") is not None else "Down"
    lines.append(f"  Device flags   : Present {running}\n")
    if one.find("current-physical-address") is not None:
        lines.append(
            f"  Current address: {one.value('current-physical-address')}, "
            f"Hardware address: {one.value('hardware-physical-address')}\n"
        )
    for title, way in (("Input packets :", "input"), ("Output packets:", "output")):
        errors = f"{way}-error-list/{way}"
        lines.append(
            f"  {title} {one.value(f'traffic-statistics/{way}-packets')}, bytes: {one.value(f'traffic-statistics/{way}-bytes')}, "
            f"errors: {one.value(f'{errors}-errors')}, drops: {one.value(f'{errors}-drops')}\n"
        )
    if style == "extensive":
        for way in ("input", "output"):
            rows = (one.find(f"{way}-error-list") or Element("none")).children
            told = ", ".join(f"{row.tag.removeprefix(way + '-').replace('-', ' ').capitalize()}: {row.text}" for row in rows)
            lines.append(f"  {way.capitalize()} errors:\n    {told}\n")
    return lines


def _logical_text(one: Element) -> list[str]:
    lines = [f"  Logical interface {one.value('name')} (Index {one.value('local-index')})\n"]
    if one.find("description") is not None:
        lines.append(f"    Description: {one.value('description')}\n")
    for family in one.all("address-family"):
        lines.append(f"    Protocol {family.value('address-family-name')}, MTU: {family.value('mtu')}\n")
        for address in family.all("interface-address"):
            length = address.value("ifa-destination").partition("/")[2]
            host = "128" if ":" in address.value("ifa-local") else "32"
            plain = one.value("name") == "lo0.0" and not length
            lines.append(f"      Addresses: Local: {address.value('ifa-local')}{'' if plain else '/' + (length or host)}\n")
    return lines


def _terse_text(root: Element) -> str:
    rows: list[tuple[str, ...]] = [("Interface", "Admin", "Link", "Proto", "Local", "Remote")]
    for child in root.children:
        if child.tag == "physical-interface":
            rows.append((child.value("name"), child.value("admin-status"), child.value("oper-status"), "", "", ""))
            for logical in child.all("logical-interface"):
                rows += _logical_rows(logical)
        else:
            rows += _logical_rows(child)
    return "".join(f"{a:<23} {b:<5} {c:<4} {d:<8} {e:<21} {f}".rstrip() + "\n" for a, b, c, d, e, f in rows)


def _logical_rows(logical: Element) -> list[tuple[str, ...]]:
    """The first address beside the interface's name, the others below, the family only when it changes."""
    head = (logical.value("name"), logical.value("admin-status"), logical.value("oper-status"))
    rows: list[tuple[str, ...]] = []
    for family in logical.all("address-family"):
        for index, address in enumerate(family.all("interface-address")):
            remote = address.value("ifa-destination")
            title = family.value("address-family-name") if index == 0 else ""
            rows.append(
                (*(head if not rows else ("", "", "")), title, address.value("ifa-local"), f"--> {remote}" if remote else "")
            )
    return rows or [(*head, "", "", "")]


def descriptions_text(root: Element) -> str:
    if not root.children:
        return ""
    lines = [f"{'Interface':<15} {'Admin':<5} {'Link':<4} Description\n"]
    for one in root.children:
        lines.append(
            f"{one.value('name'):<15} {one.value('admin-status'):<5} {one.value('oper-status'):<4} {one.value('description')}\n"
        )
    return "".join(lines)
