"""`routing-options`: what all routing protocols share, and static routes; of the router and of each routing instance."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves

REACH = ("next-hop", "discard", "reject")


def static() -> Node:
    return container(
        "static",
        "Static routes",
        entries(
            "route",
            "Static route",
            t.prefix,
            leaves("next-hop", "Next hop to destination", t.address, excludes=("discard", "reject")),
            entries(
                "qualified-next-hop",
                "Next hop with qualifiers",
                t.address,
                leaf("preference", "Preference of qualified next hop", t.number("preference", 1, 255)),
                leaf("interface", "Interface of qualified next hop", t.logical_interface),
                ineffective(leaf("metric", "Metric of qualified next hop", t.number("metric", 0, 4294967295))),
                oneline=True,
            ),
            flag("discard", "Drop packets to destination; send no ICMP unreachables", excludes=("next-hop", "reject")),
            flag("reject", "Drop packets to destination; send ICMP unreachables", excludes=("next-hop", "discard")),
            leaf("preference", "Preference value", t.number("preference", 1, 255)),
            leaf("tag", "Tag string", t.number("tag", 1, 4294967295)),
            ineffective(leaf("metric", "Metric value", t.number("metric", 0, 4294967295))),
            *(
                ineffective(flag(name, help_))
                for name, help_ in (
                    ("install", "Install route into forwarding table"),
                    ("no-install", "Don't install route into forwarding table"),
                    ("readvertise", "Mark route as eligible to be readvertised"),
                    ("no-readvertise", "Don't mark route as eligible to be readvertised"),
                    ("retain", "Always keep route in forwarding table"),
                    ("no-retain", "Don't keep"),
                    ("resolve", "Allow resolution of indirectly connected next hops"),
                    ("no-resolve", "Don't"),
                )
            ),
            oneline=True,
        ),
    )


def statements() -> tuple[Node, ...]:
    """What the router's own and an instance's routing-options have."""
    return (
        leaf("router-id", "Router identifier", t.ipv4),
        leaf("autonomous-system", "Autonomous system number", t.as_number),
        static(),
        entries("rib", "Routing table options", t.rib, static()),
        ineffective(
            container(
                "martians",
                "Invalid routes",
                entries(
                    "route",
                    "Route",
                    t.any_prefix,
                    flag("exact", "Exact"),
                    flag("orlonger", "Or longer"),
                    flag("allow", "Allow"),
                    flag("longer", "Longer"),
                    bare=True,
                    oneline=True,
                ),
            )
        ),
        ineffective(
            container(
                "graceful-restart", "Graceful or hitless routing restart options", flag("disable", "Disable"), presence=True
            )
        ),
        ineffective(flag("nonstop-routing", "Enable nonstop routing")),
        ineffective(leaf("maximum-paths", "Maximum number of paths", t.number("paths", 1, 4294967295))),
        ineffective(container("forwarding-table", "Forwarding table options", leaves("export", "Export policy", t.name))),
    )


STATEMENTS = statements()

ROUTING_OPTIONS = container("routing-options", "Protocol-independent routing option configuration", *STATEMENTS, by="frr")
