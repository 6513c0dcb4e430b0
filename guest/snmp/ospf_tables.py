"""OSPF-MIB (RFC 4750): the main instance with its areas, interfaces and neighbours, from ospfd.

Empty while OSPF is not configured.
"""

from __future__ import annotations

from snmp.frr import address, ask, number
from snmp.smi import ADDRESS, COUNTER, GAUGE, INTEGER, MOST32, OCTETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snmp.facts import Facts
    from snmp.smi import Oid, Row, Value

    Columns = Iterator[tuple[int, int, Value]]

OSPF = (1, 3, 6, 1, 2, 1, 14)
GENERAL, AREA, INTERFACE, METRIC, NEIGHBOR = (*OSPF, 1), (*OSPF, 2, 1), (*OSPF, 7, 1), (*OSPF, 8, 1), (*OSPF, 10, 1)
YES, NO = 1, 2
ACTIVE = 1
"""RowStatus."""
TYPES = {"BROADCAST": 1, "NBMA": 2, "POINTOPOINT": 3, "POINTOMULTIPOINT": 5, "LOOPBACK": 1}
STATES = {"Down": 1, "Loopback": 2, "Waiting": 3, "Point-To-Point": 4, "DR": 5, "Backup": 6, "DROther": 7}
NEIGHBOR_STATES = {
    "Down": 1,
    "Deleted": 1,
    "Attempt": 2,
    "Init": 3,
    "2-Way": 4,
    "ExStart": 5,
    "Exchange": 6,
    "Loading": 7,
    "Full": 8,
}
"""ospfIfType, ospfIfState, ospfNbrState by ospfd's words."""
AUTHENTICATION = {"authenticationSimplePassword": 1, "authenticationMessageDigest": 2}


def ospf_tables(facts: Facts) -> Iterator[Row]:
    """ospfGeneralGroup, ospfAreaTable, ospfIfTable, ospfIfMetricTable, ospfNbrTable."""
    general = ask("ospfd", "show ip ospf json")
    if "routerId" not in general:
        return
    yield from general_rows(general)
    ports = ask("ospfd", "show ip ospf interface json").get("interfaces") or {}
    yield from interface_rows(ports)
    yield from neighbor_rows(ask("ospfd", "show ip ospf neighbor detail json").get("neighbors") or {})


def _cells(table: Oid, index: Oid, columns: Columns) -> Iterator[Row]:
    for column, kind, value in columns:
        yield (*table, column, *index), kind, value


def _sum(numbers: list[object]) -> int:
    """Sums of checksums wrap around, and the objects that hold them are signed."""
    total = sum(map(number, numbers)) & MOST32
    return total - (1 << 32) if total >> 31 else total


def general_rows(told: dict[str, Any]) -> Iterator[Row]:
    areas: dict[str, Any] = told.get("areas") or {}

    def general() -> Columns:
        yield 1, ADDRESS, address(told.get("routerId"))
        yield 2, INTEGER, 1
        yield 3, INTEGER, 2
        yield 4, INTEGER, YES if "abrType" in told or len(areas) > 1 else NO
        yield 5, INTEGER, YES if "asbrRouter" in told else NO
        yield 6, GAUGE, number(told.get("lsaExternalCounter"))
        yield 7, INTEGER, _sum([told.get("lsaExternalChecksum")])
        yield 8, INTEGER, NO
        yield 11, INTEGER, -1
        yield 12, INTEGER, 0
        yield 13, INTEGER, 0
        yield 14, INTEGER, NO

    yield from _cells(GENERAL, (0,), general())
    for name, area in areas.items():
        yield from _cells(AREA, tuple(address(name)), _area(name, area))


def _area(name: str, area: dict[str, Any]) -> Columns:
    imported = 3 if "nssa" in area else 2 if "stubNoSummary" in area or "stubShortcut" in area or "stub" in area else 1
    sums = [value for key, value in area.items() if key.startswith("lsa") and key.endswith("Checksum")]
    yield 1, ADDRESS, address(name)
    yield 2, INTEGER, AUTHENTICATION.get(str(area.get("authentication")), 0)
    yield 3, INTEGER, imported
    yield 4, COUNTER, number(area.get("spfExecutedCounter"))
    yield 7, GAUGE, number(area.get("lsaNumber"))
    yield 8, INTEGER, _sum(sums)
    yield 9, INTEGER, 1 if "stubNoSummary" in area or "nssaNoSummary" in area else 2
    yield 10, INTEGER, ACTIVE


def interface_rows(ports: dict[str, Any]) -> Iterator[Row]:
    """By address; ospfAddressLessIf is 0 for all, as each has one."""
    for port in ports.values():
        own = address(port.get("ipAddress"))
        if port.get("ospfEnabled") and any(own):
            yield from _cells(INTERFACE, (*own, 0), _interface(own, port))
            metric = (
                (1, ADDRESS, own),
                (2, INTEGER, 0),
                (3, INTEGER, 0),
                (4, INTEGER, number(port.get("cost"))),
                (5, INTEGER, ACTIVE),
            )
            yield from _cells(METRIC, (*own, 0, 0), iter(metric))


def _interface(own: bytes, port: dict[str, Any]) -> Columns:
    yield 1, ADDRESS, own
    yield 2, INTEGER, 0
    yield 3, ADDRESS, address(str(port.get("area", "")).partition(" ")[0])
    yield 4, INTEGER, TYPES.get(str(port.get("networkType")), 1)
    yield 5, INTEGER, 1
    yield 6, INTEGER, number(port.get("priority"))
    yield 7, INTEGER, number(port.get("transmitDelaySecs"))
    yield 8, INTEGER, number(port.get("timerRetransmitSecs"))
    yield 9, INTEGER, number(port.get("timerMsecs")) // 1000 or 1
    yield 10, INTEGER, number(port.get("timerDeadSecs"))
    yield 11, INTEGER, 120
    yield 12, INTEGER, STATES.get(str(port.get("state")), 1)
    yield 13, ADDRESS, address(port.get("drAddress"))
    yield 14, ADDRESS, address(port.get("bdrAddress"))
    yield 16, OCTETS, b""
    yield 17, INTEGER, ACTIVE
    yield 18, INTEGER, 1
    yield 19, INTEGER, NO
    yield 20, INTEGER, AUTHENTICATION.get(str(port.get("authentication")), 0)


def neighbor_rows(neighbors: dict[str, Any]) -> Iterator[Row]:
    for router, entries in neighbors.items():
        for one in entries:
            far = address(one.get("ifaceAddress"))
            if any(far):
                yield from _cells(NEIGHBOR, (*far, 0), _neighbor(far, router, one))


def _neighbor(far: bytes, router: str, one: dict[str, Any]) -> Columns:
    yield 1, ADDRESS, far
    yield 2, INTEGER, 0
    yield 3, ADDRESS, address(router)
    yield 4, INTEGER, number(one.get("optionsCounter"))
    yield 5, INTEGER, number(one.get("nbrPriority"))
    yield 6, INTEGER, NEIGHBOR_STATES.get(str(one.get("nbrState")).partition("/")[0], 1)
    yield 7, COUNTER, number(one.get("stateChangeCounter"))
    yield 8, GAUGE, number(one.get("linkStateRetransmissionListCounter"))
    yield 9, INTEGER, ACTIVE
    yield 10, INTEGER, 1
    yield 11, INTEGER, NO
