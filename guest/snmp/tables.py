"""The router's own tables: where each is in the tree, and its rows. A new one is a function here, and a line in TABLES."""

from __future__ import annotations

from snmp.bgp_table import BGP, bgp_table
from snmp.chassis_tables import BOX, box_table
from snmp.entity_table import ENTITY, entity_table
from snmp.facts import Interface
from snmp.host_tables import HOST, host_tables
from snmp.ip_tables import (
    IPADDR,
    IPADDRESS,
    MEDIA,
    PHYSICAL,
    PREFIX,
    ipaddr_table,
    ipaddress_table,
    media_table,
    physical_table,
    prefix_table,
)
from snmp.lag_tables import LAG, lag_tables
from snmp.lldp_table import LLDP, lldp_table
from snmp.ospf_tables import OSPF, ospf_tables
from snmp.route_tables import DEFAULT_ROUTER, FORWARD, OLDEST, default_router_table, forward_tables, oldest_table
from snmp.smi import COUNTER, COUNTER64, GAUGE, INTEGER, MOST32, OCTETS, TICKS
from system import ifindex
from system.ports import ETHERNET_HEADER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts
    from snmp.smi import Builder, Oid, Row

IF = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_NUMBER = (1, 3, 6, 1, 2, 1, 2, 1)
IFX = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
IFSTACK = (1, 3, 6, 1, 2, 1, 31, 1, 2, 1)
ETHER = (1, 3, 6, 1, 2, 1, 10, 7, 2, 1)
IFCHASSIS = (1, 3, 6, 1, 4, 1, 2636, 3, 3, 2, 1)
ETHERNET, SOFTWARE_LOOPBACK, PROPRIETARY_VIRTUAL, IEEE8023AD_LAG = 6, 24, 53, 161
"""ifType (IANAifType-MIB)."""
FULL_DUPLEX = 3


def _state(up: bool) -> int:
    """up(1) or down(2) of ifAdminStatus and ifOperStatus, and TruthValue."""
    return 1 if up else 2


def _one_line(text: str) -> bytes:
    """A DisplayString."""
    return " ".join(text.split()).encode()


def if_table(facts: Facts) -> Iterator[Row]:
    """IF-MIB ifTable: each interface and, as Junos has it, its units with the MTU of the protocols."""
    for port in facts.interfaces():
        kind = SOFTWARE_LOOPBACK if port.loopback else IEEE8023AD_LAG if port.aggregate else ETHERNET
        yield from _if_row(port, port.if_index, port.name, kind, port.mtu)
        yield (*IF, 9, port.if_index), TICKS, facts.last_change(port.name)
        for name, unit in port.units:
            mtu = unit.mtu - (0 if port.loopback else ETHERNET_HEADER)
            yield from _if_row(unit, ifindex.logical(name), name, kind if port.loopback else PROPRIETARY_VIRTUAL, mtu)
            yield (*IF, 9, ifindex.logical(name)), TICKS, facts.last_change(name)


def if_number(facts: Facts) -> Iterator[Row]:
    """IF-MIB ifNumber: how many rows ifTable has."""
    yield (*IF_NUMBER, 0), INTEGER, sum(1 + len(port.units) for port in facts.interfaces())


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
    for column, what in counters.items():
        yield (*IF, column, index), COUNTER, port.count(what) & MOST32


def ifx_table(facts: Facts) -> Iterator[Row]:
    """IF-MIB ifXTable."""
    wide = {6: "rx_bytes", 7: "rx_packets", 8: "multicast", 10: "tx_bytes", 11: "tx_packets"}
    silent = facts.silent()
    for port in facts.interfaces():
        yield from _ifx_row(port, port.if_index, port.name, wide, port.alias, connector=not port.loopback and not port.aggregate)
        yield (*IFX, 14, port.if_index), INTEGER, _state(port.name not in silent)
        for name, unit in port.units:
            alias = unit.alias if unit is not port else ""
            yield from _ifx_row(unit, ifindex.logical(name), name, wide, alias, connector=False)
            yield (*IFX, 14, ifindex.logical(name)), INTEGER, _state(name not in silent)


def _ifx_row(port: Interface, index: int, name: str, wide: dict[int, str], alias: str, *, connector: bool) -> Iterator[Row]:
    yield (*IFX, 1, index), OCTETS, name.encode()
    for column, what in wide.items():
        yield (*IFX, column, index), COUNTER64, port.count(what)
    yield (*IFX, 15, index), GAUGE, port.speed // 1_000_000
    yield (*IFX, 16, index), INTEGER, 2
    yield (*IFX, 17, index), INTEGER, _state(connector)
    yield (*IFX, 18, index), OCTETS, _one_line(alias)
    yield (*IFX, 19, index), TICKS, 0


def stack_table(facts: Facts) -> Iterator[Row]:
    """IF-MIB ifStackTable: units above their port, an aggregate above its members."""
    above: set[tuple[int, int]] = set()
    known: set[int] = set()
    for port in facts.interfaces():
        known.add(port.if_index)
        above |= {(port.if_index, member.if_index) for member in port.members}
        for name, _ in port.units:
            known.add(ifindex.logical(name))
            above.add((ifindex.logical(name), port.if_index))
    above |= {(0, index) for index in known - {lower for _, lower in above}}
    above |= {(index, 0) for index in known - {higher for higher, _ in above}}
    for pair in above:
        yield (*IFSTACK, 3, *pair), INTEGER, 1


def ether_table(facts: Facts) -> Iterator[Row]:
    """EtherLike-MIB dot3StatsTable (RFC 3635): the ports."""
    counters = {2: "rx_frame_errors", 3: "rx_crc_errors", 8: "tx_window_errors", 9: "tx_aborted_errors", 10: "tx_errors"}
    counters |= {11: "tx_carrier_errors", 13: "rx_length_errors", 16: "rx_errors"}
    for port in facts.interfaces():
        if port.loopback or port.aggregate:
            continue
        yield (*ETHER, 1, port.if_index), INTEGER, port.if_index
        for column in (4, 5, 7, 18):
            yield (*ETHER, column, port.if_index), COUNTER, 0
        for column, what in counters.items():
            yield (*ETHER, column, port.if_index), COUNTER, port.count(what) & MOST32
        yield (*ETHER, 19, port.if_index), INTEGER, FULL_DUPLEX
        yield (*ETHER, 20, port.if_index), INTEGER, 2
        yield (*ETHER, 21, port.if_index), INTEGER, 1


def if_chassis_table(facts: Facts) -> Iterator[Row]:
    """JUNIPER-IF-MIB ifChassisTable: FPC, PIC, port, channel, unit, each counted from 1; 0 where there is none."""
    for port in facts.interfaces():
        place = (0, 0, 0) if port.card is None else (port.card + 1, 1, port.port + 1)
        units = [(ifindex.logical(name), int(name.partition(".")[2]) + 1) for name, _ in port.units]
        for index, unit in [(port.if_index, 0), *units]:
            for column, value in enumerate((*place, 0, unit), start=1):
                yield (*IFCHASSIS, column, index), INTEGER, value


TABLES: dict[Oid, Builder] = {
    IF[:-1]: if_table,
    IFX[:-1]: ifx_table,
    IFSTACK[:-1]: stack_table,
    ETHER[:-1]: ether_table,
    IFCHASSIS[:-1]: if_chassis_table,
    IPADDR[:-1]: ipaddr_table,
    IPADDRESS[:-1]: ipaddress_table,
    PREFIX[:-1]: prefix_table,
    MEDIA[:-1]: media_table,
    PHYSICAL[:-1]: physical_table,
    DEFAULT_ROUTER[:-1]: default_router_table,
    FORWARD: forward_tables,
    OLDEST[:-1]: oldest_table,
    IF_NUMBER: if_number,
    ENTITY[:8]: entity_table,
    BOX: box_table,
    LLDP: lldp_table,
    LAG: lag_tables,
    HOST: host_tables,
    BGP: bgp_table,
    OSPF: ospf_tables,
}
"""By the root of the subtree that each fills alone."""

COLUMNS: dict[Oid, tuple[Oid, ...]] = {
    IPADDR[:-1]: tuple((*IPADDR, column) for column in range(1, 6)),
    MEDIA[:-1]: tuple((*MEDIA, column) for column in range(1, 5)),
    OLDEST[:-1]: tuple((*OLDEST, column) for column in range(1, 14)),
}
"""What is registered instead of the root, where snmpd has registered each column of its own table: a longer one goes before ours
whatever the priorities, so that only one of the same length can win."""
