"""`firewall` filters on interfaces: one nftables table, replaced in one transaction.

A packet that a filter accepts goes on; one that no term of it decides on is dropped. Interfaces' input filters see what comes in,
before routing; lo0's input filter sees what is for the router itself; output filters see what leaves.
The internal network between controller and cards is never filtered.
"""

from __future__ import annotations

import ipaddress

from ..devices import device, logicals
from ..references import filters_of
from ..valuetypes import DSCP, ICMP, ICMP6, PORTS, PROTOCOLS, amount
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..tree import Tree
    from ..world import Machine

RULES = "/etc/nftables.conf"
TABLE = "rackless"
EMPTY = f"table inet {TABLE}\ndelete table inet {TABLE}\n"
"""Making the table first makes deleting it a success in any case."""
FLAGS = {"syn": "syn", "ack": "ack", "fin": "fin", "rst": "rst", "push": "psh", "urgent": "urg"}


def render(tree: Tree, world: Machine) -> Part:
    places = _places(tree)
    if not places:
        return Part(data=False)
    out = [EMPTY + f"table inet {TABLE} {{"]
    used = filters_in_use(tree)
    out += _counters(tree, used)
    for family, name in used:
        out += _chain(tree, family, name)
    for hook, chain, key, direction in (
        ("prerouting", "received", "iifname", "input"),
        ("forward", "forwarded", "oifname", "output"),
        ("output", "sent", "oifname", "output"),
    ):
        out += _hook(hook, chain, key, [place for place in places if place[1] == direction and place[2] != "lo"])
    out += _to_self([place for place in places if place[2] == "lo" and place[1] == "input"])
    return Part({RULES: ("\n".join([*out, "}"]) + "\n", 0o600)}, True)


def _places(tree: Tree) -> list[tuple[str, str, str, str]]:
    """(family, direction, Unix interface, filter) of every filter on an interface."""
    found = []
    for name, _, unit in logicals(tree):
        for family in ("inet", "inet6"):
            for direction, filter_ in unit.get("family", {}).get(family, {}).get("filter", {}).items():
                found.append((family, direction, device(tree, name), filter_))
    return sorted(found)


def filters_in_use(tree: Tree) -> list[tuple[str, str]]:
    """(family, name) of the filters that are on interfaces; the kernel has no others."""
    return sorted({(family, name) for family, _, _, name in _places(tree)})


def chain_name(family: str, name: str) -> str:
    return f"{family}-" + "".join(character if character.isalnum() or character in "_-." else "_" for character in name)


def _hook(hook: str, chain: str, key: str, places: list[tuple[str, str, str, str]]) -> list[str]:
    if not places:
        return []
    out = [f"  chain {chain} {{", f"    type filter hook {hook} priority -150; policy accept;"]
    out += [
        f'    {key} "{device_}" meta nfproto {_family(family)} jump {chain_name(family, name)}'
        for family, _, device_, name in places
    ]
    return [*out, "  }"]


def _to_self(places: list[tuple[str, str, str, str]]) -> list[str]:
    if not places:
        return []
    out = ["  chain to-self {", "    type filter hook input priority -150; policy accept;", '    iifname { "lo", "int" } accept']
    out += [f"    meta nfproto {_family(family)} jump {chain_name(family, name)}" for family, _, _, name in places]
    return [*out, "  }"]


def _family(family: str) -> str:
    return "ipv4" if family == "inet" else "ipv6"


def _counters(tree: Tree, used: list[tuple[str, str]]) -> list[str]:
    found = []
    for family, name in used:
        for term in filters_of(tree.get("firewall", {}), family).get(name, {}).get("term", {}).values():
            if "count" in term.get("then", {}):
                found.append(counter_name(family, name, term["then"]["count"]))
    return ["  counter " + name + " { }" for name in sorted(set(found))]


def counter_name(family: str, filter_: str, count: str) -> str:
    return chain_name(family, filter_) + "/" + "".join(one if one.isalnum() or one in "_-." else "_" for one in count)


def _chain(tree: Tree, family: str, name: str) -> list[str]:
    out = ["  chain " + chain_name(family, name) + " {"]
    for term, entry in filters_of(tree["firewall"], family)[name].get("term", {}).items():
        matches = _matches(tree, family, entry.get("from", {}))
        if matches:
            then = entry.get("then", {})
            prefix = f"{name} {term}"[:60]
            out += [f"    {' '.join(rule)}" for one in matches for rule in _rules(tree, family, name, one, then, prefix)]
    return [*out, "    drop", "  }"]


def _rules(tree: Tree, family: str, name: str, matches: list[str], then: Tree, prefix: str) -> Iterable[list[str]]:
    """A term's rules: what exceeds its policer is dropped before it counts."""
    if "policer" in then:
        limits = tree["firewall"]["policer"][then["policer"]].get("if-exceeding", {})
        rate, burst = amount(limits["bandwidth-limit"]) // 8, amount(limits["burst-size-limit"])
        yield [*matches, f"limit rate over {max(1, rate)} bytes/second burst {burst} bytes", "drop"]
    actions = []
    if "count" in then:
        actions.append("counter name " + counter_name(family, name, then["count"]))
    if "log" in then or "syslog" in then:
        actions.append(f'log prefix "fw {prefix}: " level info')
    ending = _ending(family, then)
    if actions or ending:
        yield [*matches, *actions, *([ending] if ending else [])]


def _ending(family: str, then: Tree) -> str:
    if "discard" in then:
        return "drop"
    if "reject" in then and then["reject"].get("message-type") == "tcp-reset":
        return "meta l4proto tcp reject with tcp reset"
    if "reject" in then:
        return "reject " + REASONS[then["reject"].get("message-type", "administratively-prohibited")]
    # A term without an action accepts, as does one with only modifiers; `next term` goes on.
    return "" if "next" in then else "accept"


REASONS = {
    "administratively-prohibited": "with icmpx type admin-prohibited",
    "host-unreachable": "with icmpx type host-unreachable",
    "network-unreachable": "with icmpx type no-route",
    "no-route": "with icmpx type no-route",
    "port-unreachable": "with icmpx type port-unreachable",
}


def _matches(tree: Tree, family: str, conditions: Tree) -> list[list[str]]:
    """Alternatives, any of which makes a term match, each a list of nftables expressions; empty when nothing can match."""
    word = "ip" if family == "inet" else "ip6"
    found: list[list[str]] = [[]]
    for side, name in (("saddr", "source"), ("daddr", "destination")):
        addresses = _addresses(tree, family, conditions, f"{name}-address", f"{name}-prefix-list")
        if addresses is not None:
            found = [[*one, f"{word} {side} {_set(addresses)}"] for one in found] if addresses else []
    either = _addresses(tree, family, conditions, "address", "prefix-list")
    if either is not None:
        first, second = f"{word} saddr {_set(either)}", f"{word} saddr != {_set(either)} {word} daddr {_set(either)}"
        found = [[*one, way] for one in found for way in (first, second)] if either else []
    plain = [*_protocols(family, conditions), *_rest(family, conditions, tree)]
    found = [[*one, *plain] for one in found]
    if "port" in conditions:
        ports = _set(_numbers(conditions["port"], PORTS))
        found = [
            [*one, *_ports_of(conditions), way]
            for one in found
            for way in (f"th sport {ports}", f"th sport != {ports} th dport {ports}")
        ]
    return found


def _addresses(tree: Tree, family: str, conditions: Tree, key: str, list_key: str) -> list[str] | None:
    """The prefixes of a condition and its lists, without those that are excepted: the longest one decides. None without any."""
    if key not in conditions and list_key not in conditions:
        return None
    rows = [
        (ipaddress.ip_network(prefix), "except" in options)
        for prefix, options in conditions.get(key, {}).get("prefix", {}).items()
    ]
    lists = tree.get("policy-options", {}).get("prefix-list", {})
    for name, options in conditions.get(list_key, {}).items():
        rows += [
            (ipaddress.ip_network(prefix), "except" in options) for prefix in lists.get(name, {}).get("prefix-list-item", {})
        ]
    kept: list[Any] = []
    for network, excepted in sorted(rows, key=lambda row: row[0].prefixlen):
        if network.version != (4 if family == "inet" else 6):
            continue
        if not excepted:
            kept.append(network)
            continue
        kept = [
            part
            for one in kept
            for part in (one.address_exclude(network) if network.subnet_of(one) else [] if one.subnet_of(network) else [one])
        ]
    return [str(network) for network in ipaddress.collapse_addresses(kept)]


def _set(values: list[str]) -> str:
    return values[0] if len(values) == 1 else "{ " + ", ".join(values) + " }"


def _numbers(words: list[str], names: Mapping[str, int]) -> list[str]:
    """Numbers and ranges of the dialect's words, without repetition and overlap (nftables refuses them)."""
    spans = []
    for word in words:
        low, dash, high = (word, "", "") if word in names else word.partition("-")
        spans.append((int(names.get(low, low)), int(names.get(high, high)) if dash else int(names.get(low, low))))
    merged: list[list[int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return [str(start) if start == stop else f"{start}-{stop}" for start, stop in merged]


def _protocol_words(conditions: Tree) -> list[str]:
    return [*conditions.get("protocol", ()), *conditions.get("next-header", ()), *conditions.get("payload-protocol", ())]


def _protocols(family: str, conditions: Tree) -> list[str]:
    found = []
    words = _protocol_words(conditions)
    if words:
        found.append(f"meta l4proto {_set(_numbers(words, PROTOCOLS))}")
    without = [*conditions.get("protocol-except", ()), *conditions.get("next-header-except", ())]
    if without:
        found.append(f"meta l4proto != {_set(_numbers(without, PROTOCOLS))}")
    if not words and any(key in conditions for key in ("icmp-type", "icmp-code")):
        found.append(f"meta l4proto {'icmp' if family == 'inet' else 'ipv6-icmp'}")
    if not words and any(key in conditions for key in ("tcp-flags", "tcp-established", "tcp-initial")):
        found.append("meta l4proto tcp")
    return found


def _ports_of(conditions: Tree) -> list[str]:
    """A port alone matches packets of protocols that have ports, and first fragments, which hold them."""
    return [] if _protocol_words(conditions) else ["meta l4proto { tcp, udp, sctp }"]


def _rest(family: str, conditions: Tree, tree: Tree) -> list[str]:
    word = "ip" if family == "inet" else "ip6"
    found: list[str] = []
    if (
        any(key.partition("-")[0] in ("source", "destination") and "port" in key for key in conditions)
        and "port" not in conditions
    ):
        found += _ports_of(conditions)
    for key, expression in (
        ("source-port", "th sport"),
        ("destination-port", "th dport"),
        ("source-port-except", "th sport !="),
        ("destination-port-except", "th dport !="),
    ):
        if key in conditions:
            found.append(f"{expression} {_set(_numbers(conditions[key], PORTS))}")
    icmp, names = ("icmp", ICMP) if family == "inet" else ("icmpv6", ICMP6)
    if "icmp-type" in conditions:
        found.append(f"{icmp} type {_set(_numbers(conditions['icmp-type'], names))}")
    if "icmp-code" in conditions:
        found.append(f"{icmp} code {_set(_numbers(conditions['icmp-code'], {}))}")
    found += _tcp(conditions)
    for key, expression, table in (
        ("dscp", "ip dscp", DSCP),
        ("traffic-class", "ip6 dscp", DSCP),
        ("ttl", "ip ttl", {}),
        ("hop-limit", "ip6 hoplimit", {}),
        ("packet-length", "meta length", {}),
    ):
        if key in conditions:
            found.append(f"{expression} {_set(_numbers(conditions[key], table))}")
    if "is-fragment" in conditions:
        found.append(f"{word} frag-off & 0x1fff != 0")
    if "first-fragment" in conditions:
        found.append(f"{word} frag-off & 0x3fff == 0x2000")
    if "fragment-offset" in conditions:
        found.append(f"{word} frag-off & 0x1fff {_set(_numbers(conditions['fragment-offset'], {}))}")
    if "interface" in conditions:
        found.append("iifname " + _set([f'"{device(tree, name)}"' for name in conditions["interface"]]))
    return found


def _tcp(conditions: Tree) -> list[str]:
    found = []
    if "tcp-established" in conditions:
        found.append("tcp flags & (ack | rst) != 0")
    if "tcp-initial" in conditions:
        found.append("tcp flags & (syn | ack) == syn")
    if "tcp-flags" in conditions:
        wanted = flag_terms(conditions["tcp-flags"])
        if wanted is not None:
            on, off = wanted
            found.append(f"tcp flags & ({' | '.join([*on, *off])}) == {'(' + ' | '.join(on) + ')' if on else '0x0'}")
    return found


def flag_terms(text: str) -> tuple[list[str], list[str]] | None:
    """(flags that must be set, flags that must not be) of `(syn & !ack)`; None when it is not a plain conjunction."""
    on: list[str] = []
    off: list[str] = []
    for part in text.replace("(", " ").replace(")", " ").replace("+", "&").split("&"):
        word = part.strip()
        name = FLAGS.get(word.removeprefix("!").strip())
        if name is None:
            return None
        (off if word.startswith("!") else on).append(name)
    return on, off


def check(engine: Engine, new: Part) -> None:
    """nftables's own word on the rules, before anything is changed."""
    if new.data and engine.world.exists("/usr/sbin/nft") | (not engine.world.live):
        _nft(engine, ["-c", "-f", "-"], new.files[RULES][0])


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data and (old is None or not old.data):
        return
    _nft(engine, ["-f", "-"], new.files[RULES][0] if new.data else EMPTY)
    engine.put_files(old, new)


def _nft(engine: Engine, arguments: list[str], rules: str) -> None:
    done = engine.world.run(["nft", *arguments], rules)
    if done.code != 0:
        told = [line for line in done.err.splitlines() if "Error" in line] or [f"nft ended with code {done.code}"]
        raise Failed(f"firewall: {told[0].strip()}")
