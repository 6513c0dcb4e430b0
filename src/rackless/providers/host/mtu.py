"""How long the packets are that carry a wire's frames between two hosts (VXLAN, RFC 7348 section 5)."""

from __future__ import annotations

import ipaddress

INNER = 14 + 4
"""Octets of Ethernet's header before the IP packet in a frame, with one VLAN tag (IEEE 802.3, 802.1Q)."""
VXLAN = 8
UDP = 8
HEADER = {4: 20, 6: 40}
"""Of IP, without options."""


def around(address: str) -> int:
    """Octets around a wire's IP packet, between ends with addresses like this one: 54, of IPv6 74."""
    return INNER + VXLAN + UDP + HEADER[ipaddress.ip_address(address).version]


def needed(octets: int, address: str) -> int:
    """That the network has to carry for a wire's IP packets of so many octets."""
    return octets + around(address)


def way_out(wanted: int, found: int, address: str) -> str:
    narrower = found - around(address)
    less = f", or set `wire-mtu: {narrower}` of both hosts in site.yaml, if labs send nothing longer" if narrower >= 576 else ""
    return f"Raise the MTU of the network between the hosts to {wanted}{less}."
