"""OSPF, OSPFv3 and IS-IS."""

from __future__ import annotations

from ..check import net
from ..devices import device, logicals, unit_of, vrf_of
from ..valuetypes import amount
from .filters import redistributions
from .liveness import profile
from .statics import tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..tree import Tree
    from .filters import Lines

OSPF, OSPF_EXTERNAL = "10", "150"
"""Preferences of the dialect, used as FRR's distances."""
INSTANCE = "1"
"""Name of the IS-IS instances; there is one in each table."""


def _members(tree: Tree, vrf: str, listed: Tree, family: str) -> Iterator[tuple[str, Tree]]:
    """The interfaces of a protocol, with `all` spelled out, without those that are disabled."""
    named = {name: entry for name, entry in listed.items() if name != "all"}
    if "all" in listed and "disable" not in listed["all"]:
        for name, _, unit in logicals(tree):
            ours = family in unit.get("family", {}) and (vrf_of(tree, name) or "") == vrf
            if ours and name not in named and not name.startswith("fxp"):
                named[name] = listed["all"]
    for name, entry in named.items():
        if "disable" not in entry:
            yield name, entry


def _at(lines: Lines, tree: Tree, name: str) -> list[str]:
    return lines.setdefault((f"interface {device(tree, name)}",), [])


def ospfd(tree: Tree, *, six: bool = False) -> Lines:
    lines: Lines = {}
    key, word, verb = ("ospf3", "ospf6", "ipv6 ospf6") if six else ("ospf", "ospf", "ip ospf")
    for instance, vrf, routing, protocols in tables(tree):
        ospf = protocols.get(key)
        if not ospf:
            continue
        head = f"router {word}" + (f" vrf {vrf}" if vrf else "")
        own = lines.setdefault((head,), [])
        if "router-id" in routing:
            own.append(f"{word} router-id {routing['router-id']}")
        own += _router_lines(ospf, word)
        for area, entry in ospf.get("area", {}).items():
            own += _area_lines(area, entry)
            for name, interface in _members(tree, vrf, entry.get("interface", {}), "inet6" if six else "inet"):
                _at(lines, tree, name).extend(_interface_lines(verb, area, name, interface, ospf))
        if ospf.get("export"):
            name = f"{instance or 'main'}-{key}-export"
            for protocol, map_ in redistributions(tree, lines, ospf["export"], name, "inet6" if six else "inet", key):
                own.append(f"redistribute {protocol} route-map {map_}")
    return lines


def _router_lines(ospf: Tree, word: str) -> list[str]:
    inner = ospf.get("preference", OSPF)
    found = [f"distance {word} intra-area {inner} inter-area {inner} external {ospf.get('external-preference', OSPF_EXTERNAL)}"]
    if "overload" in ospf and word == "ospf":
        found.append("max-metric router-lsa administrative")
    return found


def _area_lines(area: str, entry: Tree) -> list[str]:
    found = []
    for kind in ("stub", "nssa"):
        if kind in entry:
            found.append(f"area {area} {kind}" + (" no-summary" if "no-summaries" in entry[kind] else ""))
    if "default-metric" in entry.get("stub", {}):
        found.append(f"area {area} default-cost {entry['stub']['default-metric']}")
    for prefix, options in entry.get("area-range", {}).items():
        more = (
            " not-advertise"
            if "restrict" in options
            else f" cost {options['override-metric']}"
            if "override-metric" in options
            else ""
        )
        found.append(f"area {area} range {prefix}{more}")
    return found


def _interface_lines(verb: str, area: str, name: str, interface: Tree, ospf: Tree) -> list[str]:
    found = [f"{verb} area {area}"]
    # The kernel tells no speed of a tunnel; the original counts 1 for a gigabit port and 0 for the loopback.
    gigabit = max(1, amount(ospf.get("reference-bandwidth", "100m")) // 10**9)
    cost = interface.get("metric", str(gigabit) if name.startswith(("ge-", "ae")) else None)
    if cost is not None:
        found.append(f"{verb} cost {cost}")
    for statement in ("hello-interval", "dead-interval", "retransmit-interval", "transmit-delay", "priority"):
        if statement in interface:
            found.append(f"{verb} {statement} {interface[statement]}")
    if "hello-interval" in interface and "dead-interval" not in interface:
        found.append(f"{verb} dead-interval {4 * int(interface['hello-interval'])}")
    kinds = {"p2p": "point-to-point", "broadcast": "broadcast", "nbma": "non-broadcast", "p2mp": "point-to-multipoint"}
    if "interface-type" in interface:
        found.append(f"{verb} network {kinds[interface['interface-type']]}")
    if "passive" in interface:
        found.append(f"{verb} passive")
    secrets = interface.get("authentication", {})
    if "md5" in secrets:
        found.append(f"{verb} authentication message-digest")
        found += [f"{verb} message-digest-key {key} md5 {entry.get('key', '')}" for key, entry in sorted(secrets["md5"].items())]
    elif "simple-password" in secrets:
        found += [f"{verb} authentication", f"{verb} authentication-key {secrets['simple-password']}"]
    if "bfd-liveness-detection" in interface:
        found.append(f"{verb} bfd")
        found.append(f"{verb} bfd profile {profile(interface['bfd-liveness-detection'])[0]}")
    return found


def ospf6d(tree: Tree) -> Lines:
    return ospfd(tree, six=True)


def _level(entry: Tree) -> str:
    """FRR's word for the levels that are not disabled."""
    off = {level for level, options in entry.get("level", {}).items() if "disable" in options}
    return {frozenset("1"): "level-2-only", frozenset("2"): "level-1"}.get(frozenset(off), "level-1-2")


def _level_off(entry: Tree) -> bool:
    return sum("disable" in options for options in entry.get("level", {}).values()) == 2


def isisd(tree: Tree) -> Lines:
    lines: Lines = {}
    for instance, vrf, _, protocols in tables(tree):
        isis = protocols.get("isis", {})
        area = net(tree, instance)
        if not isis.get("interface") or area is None:
            continue
        own = lines.setdefault((f"router isis {INSTANCE}" + (f" vrf {vrf}" if vrf else ""),), [])
        # FRR would keep a change to itself for 30 s after the last one (lsp-gen-interval of isisd).
        own += [f"net {area}", f"is-type {_level(isis)}", "metric-style wide", "lsp-gen-interval 1", *_isis_router_lines(isis)]
        for name, interface in _members(tree, vrf, isis["interface"], "iso"):
            if not _level_off(interface):
                _at(lines, tree, name).extend(_isis_lines(tree, name, interface, isis))
        for family, word in (("inet", "ipv4"), ("inet6", "ipv6")) if isis.get("export") else ():
            found = redistributions(tree, lines, isis["export"], f"{instance or 'main'}-isis-export-{word}", family, "isis")
            for protocol, map_ in found:
                own += [f"redistribute {word} {protocol} {level} route-map {map_}" for level in _levels(isis)]
    return lines


def _levels(isis: Tree) -> list[str]:
    return {"level-2-only": ["level-2"], "level-1": ["level-1"]}.get(_level(isis), ["level-1", "level-2"])


def _isis_router_lines(isis: Tree) -> list[str]:
    found = []
    for level, word in (("1", "area-password"), ("2", "domain-password")):
        options = isis.get("level", {}).get(level, {})
        if "authentication-key" in options:
            kind = "clear" if options.get("authentication-type") == "simple" else "md5"
            found.append(f"{word} {kind} {options['authentication-key']} authenticate snp validate")
    if "lsp-lifetime" in isis:
        found.append(f"max-lsp-lifetime {isis['lsp-lifetime']}")
    if "overload" in isis:
        found.append("set-overload-bit")
    return found


def _isis_lines(tree: Tree, name: str, interface: Tree, isis: Tree) -> list[str]:
    found = [f"ip router isis {INSTANCE}"]
    if "inet6" in unit_of(tree, name).get("family", {}):
        found.append(f"ipv6 router isis {INSTANCE}")
    if _level(interface) != "level-1-2":
        found.append(f"isis circuit-type {_level(interface)}")
    passive = "passive" in interface or name.startswith("lo")
    for level, options in sorted(interface.get("level", {}).items()):
        if "metric" in options:
            found.append(f"isis metric level-{level} {options['metric']}")
        if "hello-interval" in options:
            found.append(f"isis hello-interval level-{level} {options['hello-interval']}")
        if "hold-time" in options:
            times = max(2, int(options["hold-time"]) // int(options.get("hello-interval", 3)))
            found.append(f"isis hello-multiplier level-{level} {times}")
        if "priority" in options:
            found.append(f"isis priority {options['priority']} level-{level}")
        passive = passive or ("passive" in options and len(_levels(isis)) == 1)
    if "csnp-interval" in interface:
        found.append(f"isis csnp-interval {interface['csnp-interval']}")
    if "point-to-point" in interface and not name.startswith("lo"):
        found.append("isis network point-to-point")
    if passive:
        found.append("isis passive")
    found += _hello_password(interface, isis)
    families = interface.get("family", {})
    for detection in (interface, families.get("inet", {}), families.get("inet6", {})):
        if "bfd-liveness-detection" in detection:
            found += ["isis bfd", f"isis bfd profile {profile(detection['bfd-liveness-detection'])[0]}"]
            break
    return found


def _hello_password(interface: Tree, isis: Tree) -> list[str]:
    """Hellos have the interface's own key, else that of the level, as in the dialect."""
    places = [interface.get("level", {}).get(level, {}) for level in "21"] + [
        isis.get("level", {}).get(level, {}) for level in "21"
    ]
    key, kind = interface.get("hello-authentication-key"), interface.get("hello-authentication-type")
    for place in places:
        if key is None and "authentication-key" in place and "disable" not in place:
            key, kind = place["authentication-key"], place.get("authentication-type")
    return [] if key is None else [f"isis password {'clear' if kind == 'simple' else 'md5'} {key}"]
