"""What the kernel and chassisd know of interfaces, addresses and cards, in the router's own names."""

from __future__ import annotations

import socket
import struct
import sys

TYPE_CHECKING = False  # typing, re and what they need take an emulated processor half a second to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

GIGABIT = 1_000_000_000
ETHERNET_HEADER = 14
"""Junos counts it in the MTU of a physical interface ("media MTU"): kernel 1500 is 1514."""
IFF_UP, IFF_LOOPBACK = 1, 8
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR = 16, 18, 20, 22
NLM_F_DUMP_REQUEST, NLMSG_DONE, NLMSG_ERROR = 0x301, 3, 2
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_IFALIAS, IFLA_STATS64, IFLA_CARRIER = 1, 3, 4, 20, 23, 33
COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast")
IFA_ADDRESS, IFA_LOCAL = 1, 2

Address = tuple[int, bytes, int]
"""Family, octets, prefix length."""


def card_port(kernel: str) -> tuple[int, int] | None:
    """(card, port) of a Unix interface such as ge-1-0-3; None for others."""
    words = kernel.split("-")
    if len(words) == 4 and words[0] == "ge" and words[2] == "0" and words[1].isdecimal() and words[3].isdecimal():
        return int(words[1]), int(words[3])
    return None


class Interface:
    """`card` is None for fxp0 and lo0. Speed in bit/s, MTU in bytes as Junos reports it. Made of one link message."""

    def __init__(self, index: int, flags: int, attributes: dict[int, bytes]) -> None:
        self.kernel = _name(attributes)
        self.flags = flags
        self.index = index
        self.card: int | None = None
        self.port = 0
        place = card_port(self.kernel)
        if place:
            self.card, self.port = place
        self.name = {"lo": "lo0"}.get(self.kernel, self.kernel) if self.card is None else f"ge-{self.card}/0/{self.port}"
        self.mac = attributes.get(IFLA_ADDRESS, b"") if not self.loopback else b""
        (mtu,) = struct.unpack("=L", attributes.get(IFLA_MTU, bytes(4)))
        self.mtu = mtu if self.loopback else mtu + ETHERNET_HEADER
        self.speed = 0 if self.loopback else GIGABIT
        self.alias = attributes.get(IFLA_IFALIAS, b"").rstrip(bytes(1)).decode(errors="replace")
        self.admin_up = bool(self.flags & IFF_UP)
        # protodown (a card without carrier) shows as no carrier.
        self.oper_up = self.admin_up and (self.loopback or attributes.get(IFLA_CARRIER, b"")[:1] == b"\1")
        self._counters = attributes.get(IFLA_STATS64, b"")
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
    for message in _dump(RTM_GETLINK, RTM_NEWLINK):
        _, _, _, index, flags, _ = struct.unpack_from("=BBHiII", message)
        attributes = _attributes(message, 16)
        name = _name(attributes)
        if name in {"lo", "fxp0"} or card_port(name):
            found.append(Interface(index, flags, attributes))
    by_kernel = {interface.index: interface for interface in found}
    for index, address in addresses():
        if index in by_kernel:
            by_kernel[index].addresses.append(address)
    return sorted(found, key=lambda interface: interface.if_index)


def _name(attributes: dict[int, bytes]) -> str:
    return attributes.get(IFLA_IFNAME, b"").rstrip(bytes(1)).decode(errors="replace")


def addresses() -> list[tuple[int, Address]]:
    """(kernel's interface index, address) pairs, IPv4 and IPv6."""
    found = (_address(message) for message in _dump(RTM_GETADDR, RTM_NEWADDR))
    return [entry for entry in found if entry]


def _dump(request: int, kind: int) -> Iterator[bytes]:
    """The messages of one rtnetlink dump (rtnetlink(7)), each less its header of 16 octets."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
        line.settimeout(2)
        # struct nlmsghdr, then an empty struct ifinfomsg; the kernel takes its first octet as the family for addresses.
        line.send(struct.pack("=LHHLL16x", 32, request, NLM_F_DUMP_REQUEST, 1, 0))
        while True:
            data = line.recv(65536)
            at = 0
            while at + 16 <= len(data):
                length, got = struct.unpack_from("=LH", data, at)
                if got in {NLMSG_DONE, NLMSG_ERROR}:
                    return
                if got == kind:
                    yield data[at + 16 : at + length]
                at += (length + 3) & ~3


def _attributes(message: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        found[kind] = message[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)
    return found


def _address(message: bytes) -> tuple[int, Address] | None:
    family, prefix, _, _, index = struct.unpack_from("=BBBBL", message)
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    attributes = _attributes(message, 8)
    octets = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
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
