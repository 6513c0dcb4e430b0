"""`show interfaces` in all its levels, as elements."""

from __future__ import annotations

from system import ifindex

from ..bridging import bridged
from ..render.interfaces import HEADER
from ..xmltree import Element
from .ports import clear as clear_counters
from .ports import select
from .reply import information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from .ports import Given, Link, Port, Unit


def basic(session: Session, given: Given) -> Element:
    if "descriptions" in given:
        return descriptions(session, given)
    if "terse" in given:
        return _terse(session, given)
    chosen, unit = select(session, given, counters=True)
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = next((word for word in ("brief", "detail", "extensive") if word in given), "normal")
    for port in chosen.values():
        if unit:
            for logical in _asked(port, unit):
                root.append(_logical(logical))
            continue
        physical = root.append(_physical(port, given))
        if "media" not in given:
            for logical in port.units:
                physical.append(_logical(logical))
    return root


def _asked(port: Port, unit: str) -> list[Unit]:
    """Units of a port: all for '' and `.*`, else the one of that name."""
    return [logical for logical in port.units if unit in ("", ".*") or logical.name == port.name + unit]


def _terse(session: Session, given: Given) -> Element:
    chosen, unit = select(session, given, counters=False)
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = "terse"
    for port in chosen.values():
        above = root
        if not unit:
            above = root.add("physical-interface")
            _states_of(above, port.name, port.states)
        for logical in _asked(port, unit):
            made = above.add("logical-interface")
            _states_of(made, logical.name, logical.states)
            made.add("filter-information")
            _terse_families(made, logical)
    return root


def _terse_families(made: Element, logical: Unit) -> None:
    name = logical.port.name
    families: dict[str, Element] = {}
    if logical.port.bundle:
        family = made.add("address-family")
        family.add("address-family-name", "aenet")
        family.add("ae-bundle-name", f"{logical.port.bundle}.0")
        return
    for family_name, address, length in logical.listed():
        if family_name not in families:
            families[family_name] = made.add("address-family")
            families[family_name].add("address-family-name", family_name)
        one = families[family_name].add("interface-address")
        one.add("ifa-local", address if length < 0 else _shown(name, family_name, address, length), junos_emit="emit")
        if name == "lo0" and family_name == "inet" and length == 32:
            one.add("ifa-destination", "0/0", junos_emit="emit")
    for family_name in ("inet", "inet6", "iso", "mpls"):
        if family_name in logical.families and family_name not in families:
            made.add("address-family").add("address-family-name", family_name)
    if bridged(logical.port.tree, logical.tree):
        made.add("address-family").add("address-family-name", "bridge")


def _shown(name: str, family: str, address: str, length: int) -> str:
    """An address as the lists print it: host routes of the loopback without their length."""
    plain = name == "lo0" and length == (32 if family == "inet" else 128)
    return address if plain else f"{address}/{length}"


def _states_of(element: Element, name: str, states: tuple[str, str]) -> None:
    element.add("name", name)
    element.add("admin-status", states[0])
    element.add("oper-status", states[1])


def descriptions(session: Session, given: Given) -> Element:
    root = information("interface-information", "interface")
    root.attributes["junos:style"] = "description"
    chosen, _ = select(session, given, counters=False)
    for port in chosen.values():
        shown: list[Port | Unit] = [port, *port.units]
        for one in shown:
            if one.tree.get("description"):
                made = root.add("physical-interface" if one is port else "logical-interface")
                _states_of(made, one.name, one.states)
                made.add("description", one.tree["description"])
    return root


def clear(session: Session, given: Given) -> Element:
    """Counters of the interfaces that are asked for begin at nothing; `all` is all."""
    chosen, unit = select(session, {} if given.get("interface") == "all" else given, counters=False)
    kernel = [logical.link["ifname"] for port in chosen.values() for logical in _asked(port, unit)]
    clear_counters(session, kernel if unit else [*kernel, *(port.link.get("ifname", "") for port in chosen.values())])
    return Element("output")


def optics(session: Session, given: Given) -> Element:
    """No port of a virtual card has an optical module: none has diagnostics. An interface that is not there is refused."""
    basic(session, {"terse": "", **given})
    return information("interface-information", "interface")


def _physical(port: Port, given: Given) -> Element:
    name, link = port.name, port.link
    admin, carrier = port.states
    made = Element("physical-interface")
    made.add("name", name)
    made.add("admin-status", admin, junos_format="Enabled" if admin == "up" else "Administratively down")
    made.add("oper-status", carrier)
    made.add("local-index", link.get("ifindex", 0))
    made.add("snmp-index", ifindex.physical(name) or link.get("ifindex", 0))
    if port.tree.get("description"):
        made.add("description", port.tree["description"])
    made.add("if-type", "Loopback" if name == "lo0" else "Ethernet")
    made.add("link-level-type", "Unspecified" if name == "lo0" else "Flexible-Ethernet" if _flexible(port) else "Ethernet")
    made.add("mtu", "Unlimited" if name == "lo0" else link.get("mtu", 0) + HEADER)
    if name != "lo0":
        if name.startswith("ge-"):
            made.add("speed", "1000mbps")
        if name.startswith("ae"):
            made.add("speed", f"{len(port.members)}Gbps" if port.members else "Unspecified")
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


def _flexible(port: Port) -> bool:
    return "flexible-vlan-tagging" in port.tree


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


def _logical(unit: Unit) -> Element:
    made = Element("logical-interface")
    made.add("name", unit.name)
    made.add("local-index", unit.link.get("ifindex", 0))
    made.add("snmp-index", ifindex.logical(unit.name) or unit.link.get("ifindex", 0))
    if unit.tree.get("description"):
        made.add("description", unit.tree["description"])
    flags = made.add("if-config-flags")
    flags.add("iff-up" if unit.states[0] == "up" else "iff-down")
    flags.add("iff-snmp-traps")
    if unit.tag:
        made.add("link-address", f"[ 0x8100.{unit.tag} ] ", junos_format=f"VLAN-Tag [ 0x8100.{unit.tag} ] ")
    made.add("encapsulation", _encapsulation(unit))
    families: dict[str, Element] = {}
    for family, address, length in unit.addresses():
        if family not in families:
            families[family] = made.add("address-family")
            families[family].add("address-family-name", family)
            families[family].add("mtu", unit.link.get("mtu", 0))
        families[family].append(_address(family, address, length))
    if unit.port.bundle:
        family_made = made.add("address-family")
        family_made.add("address-family-name", "aenet")
        family_made.add("ae-bundle-name", f"{unit.port.bundle}.0")
    return made


def _encapsulation(unit: Unit) -> str:
    if unit.port.name == "lo0":
        return "Unspecified"
    if not bridged(unit.port.tree, unit.tree):
        return "ENET2"
    return "VLAN-Bridge" if unit.tag else "Ethernet-Bridge"


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
