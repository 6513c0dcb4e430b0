"""What the kernel and chassisd know of interfaces, addresses and cards, in the router's own names."""

from __future__ import annotations

import socket
import struct
import sys
import time

from system import ifindex
from system.netlink import (
    IFA_ADDRESS,
    IFA_LOCAL,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_MASTER,
    IFLA_MTU,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    attributes,
    dump,
    text,
)
from system.ports import ETHERNET_HEADER, router_name, tunnelled

TYPE_CHECKING = False  # typing, re and what they need take an emulated processor half a second to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GIGABIT = 1_000_000_000
IFF_UP, IFF_LOOPBACK = 1, 8
IFLA_ADDRESS, IFLA_STATS64, IFLA_CARRIER = 1, 23, 33
IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BOND_SLAVE_PERM_HWADDR = 18, 5, 4
COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast",
            "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors",
            "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors",
            "tx_window_errors")  # fmt: skip
SCOPE_HOST = 254
FRESH, REST = 1.0, 10
"""As of lookup: seconds for which what was read counts, and how many times longer than reading it took."""

Address = tuple[int, bytes, int]
"""Family, octets, prefix length."""


def own_address(known: dict[int, bytes]) -> bytes:
    """The port's own MAC: a member of an aggregate shows the aggregate's, and its own as data of the member."""
    of_member = attributes(attributes(known.get(IFLA_LINKINFO, b""), 0).get(IFLA_INFO_SLAVE_DATA, b""), 0)
    return of_member.get(IFLA_BOND_SLAVE_PERM_HWADDR) or known.get(IFLA_ADDRESS, b"")


class Interface:
    """A port, an aggregate, fxp0, lo0, or a unit with a VLAN, made of one link message. `card` is None where there is none.

    `units`: (name, what carries it) of the logical interfaces: unit 0 without a VLAN is the port itself. `members`: of an
    aggregate. `link_info`: what the kernel tells of a bond and its members. Speed in bit/s, MTU in bytes as Junos reports it.
    """

    def __init__(self, name: str, index: int, flags: int, known: dict[int, bytes]) -> None:
        self.name = name
        self.flags = flags
        self.index = index
        self.card: int | None = None
        self.port = 0
        if self.name.startswith("ge-"):
            card, _, port = self.name[3:].partition(".")[0].split("/")
            self.card, self.port = int(card), int(port)
        self.master = int.from_bytes(known.get(IFLA_MASTER, b""), sys.byteorder)
        self.mac = own_address(known) if not self.loopback else b""
        (mtu,) = struct.unpack("=L", known.get(IFLA_MTU, bytes(4)))
        self.mtu = mtu if self.loopback else mtu + ETHERNET_HEADER
        self.alias = text(known.get(IFLA_IFALIAS, b""))
        self.admin_up = bool(self.flags & IFF_UP)
        # protodown (a card without carrier) shows as no carrier.
        self.oper_up = self.admin_up and (self.loopback or known.get(IFLA_CARRIER, b"")[:1] == b"\1")
        self.link_info = known.get(IFLA_LINKINFO, b"")
        self._counters = known.get(IFLA_STATS64, b"")
        self.addresses: list[Address] = []
        self.units: list[tuple[str, Interface]] = []
        self.members: list[Interface] = []

    @property
    def loopback(self) -> bool:
        return bool(self.flags & IFF_LOOPBACK)

    @property
    def aggregate(self) -> bool:
        return self.name.startswith("ae")

    @property
    def speed(self) -> int:
        return 0 if self.loopback else GIGABIT * len(self.members) if self.aggregate else GIGABIT

    @property
    def if_index(self) -> int:
        return ifindex.physical(self.name)

    def count(self, what: str) -> int:
        """A counter of struct rtnl_link_stats64 (linux/if_link.h); octets are those of whole frames (RFC 2863, ifInOctets)."""
        at = COUNTERS.index(what) * 8
        value = int.from_bytes(self._counters[at : at + 8], sys.byteorder)
        if what.endswith("_bytes") and tunnelled(self.name):
            return value + ETHERNET_HEADER * self.count(what.replace("bytes", "packets"))
        return value


class Card:
    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.since = 0.0
        self.ports: list[Interface] = []


class Facts:
    """What all tables of a walk are made of: read from the kernel once for them all.

    `chassis`: the path of chassisd's file; `silent`: of that with the interfaces that nobody is to be told of.
    """

    def __init__(self, chassis: str, read: Callable[[], list[Interface]] | None = None, *, silent: str = "") -> None:
        self._chassis = chassis
        self._silent = silent
        self._since: dict[str, float] = {}
        self.master_since = 0.0
        """When snmpd began to count sysUpTime, monotonic seconds."""
        self._read = read or read_interfaces
        self._kept: list[Interface] = []
        self._until = float("-inf")

    def interfaces(self) -> list[Interface]:
        """All but units, in the order of ifIndex; as fresh as the tables that are made of them (lookup)."""
        began = time.monotonic()
        if began >= self._until:
            self._kept = self._read()
            ended = time.monotonic()
            self._until = ended + max(FRESH, REST * (ended - began))
        return self._kept

    def silent(self) -> frozenset[str]:
        """Interfaces and units whose going up and down is not told (`no-traps`)."""
        try:
            with open(self._silent, encoding="utf-8") as file:
                return frozenset(file.read().split())
        except OSError:
            return frozenset()

    def now_different(self, name: str) -> None:
        """An interface or a unit went up or down."""
        self._since[name] = time.monotonic()

    def last_change(self, name: str) -> int:
        """ifLastChange: sysUpTime at which it came into its state, in 1/100 s; 0 when that was before snmpd's start."""
        since = self._since.get(name, 0.0)
        return max(0, int((since - self.master_since) * 100)) if since else 0

    def changed(self) -> None:
        """What was read counts no longer."""
        self._until = float("-inf")

    def cards(self) -> list[Card]:
        """The cards that chassisd has; without its file, those whose ports the kernel has."""
        found: dict[int, Card] = {}
        for entry in _chassis(self._chassis):
            card = found.setdefault(int(entry["slot"]), Card(int(entry["slot"])))
            card.since = float(entry.get("since") or 0)
        for port in self.interfaces():
            if port.card is not None:
                found.setdefault(port.card, Card(port.card)).ports.append(port)
        return [found[slot] for slot in sorted(found)]


def made_of(message: bytes) -> Interface | None:
    """Of a link message (struct ifinfomsg, rtnetlink(7)); None for one that is not the router's to show by SNMP."""
    _, _, _, index, flags, _ = struct.unpack_from("=BBHiII", message)
    known = attributes(message, 16)
    name = router_name(text(known.get(IFLA_IFNAME, b""))) or ""
    return Interface(name, index, flags, known) if ifindex.physical(name.partition(".")[0]) else None


def read_interfaces() -> list[Interface]:
    """Two dumps of the kernel's."""
    found = {made.index: made for message in dump(RTM_GETLINK, RTM_NEWLINK) if (made := made_of(message)) is not None}
    for index, address in addresses():
        if index in found:
            found[index].addresses.append(address)
    ports = {one.name: one for one in found.values() if "." not in one.name}
    for one in ports.values():
        above = found.get(one.master)
        if above is not None and above.aggregate:
            above.members.append(one)
        if above in ports.values() or any(not link_local(address) for address in one.addresses):
            one.units.append((f"{one.name}.0", one))
    for one in sorted(found.values(), key=lambda one: ifindex.logical(one.name)):
        port, dot, _ = one.name.partition(".")
        if dot and port in ports:
            ports[port].units.append((one.name, one))
    return sorted(ports.values(), key=lambda one: one.if_index)


def link_local(address: Address) -> bool:
    """An address that every IPv6 interface has, configured or not."""
    return address[0] == socket.AF_INET6 and address[1][:1] == b"\xfe" and address[1][1] & 0xC0 == 0x80


def addresses() -> list[tuple[int, Address]]:
    """(kernel's interface index, address) pairs, IPv4 and IPv6, without those that reach this machine only (127.0.0.1)."""
    found = (_address(message) for message in dump(RTM_GETADDR, RTM_NEWADDR))
    return [entry for entry in found if entry]


def _address(message: bytes) -> tuple[int, Address] | None:
    family, prefix, _, scope, index = struct.unpack_from("=BBBBL", message)
    if family not in {socket.AF_INET, socket.AF_INET6} or scope == SCOPE_HOST:
        return None
    known = attributes(message, 8)
    octets = known.get(IFA_LOCAL) or known.get(IFA_ADDRESS)
    return (index, (family, octets, prefix)) if octets else None


def _chassis(path: str) -> list[dict[str, Any]]:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
    except (OSError, ValueError):
        # Not there yet, or being written: the kernel's interfaces tell.
        return []
    return list(read.get("cards", ()))
