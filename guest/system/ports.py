"""Names: the router's interfaces and the Unix ones that stand for them. Pure.

Without regular expressions: importing `re` takes an emulated processor a fifth of a second.
"""

from __future__ import annotations

KINDS = ("ge", "xe", "et")
"""Kinds of Ethernet ports by their speed, as the dialect names them."""
ETHERNET_HEADER = 14
"""Octets. Junos counts it in the MTU of a physical interface ("media MTU"): kernel 1500 is 1514."""


def _decimal(word: str) -> bool:
    return word.isascii() and word.isdecimal()


def kernel_name(name: str) -> str:
    """The Unix interface of a port: ge-0/0/0 -> ge-0-0-0, lo0 -> lo; a logical one's unit is dropped."""
    name = name.partition(".")[0]
    return "lo" if name == "lo0" else name.replace("/", "-")


def router_name(kernel: str) -> str | None:
    """The router's name of a Unix interface (with the unit when that has its own), None when the router does not show it.

    ge-1-0-3 -> ge-1/0/3, ge-1-0-3.70 -> ge-1/0/3.70, ae0 -> ae0, irb.5 -> irb.5, lo -> lo0, int -> em1.
    """
    if kernel in ("lo", "int", "fxp0"):
        return {"lo": "lo0", "int": "em1"}.get(kernel, kernel)
    port, dot, unit = kernel.partition(".")
    if dot and not _decimal(unit):
        return None
    if (port.startswith("ae") and _decimal(port[2:])) or (port == "irb" and dot):
        return kernel
    kind, *place = port.split("-")
    if kind in KINDS and len(place) == 3 and all(_decimal(word) for word in place):
        return f"{kind}-{'/'.join(place)}{dot}{unit}"
    return None


def card_port(kernel: str) -> tuple[int, int] | None:
    """(card, port) of a Unix interface such as ge-1-0-3; None for others, also for a unit of one (ge-1-0-3.100)."""
    words = kernel.split("-")
    if len(words) == 4 and words[0] == "ge" and words[2] == "0" and _decimal(words[1]) and _decimal(words[3]):
        return int(words[1]), int(words[3])
    return None


def tunnelled(name: str) -> bool:
    """Whether the kernel counts octets of this port, ge-0/0/0 or ge-0-0-0, without the header of Ethernet, as it does for VXLAN
    (net/ipv4/ip_tunnel_core.c, iptunnel_xmit), and so for an aggregate. Not of a unit with a VLAN, an interface above it."""
    return name.startswith((*(f"{kind}-" for kind in KINDS), "ae")) and "." not in name
