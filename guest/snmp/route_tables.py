"""IP-FORWARD-MIB (RFC 4292): the main instance's routes as the kernel has them, at the ifIndex of their unit."""

from __future__ import annotations

import socket
import struct
import sys

from snmp.ip_tables import inet, units
from snmp.smi import ADDRESS, COUNTER, GAUGE, INTEGER, MOST32, NOTHING, OBJECT
from system.netlink import attributes, dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts
    from snmp.smi import Oid, Row

FORWARD = (1, 3, 6, 1, 2, 1, 4, 24)
OLDEST = (1, 3, 6, 1, 2, 1, 4, 21, 1)
OLD, NEW = (*FORWARD, 4, 1), (*FORWARD, 7, 1)
DEFAULT_ROUTER = (1, 3, 6, 1, 2, 1, 4, 37, 1)
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_MULTIPATH, RTA_TABLE, RTA_VIA = 1, 4, 5, 6, 9, 15, 18
RT_TABLE_MAIN, RTN_UNICAST = 254, 1
REFUSING = {6: 5, 7: 2, 8: 2}
"""inetCidrRouteType blackhole and reject by the kernel's types of a route (linux/rtnetlink.h)."""
LOCAL, REMOTE, BLACKHOLE, REJECT = 3, 4, 5, 2
PROTOCOLS = {2: 2, 4: 3, 186: 14, 187: 9, 188: 13, 189: 8, 196: 3}
"""IANAipRouteProtocol by who made a route: the kernel, static ones, and FRR's daemons (zebra/rt_netlink.h)."""
MOST_ROUTES = 1000
"""Those that have rows; a full table of the Internet would not fit into the controller's memory."""


class Route:
    """One way of a route. `unit` is 0 for one that refuses, `gateway` empty for what is on the link."""

    __slots__ = ("gateway", "kind", "metric", "net", "prefix", "protocol", "unit")

    def __init__(self, net: bytes, prefix: int, kind: int, protocol: int, metric: int, unit: int, gateway: bytes) -> None:
        self.net = net
        self.prefix = prefix
        self.kind = kind
        self.protocol = protocol
        self.metric = metric
        self.unit = unit
        self.gateway = gateway


def _int(octets: bytes | None) -> int:
    return int.from_bytes(octets or b"", sys.byteorder)


def routes(facts: Facts) -> Iterator[Route]:
    """Of both families; those through interfaces that the router does not show are left out."""
    known = units(facts)
    for message in dump(RTM_GETROUTE, RTM_NEWROUTE):
        family, prefix, _, _, table, protocol, _, kind, _ = struct.unpack_from("=BBBBBBBBL", message)
        told = attributes(message, 12)
        wide = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
        if wide is None or (_int(told.get(RTA_TABLE)) or table) != RT_TABLE_MAIN:
            continue
        net, made, metric = told.get(RTA_DST, bytes(wide)), PROTOCOLS.get(protocol, 1), _int(told.get(RTA_PRIORITY))
        if kind in REFUSING:
            yield Route(net, prefix, REFUSING[kind], made, metric, 0, b"")
        elif kind == RTN_UNICAST:
            for index, gateway in _ways(told):
                if index in known:
                    yield Route(net, prefix, REMOTE if gateway else LOCAL, made, metric, known[index], gateway)


def _ways(told: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """(the kernel's index of the interface, gateway), one or more."""
    if RTA_OIF in told:
        yield _int(told[RTA_OIF]), _gateway(told)
    several = told.get(RTA_MULTIPATH, b"")
    at = 0
    while at + 8 <= len(several):
        length, _, _, index = struct.unpack_from("=HBBi", several, at)
        yield index, _gateway(attributes(several[at : at + length], 8))
        at += max((length + 3) & ~3, 8)


def _gateway(told: dict[int, bytes]) -> bytes:
    # An IPv4 route may have a gateway of IPv6 (RTA_VIA: a family of two octets, then the address).
    return told.get(RTA_GATEWAY, b"") or told.get(RTA_VIA, b"")[2:]


def forward_tables(facts: Facts) -> Iterator[Row]:
    """ipCidrRouteNumber, ipCidrRouteTable (IPv4, for old clients), inetCidrRouteNumber, inetCidrRouteTable."""
    counts = [0, 0]
    named: set[Oid] = set()
    for route in routes(facts):
        old = len(route.net) == 4 and len(route.gateway) in (0, 4)
        counts[0] += old
        counts[1] += 1
        if counts[1] <= MOST_ROUTES:
            index = _index(route, NOTHING)
            if index in named:
                # As fe80::/64 on every link.
                index = _index(route, (*NOTHING, route.unit))
            named.add(index)
            yield from _new(route, index)
            if old:
                yield from _old(route)
    yield (*FORWARD, 3, 0), GAUGE, counts[0]
    yield (*FORWARD, 6, 0), GAUGE, counts[1]
    yield (*FORWARD, 8, 0), COUNTER, 0


def _index(route: Route, policy: Oid) -> Oid:
    """`policy` tells routes apart that are otherwise named alike."""
    hop = inet(route.gateway) if route.gateway else (0, 0)
    return (*inet(route.net), route.prefix, len(policy), *policy, *hop)


def _new(route: Route, index: Oid) -> Iterator[Row]:
    numbers = ((7, route.unit), (8, route.kind), (9, route.protocol), (12, min(route.metric, 0x7FFFFFFF)))
    for column, number in (*numbers, (13, -1), (14, -1), (15, -1), (16, -1), (17, 1)):
        yield (*NEW, column, *index), INTEGER, number
    for column in (10, 11):
        yield (*NEW, column, *index), GAUGE, 0


def _old(route: Route) -> Iterator[Row]:
    mask = ((MOST32 << (32 - route.prefix)) & MOST32).to_bytes(4)
    hop = route.gateway or bytes(4)
    index = (*route.net, *mask, 0, *hop)
    for column, octets in ((1, route.net), (2, mask), (4, hop)):
        yield (*OLD, column, *index), ADDRESS, octets
    kind = REJECT if route.kind == BLACKHOLE else route.kind
    numbers = ((3, 0), (5, route.unit), (6, kind), (7, route.protocol), (8, 0), (10, 0), (11, min(route.metric, 0x7FFFFFFF)))
    for column, number in (*numbers, (12, -1), (13, -1), (14, -1), (15, -1), (16, 1)):
        yield (*OLD, column, *index), INTEGER, number
    yield (*OLD, 9, *index), OBJECT, NOTHING


def oldest_table(facts: Facts) -> Iterator[Row]:
    """RFC 1213 ipRouteTable: one IPv4 route of a destination, for the oldest clients."""
    named: set[bytes] = set()
    for route in routes(facts):
        if len(route.net) != 4 or route.net in named or len(route.gateway) not in (0, 4) or len(named) >= MOST_ROUTES:
            continue
        named.add(route.net)
        mask = ((MOST32 << (32 - route.prefix)) & MOST32).to_bytes(4)
        for column, octets in ((1, route.net), (7, route.gateway or bytes(4)), (11, mask)):
            yield (*OLDEST, column, *route.net), ADDRESS, octets
        kind = route.kind if route.kind in (LOCAL, REMOTE) else 1
        numbers = ((2, route.unit), (3, min(route.metric, 0x7FFFFFFF)), (4, -1), (5, -1), (6, -1), (8, kind), (9, route.protocol))
        for column, number in (*numbers, (10, 0), (12, -1)):
            yield (*OLDEST, column, *route.net), INTEGER, number
        yield (*OLDEST, 13, *route.net), OBJECT, NOTHING


def default_router_table(facts: Facts) -> Iterator[Row]:
    """IP-MIB ipDefaultRouterTable: the gateways of default routes."""
    for route in routes(facts):
        if route.prefix == 0 and route.gateway and route.unit:
            index = (*inet(route.gateway), route.unit)
            yield (*DEFAULT_ROUTER, 4, *index), GAUGE, 65535
            yield (*DEFAULT_ROUTER, 5, *index), INTEGER, 0
