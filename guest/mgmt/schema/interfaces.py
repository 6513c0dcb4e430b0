"""`interfaces`: management (fxp0), loopback (lo0) and the cards' ports (ge-)."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, leaf

INTERFACES = container(
    "interfaces",
    "Interface configuration",
    entries(
        "interface",
        "Interface name",
        t.interface,
        leaf("description", "Text description of interface", t.text),
        flag("disable", "Disable this interface"),
        leaf(
            "mtu", "Maximum transmit packet size of the media, with the 14 bytes of Ethernet header", t.number("mtu", 256, 9192)
        ),
        entries(
            "unit",
            "Logical interface",
            t.number("unit", 0, 0),
            leaf("description", "Text description of logical interface", t.text),
            container(
                "family",
                "Protocol family",
                container(
                    "inet",
                    "IPv4 parameters",
                    entries("address", "Interface address/destination prefix", t.ipv4_interface, oneline=True),
                    flag("dhcp", "Take the address from a DHCP server (fxp0)"),
                    presence=True,
                ),
                container(
                    "inet6",
                    "IPv6 protocol parameters",
                    entries("address", "Interface address/destination prefix", t.ipv6_interface, oneline=True),
                    presence=True,
                ),
                container(
                    "iso",
                    "OSI ISO protocol parameters",
                    entries("address", "Interface address", t.iso_address, oneline=True),
                    presence=True,
                ),
                joined=True,
            ),
        ),
        bare=True,
    ),
    by="interfaces",
)
