"""The router's own tables: where each is in the tree, and its rows. A new one is a function here, and a line in TABLES."""

from __future__ import annotations

import socket
import time

from snmp.facts import Interface, cards, interfaces
from snmp.smi import ADDRESS, COUNTER, COUNTER64, GAUGE, INTEGER, MOST32, OBJECT, OCTETS, TICKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.smi import Builder, Oid, Row

IF = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IFX = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
IPADDR = (1, 3, 6, 1, 2, 1, 4, 20, 1)
IPADDRESS = (1, 3, 6, 1, 2, 1, 4, 34, 1)
IPPREFIX = (1, 3, 6, 1, 2, 1, 4, 32, 1)
ENTITY = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ENTITY_ALIAS = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
BOX = (1, 3, 6, 1, 4, 1, 2636, 3, 1)
"""jnxBoxAnatomy of JUNIPER-MIB. Container indices: 7 is FPC, 9 is Routing Engine."""
FPC, ROUTING_ENGINE = 7, 9
TITLE = "Rackless reference router"
NOTHING = (0, 0)
"""zeroDotZero (RFC 2578): the object identifier for none."""


def _state(up: bool) -> int:
    """up(1) or down(2) of ifAdminStatus and ifOperStatus, and TruthValue."""
    return 1 if up else 2


def _one_line(text: str) -> bytes:
    """A DisplayString."""
    return " ".join(text.split()).encode()


def if_table(chassis: str) -> Iterator[Row]:
    """IF-MIB ifTable: each interface and, as Junos has it, its unit 0 with the MTU of the protocols."""
    for port in interfaces():
        yield from _if_row(port, port.if_index, port.name, 24 if port.loopback else 6, port.mtu)
        if port.addresses:
            yield from _if_row(port, port.unit_index, f"{port.name}.0", 53, port.mtu - (0 if port.loopback else 14))


def _if_row(port: Interface, index: int, name: str, kind: int, mtu: int) -> Iterator[Row]:
    counters = {10: "rx_bytes", 11: "rx_packets", 13: "rx_dropped", 14: "rx_errors", 16: "tx_bytes", 17: "tx_packets"}
    counters |= {19: "tx_dropped", 20: "tx_errors"}
    yield (*IF, 1, index), INTEGER, index
    yield (*IF, 2, index), OCTETS, name.encode()
    yield (*IF, 3, index), INTEGER, kind
    yield (*IF, 4, index), INTEGER, min(mtu, 0x7FFFFFFF)
    yield (*IF, 5, index), GAUGE, min(port.speed, MOST32)
    yield (*IF, 6, index), OCTETS, port.mac
    yield (*IF, 7, index), INTEGER, _state(port.admin_up)
    yield (*IF, 8, index), INTEGER, _state(port.oper_up)
    yield (*IF, 9, index), TICKS, 0
    for column, what in counters.items():
        yield (*IF, column, index), COUNTER, port.count(what) & MOST32


def ifx_table(chassis: str) -> Iterator[Row]:
    """IF-MIB ifXTable."""
    wide = {6: "rx_bytes", 7: "rx_packets", 8: "multicast", 10: "tx_bytes", 11: "tx_packets"}
    for port in interfaces():
        units = [(port.unit_index, f"{port.name}.0", False)] if port.addresses else []
        for index, name, physical in [(port.if_index, port.name, True), *units]:
            yield (*IFX, 1, index), OCTETS, name.encode()
            for column, what in wide.items():
                yield (*IFX, column, index), COUNTER64, port.count(what)
            yield (*IFX, 14, index), INTEGER, 1
            yield (*IFX, 15, index), GAUGE, port.speed // 1_000_000
            yield (*IFX, 16, index), INTEGER, 2
            yield (*IFX, 17, index), INTEGER, _state(physical and not port.loopback)
            yield (*IFX, 18, index), OCTETS, _one_line(port.alias) if physical else b""
            yield (*IFX, 19, index), TICKS, 0


def _addresses() -> Iterator[tuple[Interface, int, bytes, int]]:
    for port in interfaces():
        for family, octets, prefix in port.addresses:
            yield port, family, octets, prefix


def ipaddr_table(chassis: str) -> Iterator[Row]:
    """IP-MIB ipAddrTable: IPv4, for old clients."""
    for port, family, octets, prefix in _addresses():
        if family == socket.AF_INET:
            mask = (MOST32 << (32 - prefix)) & MOST32
            yield (*IPADDR, 1, *octets), ADDRESS, octets
            yield (*IPADDR, 2, *octets), INTEGER, port.unit_index
            yield (*IPADDR, 3, *octets), ADDRESS, mask.to_bytes(4)
            yield (*IPADDR, 4, *octets), INTEGER, 1
            yield (*IPADDR, 5, *octets), INTEGER, 65535


def ipaddress_table(chassis: str) -> Iterator[Row]:
    """IP-MIB ipAddressTable: both families. The prefix length is the last number of ipAddressPrefix."""
    for port, family, octets, prefix in _addresses():
        kind = 1 if family == socket.AF_INET else 2
        index = (kind, len(octets), *octets)
        width = len(octets) * 8
        net = (int.from_bytes(octets) >> (width - prefix) << (width - prefix)).to_bytes(len(octets))
        yield (*IPADDRESS, 3, *index), INTEGER, port.unit_index
        yield (*IPADDRESS, 4, *index), INTEGER, 1
        pointer = (*IPPREFIX, 5, port.unit_index, kind, len(net), *net, prefix)
        yield (*IPADDRESS, 5, *index), OBJECT, pointer
        yield (*IPADDRESS, 6, *index), INTEGER, 2
        yield (*IPADDRESS, 7, *index), INTEGER, 1
        yield (*IPADDRESS, 8, *index), TICKS, 0
        yield (*IPADDRESS, 9, *index), TICKS, 0
        yield (*IPADDRESS, 10, *index), INTEGER, 1
        yield (*IPADDRESS, 11, *index), INTEGER, 2


def _serial(ports: list[Interface]) -> str:
    """A chassis number made of fxp0's MAC: the one thing of a router that is its own."""
    return next(("RR" + port.mac.hex().upper() for port in ports if port.name == "fxp0"), "")


def entity_table(chassis: str) -> Iterator[Row]:
    """ENTITY-MIB entPhysicalTable: chassis (1), card N (100 (N+1)), its ports; entAliasMapping to ifIndex."""
    ports = interfaces()
    yield from _entity(1, TITLE, 0, 3, 0, "chassis", _serial(ports))
    for card in cards(chassis, ports):
        index = 100 * (card.slot + 1)
        yield from _entity(index, f"Reference card @ {card.slot}/*/*", 1, 9, card.slot, f"FPC {card.slot}", "")
        for port in card.ports:
            at = index + 1 + port.port
            yield from _entity(at, port.name, index, 10, port.port, port.name, "")
            yield (*ENTITY_ALIAS, at, 0), OBJECT, (*IF, 1, port.if_index)


def _entity(index: int, text: str, within: int, kind: int, place: int, name: str, serial: str) -> Iterator[Row]:
    yield (*ENTITY, 2, index), OCTETS, text.encode()
    yield (*ENTITY, 3, index), OBJECT, NOTHING
    yield (*ENTITY, 4, index), INTEGER, within
    yield (*ENTITY, 5, index), INTEGER, kind
    yield (*ENTITY, 6, index), INTEGER, place
    yield (*ENTITY, 7, index), OCTETS, name.encode()
    yield (*ENTITY, 11, index), OCTETS, serial.encode()
    yield (*ENTITY, 12, index), OCTETS, b"Rackless"
    yield (*ENTITY, 13, index), OCTETS, b"reference"
    yield (*ENTITY, 16, index), INTEGER, _state(kind == 9)


def box_table(chassis: str) -> Iterator[Row]:
    """jnxBoxAnatomy: jnxBoxDescr, jnxBoxSerialNo and the jnxContentsTable with a row a card."""
    ports = interfaces()
    yield (*BOX, 2, 0), OCTETS, TITLE.encode()
    yield (*BOX, 3, 0), OCTETS, _serial(ports).encode()
    yield from _contents(ROUTING_ENGINE, 1, "Routing Engine 0", 0.0)
    for card in cards(chassis, ports):
        yield from _contents(FPC, card.slot + 1, f"FPC: Reference card @ {card.slot}/*/*", card.since)


def _contents(container: int, place: int, text: str, since: float) -> Iterator[Row]:
    index = (container, place, 0, 0)
    table = (*BOX, 8, 1)
    for column, value in enumerate(index, start=1):
        yield (*table, column, *index), INTEGER, value
    yield (*table, 5, *index), OBJECT, NOTHING
    yield (*table, 6, *index), OCTETS, text.encode()
    yield (*table, 7, *index), OCTETS, b""
    yield (*table, 8, *index), OCTETS, b""
    yield (*table, 9, *index), TICKS, _installed(since)
    yield (*table, 10, *index), OCTETS, b""


def _installed(since: float) -> int:
    """sysUpTime at which the card came, in 1/100 s; 0 when it was there from the start."""
    if not since:
        return 0
    return max(0, int((since - (time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))) * 100)) & MOST32


TABLES: dict[Oid, Builder] = {
    IF[:-1]: if_table,
    IFX[:-1]: ifx_table,
    IPADDR[:-1]: ipaddr_table,
    IPADDRESS[:-1]: ipaddress_table,
    ENTITY[:8]: entity_table,
    BOX: box_table,
}
"""By the root of the subtree that each fills alone."""

COLUMNS: dict[Oid, tuple[Oid, ...]] = {IPADDR[:-1]: tuple((*IPADDR, column) for column in range(1, 6))}
"""What is registered instead of the root, where snmpd has registered each column of its own table: a longer one goes before ours
whatever the priorities, so that only one of the same length can win."""
