"""`protocols`: routing protocols, done by FRR."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, leaf


def ospf(name: str, help_: str) -> Node:
    """OSPF for IPv4 and for IPv6 have the same statements."""
    return container(
        name,
        help_,
        entries(
            "area",
            "Configure an OSPF area",
            t.area,
            entries(
                "interface",
                "Include an interface in this area",
                t.logical_interface,
                leaf(
                    "interface-type",
                    "Type of interface",
                    t.one_of("interface-type", p2p="Point-to-point", broadcast="Broadcast"),
                ),
                flag("passive", "Do not run OSPF, but advertise it"),
                leaf("metric", "Interface metric", t.number("metric", 1, 65535)),
                leaf("hello-interval", "Hello interval (seconds)", t.number("seconds", 1, 255)),
                leaf("dead-interval", "Dead interval (seconds)", t.number("seconds", 1, 65535)),
                flag("disable", "Disable OSPF on this interface"),
            ),
        ),
    )


LEVEL = entries(
    "level",
    "Configure levels on this interface",
    t.number("level", 1, 2),
    flag("disable", "Disable IS-IS for this level"),
    leaf("metric", "Metric for this level", t.number("metric", 1, 16777215)),
    oneline=True,
)

ISIS = container(
    "isis",
    "IS-IS configuration",
    entries(
        "level",
        "Configure global level attributes",
        t.number("level", 1, 2),
        flag("disable", "Disable IS-IS for this level"),
        oneline=True,
    ),
    entries(
        "interface",
        "Interface to run IS-IS on",
        t.logical_interface,
        flag("passive", "Do not run IS-IS, but advertise it"),
        flag("point-to-point", "Treat interface as point to point"),
        LEVEL,
    ),
)

FAMILIES = container(
    "family",
    "Protocol family for NLRIs in updates",
    container("inet", "IPv4 NLRI parameters", flag("unicast", "Include unicast NLRI")),
    container("inet6", "IPv6 NLRI parameters", flag("unicast", "Include unicast NLRI")),
    joined=True,
)

BGP = container(
    "bgp",
    "BGP options",
    entries(
        "group",
        "Define a peer group",
        t.pattern("group-name", r"[A-Za-z0-9_.-]{1,64}", "letters, digits, dots, - and _ are needed, at most 64"),
        leaf("type", "Type of peer group", t.one_of("type", internal="Internal group", external="External group")),
        leaf("description", "Text description", t.text),
        leaf("local-address", "Address of local end of BGP session", t.address),
        FAMILIES,
        leaf("peer-as", "Autonomous system number", t.as_number),
        entries(
            "neighbor",
            "Configure a neighbor",
            t.address,
            leaf("description", "Text description", t.text),
            leaf("local-address", "Address of local end of BGP session", t.address),
            leaf("peer-as", "Autonomous system number", t.as_number),
        ),
    ),
)

PROTOCOLS = container(
    "protocols",
    "Routing protocol configuration",
    BGP,
    ISIS,
    ospf("ospf", "OSPF configuration"),
    ospf("ospf3", "OSPFv3 configuration"),
    by="frr",
)
