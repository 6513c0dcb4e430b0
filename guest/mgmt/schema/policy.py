"""`policy-options`: prefix lists, communities, AS paths and policies; FRR's route maps are made of them."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves

PROTOCOL = t.one_of(
    "protocol",
    aggregate="Aggregate routes",
    bgp="BGP",
    direct="Directly connected routes",
    isis="IS-IS",
    local="Local system addresses",
    ospf="OSPF",
    ospf2="OSPFv2",
    ospf3="OSPFv3",
    static="Statically defined addresses",
)
MATCHES = ("exact", "longer", "orlonger", "upto", "prefix-length-range")


def _others(name: str) -> tuple[str, ...]:
    return tuple(other for other in MATCHES if other != name)


def _match_types(*names: str) -> tuple[Node, ...]:
    help_ = {
        "exact": "Exactly match the prefix length",
        "longer": "Mask is greater than the prefix length",
        "orlonger": "Mask is greater than or equal to the prefix length",
    }
    return tuple(flag(name, help_[name], excludes=_others(name)) for name in names)


ROUTE_FILTER = entries(
    "route-filter",
    "List of routes to match",
    t.any_prefix,
    *_match_types("exact", "longer", "orlonger"),
    leaf("upto", "Mask falls between two lengths: this prefix's and this one", t.length, excludes=_others("upto")),
    leaf("prefix-length-range", "Mask falls between two prefix lengths", t.length_range, excludes=_others("prefix-length-range")),
    oneline=True,
)
PREFIX_LIST_FILTER = entries(
    "prefix-list-filter",
    "List of prefix-list-filters to match",
    t.name,
    *_match_types("exact", "longer", "orlonger"),
    oneline=True,
)

FROM = container(
    "from",
    "Conditions to match the source of a route",
    leaves("protocol", "Protocol from which route was learned", PROTOCOL),
    leaf("family", "Family", t.one_of("family", inet="IPv4", inet6="IPv6")),
    ROUTE_FILTER,
    leaves("prefix-list", "List of prefix-lists of routes to match", t.name),
    PREFIX_LIST_FILTER,
    leaves("community", "BGP community", t.name),
    leaves("as-path", "Name of AS path regular expression (BGP only)", t.name),
    leaves("neighbor", "Neighboring router", t.address),
    leaves("interface", "Interface name or address", t.logical_interface),
    leaves("next-hop", "Next-hop router", t.address),
    leaf("metric", "Metric value", t.number("metric", 0, 4294967295)),
    leaf("local-preference", "Local preference associated with a route", t.number("preference", 0, 4294967295)),
    leaf("origin", "BGP origin attribute", t.one_of("origin", igp="IGP", egp="EGP", incomplete="Incomplete")),
    leaf("tag", "Tag string", t.number("tag", 1, 4294967295)),
    ineffective(leaf("rib", "Routing table", t.rib)),
    ineffective(leaf("area", "OSPF area identifier", t.area)),
    ineffective(leaf("level", "IS-IS level", t.number("level", 1, 2))),
    ineffective(leaves("policy", "Name of policy to evaluate", t.name)),
    ineffective(leaf("route-type", "Route type", t.one_of("type", internal="Internal", external="External"))),
    oneline=True,
)

COMMUNITY_ACTIONS = container(
    "community",
    "BGP community properties associated with a route",
    leaves("set", "Set the BGP communities in the route", t.name),
    leaves("delete", "Remove BGP communities from the route", t.name),
    leaves("add", "Add BGP communities to the route", t.name),
    joined=True,
)


def _then() -> Node:
    return container(
        "then",
        "Actions to take if 'from' and 'to' conditions match",
        leaf("metric", "Metric value", t.number("metric", 0, 4294967295)),
        leaf("local-preference", "Local preference associated with a route", t.number("preference", 0, 4294967295)),
        leaf("preference", "Preference associated with a route", t.number("preference", 1, 255)),
        leaf("origin", "BGP path origin", t.one_of("origin", igp="IGP", egp="EGP", incomplete="Incomplete")),
        leaf("as-path-prepend", "Prepend AS numbers to an AS path", t.as_list),
        COMMUNITY_ACTIONS,
        leaf(
            "next-hop",
            "Set the address of the next-hop router",
            t.either(
                "next-hop", t.one_of("next-hop", self="This router"), t.one_of("next-hop", peer_address="The peer"), t.address
            ),
        ),
        leaf("tag", "Tag string", t.number("tag", 1, 4294967295)),
        container(
            "external",
            "External route",
            leaf("type", "OSPF external route type", t.number("type", 1, 2)),
            oneline=True,
            presence=True,
        ),
        ineffective(container("load-balance", "Type of load balancing in forwarding table", flag("per-packet", "Per flow"))),
        ineffective(leaf("class", "Set class-of-service parameters", t.word)),
        ineffective(flag("trace", "Log matches to a trace file")),
        leaf("default-action", "Set default policy action", t.one_of("action", accept="Accept", reject="Reject")),
        flag("accept", "Accept a route", excludes=("reject", "next")),
        flag("reject", "Reject a route", excludes=("accept", "next")),
        leaf(
            "next",
            "Skip to next policy or term",
            t.one_of("next", policy="Next policy", term="Next term"),
            excludes=("accept", "reject"),
        ),
        oneline=True,
    )


POLICY = container(
    "policy-options",
    "Policy option configuration",
    entries(
        "prefix-list",
        "Define a named set of address prefixes",
        t.name,
        entries("prefix-list-item", "Address prefix", t.any_prefix, bare=True, oneline=True),
        ineffective(leaf("apply-path", "Apply IP prefixes from a configuration statement", t.text)),
    ),
    entries(
        "policy-statement",
        "Define a routing policy",
        t.name,
        entries(
            "term",
            "Policy term",
            t.name,
            FROM,
            ineffective(
                container(
                    "to",
                    "Conditions to match the destination of a route",
                    leaves("protocol", "Protocol", t.word),
                    leaves("neighbor", "Neighbor", t.address),
                    leaf("rib", "Table", t.rib),
                )
            ),
            _then(),
            ordered=True,
        ),
        FROM,
        _then(),
    ),
    entries(
        "community",
        "Define a BGP community",
        t.name,
        leaves("members", "Community members", t.community_member),
        ineffective(flag("invert-match", "Invert the result of the community expression matching")),
        oneline=True,
    ),
    entries(
        "as-path",
        "Define an AS path regular expression",
        t.name,
        leaf("path", "Regular expression", t.as_path, bare=True),
        oneline=True,
    ),
    by="frr",
)
