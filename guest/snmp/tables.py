"""The tables as {OID: (type, value)}, types as snmpd's pass_persist names them."""

from __future__ import annotations

import socket
import time

from snmp.facts import Interface, cards, interfaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Oid = tuple[int, ...]
Row = tuple[Oid, str, str]

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
MOST32 = 0xFFFFFFFF


def dotted(oid: Iterable[int]) -> str:
    return "." + ".".join(map(str, oid))


def _octets(data: bytes) -> tuple[str, str]:
    return ("octet", " ".join(f"{byte:02X}" for byte in data)) if data else ("string", "")


def _one_line(text: str) -> str:
    """A value is one line of the protocol."""
    return " ".join(text.split())


def _state(up: bool) -> tuple[str, str]:
    return "integer", "1" if up else "2"


def if_table(chassis: str) -> Iterator[Row]:
    """IF-MIB ifTable: each interface and, as Junos has it, its unit 0 with the MTU of the protocols."""
    for port in interfaces():
        yield from _if_row(port, port.if_index, port.name, 24 if port.loopback else 6, port.mtu)
        if port.addresses:
            yield from _if_row(port, port.unit_index, f"{port.name}.0", 53, port.mtu - (0 if port.loopback else 14))


def _if_row(port: Interface, index: int, name: str, kind: int, mtu: int) -> Iterator[Row]:
    counters = {10: "rx_bytes", 11: "rx_packets", 13: "rx_dropped", 14: "rx_errors", 16: "tx_bytes", 17: "tx_packets"}
    counters |= {19: "tx_dropped", 20: "tx_errors"}
    yield (*IF, 1, index), "integer", str(index)
    yield (*IF, 2, index), "string", name
    yield (*IF, 3, index), "integer", str(kind)
    yield (*IF, 4, index), "integer", str(min(mtu, 0x7FFFFFFF))
    yield (*IF, 5, index), "gauge", str(min(port.speed, MOST32))
    yield (*IF, 6, index), *_octets(port.mac)
    yield (*IF, 7, index), *_state(port.admin_up)
    yield (*IF, 8, index), *_state(port.oper_up)
    yield (*IF, 9, index), "timeticks", "0"
    for column, what in counters.items():
        yield (*IF, column, index), "counter", str(port.count(what) & MOST32)


def ifx_table(chassis: str) -> Iterator[Row]:
    """IF-MIB ifXTable."""
    wide = {6: "rx_bytes", 7: "rx_packets", 8: "multicast", 10: "tx_bytes", 11: "tx_packets"}
    for port in interfaces():
        units = [(port.unit_index, f"{port.name}.0", False)] if port.addresses else []
        for index, name, physical in [(port.if_index, port.name, True), *units]:
            yield (*IFX, 1, index), "string", name
            for column, what in wide.items():
                yield (*IFX, column, index), "counter64", str(port.count(what))
            yield (*IFX, 14, index), "integer", "1"
            yield (*IFX, 15, index), "gauge", str(port.speed // 1_000_000)
            yield (*IFX, 16, index), "integer", "2"
            yield (*IFX, 17, index), *_state(physical and not port.loopback)
            yield (*IFX, 18, index), "string", _one_line(port.alias) if physical else ""
            yield (*IFX, 19, index), "timeticks", "0"


def _addresses() -> Iterator[tuple[Interface, int, bytes, int]]:
    for port in interfaces():
        for family, octets, prefix in port.addresses:
            yield port, family, octets, prefix


def ipaddr_table(chassis: str) -> Iterator[Row]:
    """IP-MIB ipAddrTable: IPv4, for old clients."""
    for port, family, octets, prefix in _addresses():
        if family == socket.AF_INET:
            mask = (MOST32 << (32 - prefix)) & MOST32
            yield (*IPADDR, 1, *octets), "ipaddress", ".".join(map(str, octets))
            yield (*IPADDR, 2, *octets), "integer", str(port.unit_index)
            yield (*IPADDR, 3, *octets), "ipaddress", ".".join(map(str, mask.to_bytes(4)))
            yield (*IPADDR, 4, *octets), "integer", "1"
            yield (*IPADDR, 5, *octets), "integer", "65535"


def ipaddress_table(chassis: str) -> Iterator[Row]:
    """IP-MIB ipAddressTable: both families. The prefix length is the last number of ipAddressPrefix."""
    for port, family, octets, prefix in _addresses():
        kind = 1 if family == socket.AF_INET else 2
        index = (kind, len(octets), *octets)
        width = len(octets) * 8
        net = (int.from_bytes(octets) >> (width - prefix) << (width - prefix)).to_bytes(len(octets))
        yield (*IPADDRESS, 3, *index), "integer", str(port.unit_index)
        yield (*IPADDRESS, 4, *index), "integer", "1"
        pointer = (*IPPREFIX, 5, port.unit_index, kind, len(net), *net, prefix)
        yield (*IPADDRESS, 5, *index), "objectid", dotted(pointer)
        yield (*IPADDRESS, 6, *index), "integer", "2"
        yield (*IPADDRESS, 7, *index), "integer", "1"
        yield (*IPADDRESS, 8, *index), "timeticks", "0"
        yield (*IPADDRESS, 9, *index), "timeticks", "0"
        yield (*IPADDRESS, 10, *index), "integer", "1"
        yield (*IPADDRESS, 11, *index), "integer", "2"


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
            yield (*ENTITY_ALIAS, at, 0), "objectid", dotted((*IF, 1, port.if_index))


def _entity(index: int, text: str, within: int, kind: int, place: int, name: str, serial: str) -> Iterator[Row]:
    yield (*ENTITY, 2, index), "string", text
    yield (*ENTITY, 3, index), "objectid", ".0.0"
    yield (*ENTITY, 4, index), "integer", str(within)
    yield (*ENTITY, 5, index), "integer", str(kind)
    yield (*ENTITY, 6, index), "integer", str(place)
    yield (*ENTITY, 7, index), "string", name
    yield (*ENTITY, 11, index), "string", serial
    yield (*ENTITY, 12, index), "string", "Rackless"
    yield (*ENTITY, 13, index), "string", "reference"
    yield (*ENTITY, 16, index), "integer", "1" if kind == 9 else "2"


def box_table(chassis: str) -> Iterator[Row]:
    """jnxBoxAnatomy: jnxBoxDescr, jnxBoxSerialNo and the jnxContentsTable with a row a card."""
    ports = interfaces()
    yield (*BOX, 2, 0), "string", TITLE
    yield (*BOX, 3, 0), "string", _serial(ports)
    yield from _contents(ROUTING_ENGINE, 1, "Routing Engine 0", 0.0)
    for card in cards(chassis, ports):
        yield from _contents(FPC, card.slot + 1, f"FPC: Reference card @ {card.slot}/*/*", card.since)


def _contents(container: int, place: int, text: str, since: float) -> Iterator[Row]:
    index = (container, place, 0, 0)
    table = (*BOX, 8, 1)
    for column, value in enumerate(index, start=1):
        yield (*table, column, *index), "integer", str(value)
    yield (*table, 5, *index), "objectid", ".0.0"
    yield (*table, 6, *index), "string", text
    yield (*table, 7, *index), "string", ""
    yield (*table, 8, *index), "string", ""
    yield (*table, 9, *index), "timeticks", str(_installed(since))
    yield (*table, 10, *index), "string", ""


def _installed(since: float) -> int:
    """sysUpTime at which the card came, in 1/100 s; 0 when it was there from the start."""
    if not since:
        return 0
    return max(0, int((since - (time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))) * 100)) & MOST32


TABLES: dict[str, Callable[[str], Iterator[Row]]] = {
    "if": if_table,
    "ifx": ifx_table,
    "ipaddr": ipaddr_table,
    "ipaddress": ipaddress_table,
    "entity": entity_table,
    "box": box_table,
}
