"""IP-MIB (RFC 4293): addresses, their prefixes and neighbours, at the ifIndex of the unit. Those in routing instances too."""

from __future__ import annotations

import socket
import struct

from snmp.smi import ADDRESS, GAUGE, INTEGER, MOST32, OBJECT, OCTETS, TICKS
from system import ifindex
from system.netlink import attributes, dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts
    from snmp.smi import Oid, Row

IPADDR = (1, 3, 6, 1, 2, 1, 4, 20, 1)
IPADDRESS = (1, 3, 6, 1, 2, 1, 4, 34, 1)
PREFIX = (1, 3, 6, 1, 2, 1, 4, 32, 1)
MEDIA = (1, 3, 6, 1, 2, 1, 4, 22, 1)
PHYSICAL = (1, 3, 6, 1, 2, 1, 4, 35, 1)
IPV4, IPV6 = 1, 2
"""InetAddressType (RFC 4001)."""
RTM_NEWNEIGH, RTM_GETNEIGH, NDA_DST, NDA_LLADDR = 28, 30, 1, 2
PERMANENT = 0x80
STATES = {0x02: 1, 0x04: 2, 0x08: 3, 0x10: 4, PERMANENT: 1}
"""ipNetToPhysicalState by the kernel's states (linux/neighbour.h); those without an address of the link layer have none."""
DYNAMIC, STATIC = 3, 4
ETERNAL = MOST32


def units(facts: Facts) -> dict[int, int]:
    """The kernel's interface index -> ifIndex of the unit."""
    return {unit.index: ifindex.logical(name) for port in facts.interfaces() for name, unit in port.units}


def inet(octets: bytes) -> Oid:
    """InetAddressType and InetAddress as parts of an index."""
    return (IPV4 if len(octets) == 4 else IPV6, len(octets), *octets)


def _addresses(facts: Facts) -> Iterator[tuple[int, int, bytes, int]]:
    """(ifIndex of the unit, family, octets, prefix length), of every address."""
    for port in facts.interfaces():
        for name, unit in port.units:
            for family, octets, prefix in unit.addresses:
                yield ifindex.logical(name), family, octets, prefix


def ipaddr_table(facts: Facts) -> Iterator[Row]:
    """IP-MIB ipAddrTable: IPv4, for old clients."""
    for unit, family, octets, prefix in _addresses(facts):
        if family == socket.AF_INET:
            mask = (MOST32 << (32 - prefix)) & MOST32
            yield (*IPADDR, 1, *octets), ADDRESS, octets
            yield (*IPADDR, 2, *octets), INTEGER, unit
            yield (*IPADDR, 3, *octets), ADDRESS, mask.to_bytes(4)
            yield (*IPADDR, 4, *octets), INTEGER, 1
            yield (*IPADDR, 5, *octets), INTEGER, 65535


def ipaddress_table(facts: Facts) -> Iterator[Row]:
    """IP-MIB ipAddressTable: both families. The prefix length is the last number of ipAddressPrefix."""
    for unit, _, octets, prefix in _addresses(facts):
        index = inet(octets)
        yield (*IPADDRESS, 3, *index), INTEGER, unit
        yield (*IPADDRESS, 4, *index), INTEGER, 1
        pointer = (*PREFIX, 5, unit, *inet(network(octets, prefix)), prefix)
        yield (*IPADDRESS, 5, *index), OBJECT, pointer
        yield (*IPADDRESS, 6, *index), INTEGER, 2
        yield (*IPADDRESS, 7, *index), INTEGER, 1
        yield (*IPADDRESS, 8, *index), TICKS, 0
        yield (*IPADDRESS, 9, *index), TICKS, 0
        yield (*IPADDRESS, 10, *index), INTEGER, 1
        yield (*IPADDRESS, 11, *index), INTEGER, 2


def network(octets: bytes, prefix: int) -> bytes:
    rest = len(octets) * 8 - prefix
    return (int.from_bytes(octets) >> rest << rest).to_bytes(len(octets))


def prefix_table(facts: Facts) -> Iterator[Row]:
    """ipAddressPrefixTable."""
    for unit, octets, prefix in {(unit, network(octets, prefix), prefix) for unit, _, octets, prefix in _addresses(facts)}:
        index = (unit, *inet(octets), prefix)
        yield (*PREFIX, 5, *index), INTEGER, 2
        yield (*PREFIX, 6, *index), INTEGER, 1
        yield (*PREFIX, 7, *index), INTEGER, 2
        yield (*PREFIX, 8, *index), GAUGE, ETERNAL
        yield (*PREFIX, 9, *index), GAUGE, ETERNAL


def neighbors(facts: Facts) -> Iterator[tuple[int, bytes, bytes, int]]:
    """(ifIndex of the unit, address, address of the link layer, the kernel's state) of those that are known."""
    known = units(facts)
    for message in dump(RTM_GETNEIGH, RTM_NEWNEIGH):
        _, index, state, _, _ = struct.unpack_from("=BxxxiHBB", message)
        told = attributes(message, 12)
        if index in known and state in STATES and len(told.get(NDA_DST, b"")) in (4, 16) and told.get(NDA_LLADDR):
            yield known[index], told[NDA_DST], told[NDA_LLADDR], state


def media_table(facts: Facts) -> Iterator[Row]:
    """ipNetToMediaTable: IPv4, for old clients."""
    for unit, octets, mac, state in neighbors(facts):
        if len(octets) == 4:
            yield (*MEDIA, 1, unit, *octets), INTEGER, unit
            yield (*MEDIA, 2, unit, *octets), OCTETS, mac
            yield (*MEDIA, 3, unit, *octets), ADDRESS, octets
            yield (*MEDIA, 4, unit, *octets), INTEGER, STATIC if state == PERMANENT else DYNAMIC


def physical_table(facts: Facts) -> Iterator[Row]:
    """ipNetToPhysicalTable: both families."""
    for unit, octets, mac, state in neighbors(facts):
        index = (unit, *inet(octets))
        yield (*PHYSICAL, 4, *index), OCTETS, mac
        yield (*PHYSICAL, 5, *index), TICKS, 0
        yield (*PHYSICAL, 6, *index), INTEGER, STATIC if state == PERMANENT else DYNAMIC
        yield (*PHYSICAL, 7, *index), INTEGER, STATES[state]
        yield (*PHYSICAL, 8, *index), INTEGER, 1
