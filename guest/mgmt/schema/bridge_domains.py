"""`bridge-domains`: layer 2 between ports, on Linux bridges."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, ineffective, leaf

BRIDGE_DOMAINS = container(
    "bridge-domains",
    "Bridge domain configuration",
    entries(
        "domain",
        "Bridge domain name",
        t.pattern(
            "domain-name", r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}", "letters, digits, dots, +, - and _ are needed, at most 63"
        ),
        leaf("description", "Text description of bridge domain", t.text),
        leaf("domain-type", "Type of domain", t.one_of("domain-type", bridge="Bridge domain")),
        leaf("vlan-id", "IEEE 802.1q VLAN identifier for bridging domain", t.vlan_or_none),
        entries("interface", "Interface name for this bridge domain", t.logical_interface, oneline=True),
        leaf("routing-interface", "Routing interface name for this bridge domain", t.irb),
        ineffective(
            container(
                "bridge-options",
                "Bridge domain options",
                leaf("mac-table-aging-time", "MAC table aging time (seconds)", t.number("seconds", 10, 1000000)),
                container(
                    "mac-table-size",
                    "Size of the MAC table",
                    leaf("limit", "Entries", t.number("entries", 16, 1048575), bare=True),
                ),
                flag("mac-statistics", "Enable MAC address statistics"),
                flag("no-mac-learning", "Disable dynamic MAC address learning"),
            )
        ),
        bare=True,
    ),
    by="interfaces",
)
