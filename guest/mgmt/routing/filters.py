"""`policy-options` as FRR's route maps, with the dialect's own meaning.

A chain of policies becomes one route map for one use (an import or an export of a neighbour, or one protocol's routes on their
way into another), one address family at a time. What is known of the use is decided here: `from protocol` never reaches FRR
when a map sees only one protocol's routes. A term's alternatives (several communities ...) are entries one after another;
`next term`, `next policy` and terms without an end are jumps.
"""

from __future__ import annotations

import ipaddress

from ..devices import unit_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree

    Block = tuple[str, ...]
    Lines = dict[Block, list[str]]

TAGS = {"direct": 4294900001, "static": 4294900002, "ospf": 4294900003, "ospf3": 4294900004, "isis": 4294900005}
"""BGP's routes from other protocols carry these tags inside the router, so that exports know where they are from."""
END = "end"


class Use:
    """What a route map is for. `protocol`: that of all routes it sees, "" when it sees BGP's own and those of `mixed`."""

    def __init__(
        self,
        name: str,
        family: str,
        *,
        protocol: str = "",
        mixed: tuple[str, ...] = (),
        neighbor: str = "",
        default: bool = False,
        first: tuple[str, ...] = (),
        bgp: bool = False,
        external: bool = False,
    ) -> None:
        self.name = name
        self.family = family
        self.protocol = protocol
        self.mixed = mixed
        self.neighbor = neighbor
        self.default = default
        """What becomes of routes that no policy decides on."""
        self.first = first
        """Settings that every route gets before the policies."""
        self.external = external
        """External types (OSPF's) can be set."""
        self.bgp = bgp
        """The attributes of BGP can be matched and set."""


class Entry:
    __slots__ = ("action", "jump", "label", "matches", "sets")

    def __init__(self, action: str, matches: list[str], sets: list[str], jump: str = "", label: str = "") -> None:
        self.action = action
        self.matches = matches
        self.sets = sets
        self.jump = jump
        """Label of the entry to go on with; empty ends the evaluation."""
        self.label = label


class Compiler:
    """One route map and the lists that it needs."""

    def __init__(self, tree: Tree, use: Use) -> None:
        self.tree = tree
        self.options: Tree = tree.get("policy-options", {})
        self.use = use
        self.lists: list[str] = []
        self.entries: list[Entry] = []
        self._names: dict[tuple[str, ...], str] = {}

    def compile(self, chain: list[str]) -> None:
        if self.use.first:
            self.entries.append(Entry("permit", [], list(self.use.first), "policy-0"))
        for number, name in enumerate(chain):
            policy = self.options.get("policy-statement", {}).get(name, {})
            terms = [*policy.get("term", {}).values(), {key: policy[key] for key in ("from", "then") if key in policy}]
            for index, term in enumerate(terms):
                self._term(term, f"{number}.{index}", f"policy-{number + 1}")
            self.entries.append(Entry("", [], [], label=f"policy-{number + 1}"))
        self.entries.append(Entry("", [], [], label=END))
        if not self.use.protocol:
            self.entries += [Entry("deny", [f"match tag {TAGS[one]}"], []) for one in self.use.mixed]
        self.entries.append(Entry("permit" if self.use.default else "deny", [], []))

    def accepts(self) -> bool:
        """May a route pass?"""
        return any(entry.action == "permit" and not entry.jump for entry in self.entries)

    def lines(self) -> Lines:
        """The map's blocks, and under () its lists."""
        places: dict[str, int] = {}
        real: list[Entry] = []
        for entry in self.entries:
            if entry.action:
                real.append(entry)
            else:
                places[entry.label] = 10 * (len(real) + 1)
        out: Lines = {(): list(self.lists)}
        for number, entry in enumerate(real, 1):
            inner = [*entry.matches, *entry.sets]
            if entry.jump:
                to = places.get(entry.jump, 10 * (number + 1))
                inner.append("on-match next" if to <= 10 * (number + 1) else f"on-match goto {to}")
            out[(f"route-map {self.use.name} {entry.action} {10 * number}",)] = inner
        return out

    # ---- terms

    def _term(self, term: Tree, label: str, after_policy: str) -> None:
        alternatives = self._alternatives(term.get("from", {}), label)
        then = term.get("then", {})
        if alternatives is None or not then:
            return
        sets = self._sets(then)
        action, jump = "permit", f"term-{label}"
        if "accept" in then:
            jump = ""
        elif "reject" in then:
            action, jump, sets = "deny", "", []
        elif then.get("next") == "policy":
            jump = after_policy
        elif not sets:
            return
        for matches in alternatives:
            if "not-local" in matches:
                skip = f"local-{label}-{len(self.entries)}"
                self.entries += [Entry("permit", [f"match tag {TAGS[one]}"], [], skip) for one in self.use.mixed]
                self.entries.append(Entry(action, [match for match in matches if match != "not-local"], sets, jump))
                self.entries.append(Entry("", [], [], label=skip))
            else:
                self.entries.append(Entry(action, matches, sets, jump))
        self.entries.append(Entry("", [], [], label=f"term-{label}"))

    def _alternatives(self, conditions: Tree, label: str) -> list[list[str]] | None:
        """Sets of match lines, any of which will do; None when no route of this use can match."""
        groups: list[list[str]] = []
        wanted = {"ospf" if one == "ospf2" else one for one in conditions.get("protocol", ())}
        if wanted and self.use.protocol:
            if self.use.protocol not in wanted:
                return None
        elif wanted:
            group = [f"match tag {TAGS[one]}" for one in self.use.mixed if one in wanted]
            groups.append([*group, *(["not-local"] if "bgp" in wanted else [])])
        if conditions.get("family", self.use.family) != self.use.family:
            return None
        if not self.use.bgp and ("community" in conditions or "as-path" in conditions):
            return None  # the interior protocols' daemons know nothing of these
        if "neighbor" in conditions and self.use.neighbor not in conditions["neighbor"]:
            return None
        prefixes = self._prefixes(conditions)
        if prefixes is not None:
            name = self._prefix_list(prefixes)
            if name is None:
                return None
            groups.append([f"match {'ip' if self.use.family == 'inet' else 'ipv6'} address prefix-list {name}"])
        groups += self._attributes(conditions)
        found: list[list[str]] = [[]]
        for group in groups:
            found = [[*one, choice] for one in found for choice in group]
        return found or None

    def _attributes(self, conditions: Tree) -> list[list[str]]:
        groups = []
        if "community" in conditions and self.use.bgp:
            groups.append(self._communities(conditions["community"]))
        if "as-path" in conditions and self.use.bgp:
            paths = [self.options.get("as-path", {}).get(name, {}).get("path", "") for name in conditions["as-path"]]
            groups.append([f"match as-path {self._as_paths(paths)}"])
        if "next-hop" in conditions:
            verb = "match ip next-hop address" if self.use.family == "inet" else "match ipv6 next-hop address"
            groups.append([f"{verb} {hop}" for hop in conditions["next-hop"]])
        for key in ("metric", "local-preference", "origin", "tag"):
            if key in conditions and (self.use.bgp or key in ("metric", "tag")):
                groups.append([f"match {key} {conditions[key]}"])
        return groups

    # ---- lists

    def _list_name(self, content: tuple[str, ...]) -> tuple[str, bool]:
        """A name for a list of this content, and whether it is new."""
        fresh = content not in self._names
        name = self._names.setdefault(content, f"{self.use.name}-{len(self._names) + 1}")
        return name, fresh

    def _prefixes(self, conditions: Tree) -> list[tuple[str, int, int]] | None:
        """(prefix, least length, most length) of all prefix conditions; None when there are none."""
        if not any(key in conditions for key in ("route-filter", "prefix-list", "prefix-list-filter", "interface")):
            return None
        found = [(prefix, *_lengths(prefix, options)) for prefix, options in conditions.get("route-filter", {}).items()]
        lists = self.options.get("prefix-list", {})
        named = {name: {"exact": True} for name in conditions.get("prefix-list", ())} | conditions.get("prefix-list-filter", {})
        for name, options in named.items():
            found += [(prefix, *_lengths(prefix, options)) for prefix in lists.get(name, {}).get("prefix-list-item", {})]
        if "interface" in conditions:
            return self._connected(conditions["interface"], found if _has_prefix(conditions) else None)
        return found

    def _connected(self, names: list[str], within: list[tuple[str, int, int]] | None) -> list[tuple[str, int, int]]:
        """The networks on interfaces: those that a filter lets pass when there is one."""
        found = []
        for name in names:
            family = unit_of(self.tree, name).get("family", {}).get(self.use.family, {})
            for address in family.get("address", {}):
                network = ipaddress.ip_interface(address).network
                if within is None or _passes(network, within):
                    found.append((str(network), network.prefixlen, network.prefixlen))
        return found

    def _prefix_list(self, prefixes: list[tuple[str, int, int]]) -> str | None:
        """The longest prefix that holds a route decides, as in the dialect; None when there is none of our family."""
        most = 32 if self.use.family == "inet" else 128
        ours = sorted(
            {one for one in prefixes if (":" in one[0]) == (most == 128) and one[1] <= one[2]},
            key=lambda one: (-ipaddress.ip_network(one[0]).prefixlen, one[0], one[1]),
        )
        if not ours:
            return None
        rules = []
        for index, (prefix, least, highest) in enumerate(ours):
            own = ipaddress.ip_network(prefix)
            rules.append(f"permit {prefix}" + _bounds(own.prefixlen, least, highest))
            last = index + 1 == len(ours) or ours[index + 1][0] != prefix
            wider = any(_holds(other[0], own) for other in ours[index + 1 :] if other[0] != prefix)
            if last and wider:
                rules.append(f"deny {prefix}" + _bounds(own.prefixlen, own.prefixlen, most))
        name, fresh = self._list_name(tuple(rules))
        if fresh:
            verb = "ip prefix-list" if most == 32 else "ipv6 prefix-list"
            self.lists += [f"{verb} {name} seq {5 * number} {rule}" for number, rule in enumerate(rules, 1)]
        return name

    def _as_paths(self, expressions: list[str]) -> str:
        from ..aspath import posix

        name, fresh = self._list_name(("as-path", *expressions))
        if fresh:
            self.lists += [
                f"bgp as-path access-list {name} seq {5 * number} permit {posix(expression)}"
                for number, expression in enumerate(expressions, 1)
            ]
        return name

    def _members(self, name: str) -> list[str]:
        found: list[str] = self.options.get("community", {}).get(name, {}).get("members", [])
        return found

    def _communities(self, names: list[str]) -> list[str]:
        """Match lines of communities: a list for each kind, whose lines are the alternatives."""
        kinds: dict[str, list[str]] = {}
        for name in names:
            members = self._members(name)
            kind = kind_of(members)
            kinds.setdefault(kind, []).append(" ".join(_spelled(kind, member) for member in members))
        found = []
        for kind, rows in kinds.items():
            list_, fresh = self._list_name((kind, *rows))
            verb, word = KINDS[kind]
            if fresh:
                self.lists += [f"bgp {verb} {list_} seq {5 * number} permit {row}" for number, row in enumerate(rows, 1)]
            found.append(f"match {word} {list_}")
        return found

    # ---- actions

    def _sets(self, then: Tree) -> list[str]:
        sets = []
        if "metric" in then:
            sets.append(f"set metric {then['metric']}")
        if "tag" in then and not (self.use.bgp and not self.use.protocol):
            sets.append(f"set tag {then['tag']}")
        if "external" in then and self.use.external:
            sets.append(f"set metric-type type-{then['external'].get('type', '2')}")
        if not self.use.bgp:
            return sets
        for key in ("local-preference", "origin"):
            if key in then:
                sets.append(f"set {key} {then[key]}")
        if "preference" in then:
            sets.append(f"set distance {then['preference']}")
        if "as-path-prepend" in then:
            sets.append(f"set as-path prepend {then['as-path-prepend']}")
        hop = then.get("next-hop")
        if hop in ("self", "peer-address"):
            sets.append("set ip next-hop peer-address" if self.use.family == "inet" else "set ipv6 next-hop peer-address")
        elif hop is not None and (":" in hop) == (self.use.family == "inet6"):
            sets.append(f"set ip next-hop {hop}" if self.use.family == "inet" else f"set ipv6 next-hop global {hop}")
        return [*sets, *self._set_communities(then.get("community", {}))]

    def _set_communities(self, actions: Tree) -> list[str]:
        sets = []
        for action in ("set", "delete", "add"):
            by_kind: dict[str, list[str]] = {}
            for name in actions.get(action, ()):
                members = self._members(name)
                by_kind.setdefault(kind_of(members), []).extend(members)
            for kind, members in by_kind.items():
                if action == "delete" and kind in ("standard", "expanded", "large"):
                    list_, fresh = self._list_name(("delete", kind, *members))
                    if fresh:
                        self.lists += [
                            f"bgp {KINDS[kind][0]} {list_} seq {5 * number} permit {_spelled(kind, member)}"
                            for number, member in enumerate(members, 1)
                        ]
                    sets.append(f"set {'large-comm-list' if kind == 'large' else 'comm-list'} {list_} delete")
                elif action != "delete" and kind in ("standard", "large"):
                    word = "large-community" if kind == "large" else "community"
                    values = " ".join(_spelled(kind, member) for member in members)
                    sets.append(f"set {word} {values}" + (" additive" if action == "add" else ""))
                elif action != "delete" and kind == "extended":
                    targets = [member.partition(":")[2] for member in members if member.startswith("target:")]
                    sets += [f"set extcommunity rt {' '.join(targets)}"] if targets else []
        return sets


KINDS = {
    "standard": ("community-list standard", "community"),
    "expanded": ("community-list expanded", "community"),
    "large": ("large-community-list standard", "large-community"),
    "extended": ("extcommunity-list standard", "extcommunity"),
}


def kind_of(members: list[str]) -> str:
    """FRR's kind of list for a community's members."""
    if any(member.startswith("large:") for member in members):
        return "large"
    if any(member.startswith(("target:", "origin:")) for member in members):
        return "extended"
    plain = ("no-export", "no-advertise", "no-export-subconfed")
    if all(member in plain or member.replace(":", "").isdigit() for member in members):
        return "standard"
    return "expanded"


def _spelled(kind: str, member: str) -> str:
    if kind == "large":
        return member.partition(":")[2]
    if kind == "extended":
        return member.replace("target:", "rt ").replace("origin:", "soo ")
    if kind == "expanded":
        return (
            "_"
            + member.replace("^", "").replace("$", "").replace(".", "[0-9]").replace("*", "[0-9]*" if member == "*:*" else "*")
            + "_"
        )
    return {"no-export-subconfed": "local-AS"}.get(member, member)


def _has_prefix(conditions: Tree) -> bool:
    return any(key in conditions for key in ("route-filter", "prefix-list", "prefix-list-filter"))


def _lengths(prefix: str, options: Tree) -> tuple[int, int]:
    """(least, most) prefix length that a match type lets pass."""
    own = ipaddress.ip_network(prefix).prefixlen
    most = 128 if ":" in prefix else 32
    if "orlonger" in options:
        return own, most
    if "longer" in options:
        return own + 1, most
    if "upto" in options:
        return own, min(most, int(options["upto"][1:]))
    if "prefix-length-range" in options:
        low, _, high = options["prefix-length-range"].partition("-")
        return max(own, int(low[1:])), min(most, int(high[1:]))
    return own, own


def _bounds(own: int, least: int, most: int) -> str:
    """FRR's words for lengths of a prefix list's rule."""
    if least == most == own:
        return ""
    return (f" ge {least}" if least > own else "") + f" le {most}"


def _holds(prefix: str, inner: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    outer = ipaddress.ip_network(prefix)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _passes(network: ipaddress.IPv4Network | ipaddress.IPv6Network, filters: list[tuple[str, int, int]]) -> bool:
    holding = [one for one in filters if _holds(one[0], network)]
    longest = max((ipaddress.ip_network(one[0]).prefixlen for one in holding), default=-1)
    return any(one[1] <= network.prefixlen <= one[2] for one in holding if ipaddress.ip_network(one[0]).prefixlen == longest)


FRR_NAMES = {
    "inet": {"direct": "connected", "static": "static", "ospf": "ospf", "isis": "isis", "bgp": "bgp"},
    "inet6": {"direct": "connected", "static": "static", "ospf3": "ospf6", "isis": "isis", "bgp": "bgp"},
}
"""Protocols whose routes of a family can be given to others."""


def merge(lines: Lines, more: Lines) -> None:
    for block, inner in more.items():
        here = lines.setdefault(block, [])
        here += [line for line in inner if line not in here]


def redistributions(tree: Tree, lines: Lines, chain: list[str], name: str, family: str, into: str) -> list[tuple[str, str]]:
    """(FRR's protocol, route map) of what an export chain lets into an interior protocol; the maps are added to `lines`."""
    found = []
    for protocol, word in FRR_NAMES[family].items():
        if protocol == into:
            continue
        compiler = Compiler(tree, Use(f"{name}-{word}", family, protocol=protocol, external=into.startswith("ospf")))
        compiler.compile(chain)
        if compiler.accepts():
            merge(lines, compiler.lines())
            found.append((word, compiler.use.name))
    return found
