"""What the kernel and chassisd know of interfaces, addresses and cards, in the router's own names."""

from __future__ import annotations

import socket
import struct
import sys

from system.netlink import (
    IFA_ADDRESS,
    IFA_LOCAL,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_MTU,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    attributes,
    dump,
    text,
)
from system.ports import card_port

TYPE_CHECKING = False  # typing, re and what they need take an emulated processor half a second to import
if TYPE_CHECKING:
    from typing import Any

GIGABIT = 1_000_000_000
ETHERNET_HEADER = 14
"""Junos counts it in the MTU of a physical interface ("media MTU"): kernel 1500 is 1514."""
IFF_UP, IFF_LOOPBACK = 1, 8
IFLA_ADDRESS, IFLA_STATS64, IFLA_CARRIER = 1, 23, 33
IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BOND_SLAVE_PERM_HWADDR = 18, 5, 4
COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast")

Address = tuple[int, bytes, int]
"""Family, octets, prefix length."""


def own_address(known: dict[int, bytes]) -> bytes:
    """The port's own MAC: a member of an aggregate shows the aggregate's, and its own as data of the member."""
    of_member = attributes(attributes(known.get(IFLA_LINKINFO, b""), 0).get(IFLA_INFO_SLAVE_DATA, b""), 0)
    return of_member.get(IFLA_BOND_SLAVE_PERM_HWADDR) or known.get(IFLA_ADDRESS, b"")


class Interface:
    """`card` is None for fxp0 and lo0. Speed in bit/s, MTU in bytes as Junos reports it. Made of one link message."""

    def __init__(self, index: int, flags: int, known: dict[int, bytes]) -> None:
        self.kernel = text(known.get(IFLA_IFNAME, b""))
        self.flags = flags
        self.index = index
        self.card: int | None = None
        self.port = 0
        place = card_port(self.kernel)
        if place:
            self.card, self.port = place
        self.name = {"lo": "lo0"}.get(self.kernel, self.kernel) if self.card is None else f"ge-{self.card}/0/{self.port}"
        self.mac = own_address(known) if not self.loopback else b""
        (mtu,) = struct.unpack("=L", known.get(IFLA_MTU, bytes(4)))
        self.mtu = mtu if self.loopback else mtu + ETHERNET_HEADER
        self.speed = 0 if self.loopback else GIGABIT
        self.alias = text(known.get(IFLA_IFALIAS, b""))
        self.admin_up = bool(self.flags & IFF_UP)
        # protodown (a card without carrier) shows as no carrier.
        self.oper_up = self.admin_up and (self.loopback or known.get(IFLA_CARRIER, b"")[:1] == b"\1")
        self._counters = known.get(IFLA_STATS64, b"")
        self.addresses: list[Address] = []

    @property
    def loopback(self) -> bool:
        return bool(self.flags & IFF_LOOPBACK)

    @property
    def if_index(self) -> int:
        """A function of the name alone, so that it outlives restarts of card and controller."""
        if self.card is not None:
            return 500 + self.card * 64 + self.port
        return {"fxp0": 1, "lo0": 6}.get(self.name, 0)

    @property
    def unit_index(self) -> int:
        """ifIndex of the logical interface (unit 0), which has the addresses."""
        return {1: 13, 6: 16}.get(self.if_index, 10_000 + self.if_index)

    def count(self, what: str) -> int:
        """A counter of struct rtnl_link_stats64 (linux/if_link.h)."""
        at = COUNTERS.index(what) * 8
        return int.from_bytes(self._counters[at : at + 8], sys.byteorder)


class Card:
    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.since = 0.0
        self.ports: list[Interface] = []


def interfaces() -> list[Interface]:
    """Ports, fxp0 and lo0 in the order of ifIndex, with their addresses: two dumps of the kernel's, whatever their number."""
    found = []
    for message in dump(RTM_GETLINK, RTM_NEWLINK):
        _, _, _, index, flags, _ = struct.unpack_from("=BBHiII", message)
        known = attributes(message, 16)
        name = text(known.get(IFLA_IFNAME, b""))
        if name in {"lo", "fxp0"} or card_port(name):
            found.append(Interface(index, flags, known))
    by_kernel = {interface.index: interface for interface in found}
    for index, address in addresses():
        if index in by_kernel:
            by_kernel[index].addresses.append(address)
    return sorted(found, key=lambda interface: interface.if_index)


def addresses() -> list[tuple[int, Address]]:
    """(kernel's interface index, address) pairs, IPv4 and IPv6."""
    found = (_address(message) for message in dump(RTM_GETADDR, RTM_NEWADDR))
    return [entry for entry in found if entry]


def _address(message: bytes) -> tuple[int, Address] | None:
    family, prefix, _, _, index = struct.unpack_from("=BBBBL", message)
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    known = attributes(message, 8)
    octets = known.get(IFA_LOCAL) or known.get(IFA_ADDRESS)
    return (index, (family, octets, prefix)) if octets else None


def cards(chassis: str, ports: list[Interface]) -> list[Card]:
    """The cards that chassisd has; without its file, those whose ports the kernel has."""
    found: dict[int, Card] = {}
    for entry in _chassis(chassis):
        card = found.setdefault(int(entry["slot"]), Card(int(entry["slot"])))
        card.since = float(entry.get("since") or 0)
    for port in ports:
        if port.card is not None:
            found.setdefault(port.card, Card(port.card)).ports.append(port)
    return [found[slot] for slot in sorted(found)]


def _chassis(path: str) -> list[dict[str, Any]]:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
    except (OSError, ValueError):
        # Not there yet, or being written: the kernel's interfaces tell.
        return []
    return list(read.get("cards", ()))
