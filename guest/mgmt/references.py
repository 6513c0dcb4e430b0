"""Checks of names that one hierarchy uses and another defines: policies, lists, filters, classes, interfaces. Pure."""

from __future__ import annotations

from .bridging import bridged, domains, mode
from .check import Problem
from .devices import instances, logicals, tagged, vrf_name, vrf_of
from .tokens import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .tree import Tree

CLASSES = ("super-user", "operator", "read-only", "unauthorized")
"""Login classes that are there by themselves."""


def _walk(place: Any, path: str, keywords: tuple[str, ...]) -> Iterator[tuple[str, str, list[str]]]:
    """(path, keyword, names) of every leaf-list called one of the keywords, below a place."""
    for key, value in place.items() if isinstance(place, dict) else ():
        if key in keywords and isinstance(value, list):
            yield path, key, value
        elif isinstance(value, dict):
            yield from _walk(value, f"{path} {key}".strip(), keywords)


def policies(tree: Tree) -> Iterator[Problem]:
    """Policies that protocols name."""
    known = tree.get("policy-options", {}).get("policy-statement", {})
    for top in ("protocols", "routing-instances", "routing-options"):
        for path, key, names in _walk(tree.get(top, {}), top, ("import", "export")):
            for name in names:
                if name not in known:
                    yield Problem(path, f"{key} {quote(name)}", f"Policy error: policy '{name}' referenced but not defined")


def conditions(tree: Tree) -> Iterator[Problem]:
    """Lists that policies name."""
    options = tree.get("policy-options", {})
    for name, policy in options.get("policy-statement", {}).items():
        terms = [("", policy), *((f" term {quote(term)}", entry) for term, entry in policy.get("term", {}).items())]
        for where, term in terms:
            path = f"policy-options policy-statement {quote(name)}{where}"
            uses = [(f"{path} from", kind, kind, one) for kind in ("prefix-list", "community", "as-path")
                    for one in term.get("from", {}).get(kind, ())]  # fmt: skip
            uses += [
                (f"{path} from", "prefix-list-filter", "prefix-list", one)
                for one in term.get("from", {}).get("prefix-list-filter", {})
            ]
            uses += [(f"{path} then", f"community {action}", "community", one)
                     for action, ones in term.get("then", {}).get("community", {}).items() for one in ones]  # fmt: skip
            for place, statement, kind, one in uses:
                if one not in options.get(kind, {}):
                    yield Problem(place, f"{statement} {quote(one)}", f"{kind} '{one}' referenced but not defined")
    for name, community in options.get("community", {}).items():
        members = community.get("members", [])
        if not members:
            yield Problem("policy-options", f"community {quote(name)}", "Missing mandatory statement: 'members'")
        from .routing.filters import kind_of

        if len(members) > 1 and kind_of(members) == "expanded":
            yield Problem(f"policy-options community {quote(name)}", "members", "a regular expression can only stand alone here")


def filters(tree: Tree) -> Iterator[Problem]:
    """Filters that interfaces name, and what filters name."""
    firewall = tree.get("firewall", {})
    known = {family: filters_of(firewall, family) for family in ("inet", "inet6")}
    for logical, _, unit in logicals(tree):
        name, _, number = logical.partition(".")
        for family, entry in unit.get("family", {}).items():
            for direction, used in entry.get("filter", {}).items() if isinstance(entry, dict) else ():
                if used not in known.get(family, {}):
                    yield Problem(f"interfaces {name} unit {number} family {family} filter", f"{direction} {quote(used)}",
                                  f"Referenced filter '{used}' is not defined")  # fmt: skip
    lists = tree.get("policy-options", {}).get("prefix-list", {})
    for family, here in known.items():
        for name, entry in here.items():
            for term, content in entry.get("term", {}).items():
                path = f"firewall family {family} filter {quote(name)} term {quote(term)}"
                for kind in ("prefix-list", "source-prefix-list", "destination-prefix-list"):
                    for used in content.get("from", {}).get(kind, {}):
                        if used not in lists:
                            yield Problem(
                                f"{path} from", f"{kind} {quote(used)}", f"prefix-list '{used}' referenced but not defined"
                            )
                policer = content.get("then", {}).get("policer")
                if policer is not None and policer not in firewall.get("policer", {}):
                    yield Problem(f"{path} then", f"policer {quote(policer)}", f"Referenced policer '{policer}' is not defined")
    for name, policer in firewall.get("policer", {}).items():
        for statement in ("bandwidth-limit", "burst-size-limit"):
            if statement not in policer.get("if-exceeding", {}):
                yield Problem(
                    f"firewall policer {quote(name)} if-exceeding", statement, f"Missing mandatory statement: '{statement}'"
                )


def filters_of(firewall: Tree, family: str) -> Tree:
    """Filters of a family; those that stand at `firewall filter` are of inet."""
    found: Tree = dict(firewall.get("filter", {})) if family == "inet" else {}
    found.update(firewall.get("family", {}).get(family, {}).get("filter", {}))
    return found


def classes(tree: Tree) -> Iterator[Problem]:
    login = tree.get("system", {}).get("login", {})
    for name in login.get("class", {}):
        if name in CLASSES:
            yield Problem("system login", f"class {name}", "this class is predefined and can't be changed")
    for name, user in login.get("user", {}).items():
        used = user.get("class")
        if used is not None and used not in CLASSES and used not in login.get("class", {}):
            yield Problem(f"system login user {name}", f"class {used}", f"login class '{used}' is not defined")


def members(tree: Tree) -> Iterator[Problem]:
    """Interfaces of routing instances and of protocols."""
    owner: dict[str, str] = {}
    there = {logical for logical, _, _ in logicals(tree)}
    for name, entry in tree.get("routing-instances", {}).get("instance", {}).items():
        path = f"routing-instances {name}"
        if "instance-type" not in entry:
            yield Problem("routing-instances", name, "Missing mandatory statement: 'instance-type'")
        for logical in entry.get("interface", {}):
            if logical in owner:
                yield Problem(path, f"interface {logical}", f"this interface is already in instance {owner[logical]}")
            elif logical not in there:
                yield Problem(path, f"interface {logical}", "this interface is not configured")
            elif logical in ("fxp0.0", "lo0.0"):
                yield Problem(path, f"interface {logical}", "this interface belongs to the router itself")
            owner.setdefault(logical, name)
        loops = [logical for logical in entry.get("interface", {}) if logical.startswith("lo0.")]
        if len(loops) > 1:
            yield Problem(path, f"interface {loops[1]}", "an instance can have one loopback interface")
    for logical in there:
        if logical.startswith("lo0.") and logical != "lo0.0" and logical not in owner:
            yield Problem(
                f"interfaces lo0 unit {logical[4:]}", "unit", "a further loopback interface must be in a routing instance"
            )
    names = [vrf_name(name) for name in instances(tree)]
    for name in {one for one in names if names.count(one) > 1}:
        yield Problem("routing-instances", name, "two instances would have the same table; rename one")


def views(tree: Tree) -> Iterator[Problem]:
    snmp = tree.get("snmp", {})
    known = snmp.get("view", {})
    for name, community in snmp.get("community", {}).items():
        if "view" in community and community["view"] not in known:
            yield Problem(
                f"snmp community {quote(name)}", f"view {community['view']}", f"view '{community['view']}' is not defined"
            )
        used = community.get("client-list-name")
        if used is not None and used not in snmp.get("client-list", {}):
            yield Problem(
                f"snmp community {quote(name)}", f"client-list-name {quote(used)}", f"client-list '{used}' is not defined"
            )
    for name, user in snmp.get("v3", {}).get("usm", {}).get("local-engine", {}).get("user", {}).items():
        kinds = [key for key in user if key.startswith("authentication-") and key != "authentication-none"]
        if any(key in user for key in ("privacy-des", "privacy-aes128")) and not kinds:
            yield Problem(f"snmp v3 usm local-engine user {name}", "privacy", "privacy needs authentication")
        for key in [*kinds, *(one for one in ("privacy-des", "privacy-aes128") if one in user)]:
            if not user[key]:
                yield Problem(
                    f"snmp v3 usm local-engine user {name}", key, f"Missing mandatory statement: '{key.split('-')[0]}-password'"
                )


def ports(tree: Tree) -> Iterator[Problem]:
    """LLDP's interfaces are ports, not units; NTP's keys exist."""
    ntp = tree.get("system", {}).get("ntp", {})
    for kind in ("server", "peer"):
        for name, entry in ntp.get(kind, {}).items():
            if "key" in entry and entry["key"] not in ntp.get("authentication-key", {}):
                yield Problem(f"system ntp {kind} {name}", f"key {entry['key']}", "this authentication-key is not defined")


def layer2(tree: Tree) -> Iterator[Problem]:
    """Members and routing interfaces of bridge domains."""
    there = {logical: (entry, unit) for logical, entry, unit in logicals(tree)}
    taken: dict[tuple[str, str], str] = {}
    for name, domain in domains(tree).items():
        path = f"bridge-domains {name}"
        for key in ("routing-interface", "vlan-id"):
            value = domain.get(key, "none")
            if key == "routing-interface" and value != "none" and value not in there:
                yield Problem(path, f"{key} {value}", "this interface is not configured")
            if value != "none" and taken.setdefault((key, value), name) != name:
                yield Problem(path, f"{key} {value}", f"bridge domain {taken[key, value]} has it already")
        for logical in domain.get("interface", {}):
            if taken.setdefault(("interface", logical), name) != name:
                yield Problem(
                    path, f"interface {logical}", f"this interface is already in bridge domain {taken['interface', logical]}"
                )
            reason = _no_member(tree, logical, *there.get(logical, ({}, {})))
            if reason:
                yield Problem(path, f"interface {logical}", reason)
    for logical, (entry, unit) in there.items():
        yield from _bridged_unit(logical, entry, unit)


def _no_member(tree: Tree, logical: str, entry: Tree, unit: Tree) -> str:
    """Why a domain can't name this interface, or ""."""
    if not logical.startswith(("ge-", "ae")) or not entry:
        return "this interface is not a configured logical interface of a port"
    if not bridged(entry, unit):
        return "this interface has neither 'family bridge' nor an encapsulation for bridging"
    if mode(unit):
        return "an interface with an interface-mode is in the bridge domain of its VLAN"
    return "this interface is in a routing instance" if vrf_of(tree, logical) is not None else ""


def _bridged_unit(logical: str, entry: Tree, unit: Tree) -> Iterator[Problem]:
    path = f"interfaces {logical.replace('.', ' unit ')}"
    families = unit.get("family", {})
    family = families.get("bridge", {})
    if bridged(entry, unit):
        if not logical.startswith(("ge-", "ae")):
            yield Problem(path, "family bridge", "only ports and aggregates can be bridged")
        if any(kind in families for kind in ("inet", "inet6", "iso")):
            yield Problem(f"{path} family", "bridge", "an interface that is bridged can't have a layer-3 family")
    if mode(unit) and (tagged(unit) or "vlan-tagging" in entry):
        yield Problem(f"{path} family bridge", "interface-mode", "the port can't have VLANs of its own units beside this")
    for kind, key in (("access", "vlan-id"), ("trunk", "vlan-id-list")):
        if mode(unit) == kind and key not in family:
            yield Problem(f"{path} family bridge", f"interface-mode {kind}", f"Missing mandatory statement: '{key}'")
        if key in family and mode(unit) != kind:
            yield Problem(f"{path} family bridge", key, f"this needs 'interface-mode {kind}'")


RULES = (policies, conditions, filters, classes, members, views, ports, layer2)
