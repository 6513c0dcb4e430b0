"""`routing-options`: what all routing protocols share, and static routes."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, leaf, leaves

ROUTING_OPTIONS = container(
    "routing-options",
    "Protocol-independent routing option configuration",
    leaf("router-id", "Router identifier", t.ipv4),
    leaf("autonomous-system", "Autonomous system number", t.as_number),
    container(
        "static",
        "Static routes",
        entries(
            "route",
            "Static route",
            t.prefix,
            leaves("next-hop", "Next hop to destination", t.address, excludes=("discard",)),
            flag("discard", "Drop packets to destination; send no ICMP unreachables", excludes=("next-hop",)),
            leaf("preference", "Preference value", t.number("preference", 1, 255)),
            oneline=True,
        ),
    ),
    by="frr",
)
