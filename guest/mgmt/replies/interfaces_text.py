"""`show interfaces` in all its levels, as text from its elements. Pure."""

from __future__ import annotations

from ..xmltree import Element

TYPE_CHECKING = False
if TYPE_CHECKING:
    Given = dict[str, str]


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
    indices = f"(Index {one.value('local-index')}) (SNMP ifIndex {one.value('snmp-index')})"
    lines = [f"  Logical interface {one.value('name')} {indices}\n"]
    if one.find("description") is not None:
        lines.append(f"    Description: {one.value('description')}\n")
    state = "Up" if one.find("if-config-flags/iff-up") is not None else "Down"
    tag = f" VLAN-Tag {one.value('link-address')} " if one.find("link-address") is not None else ""
    lines.append(f"    Flags: {state} SNMP-Traps{tag} Encapsulation: {one.value('encapsulation')}\n")
    for family in one.all("address-family"):
        if family.find("ae-bundle-name") is not None:
            lines.append(f"    Protocol aenet, AE bundle: {family.value('ae-bundle-name')}\n")
            continue
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
        addresses = family.all("interface-address")
        if not addresses:
            bundle = family.value("ae-bundle-name") if family.find("ae-bundle-name") is not None else ""
            last = ("", f"--> {bundle}") if bundle else ("", "")
            rows.append((*(head if not rows else ("", "", "")), family.value("address-family-name"), *last))
        for index, address in enumerate(addresses):
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
