"""IEEE8023-LAG-MIB from a bond's netlink attributes (tests/machines/test_router_protocols.py has real ones)."""

from __future__ import annotations

import struct

import pytest

from snmp.agentx import encode_varbind
from snmp.facts import Facts, Interface
from snmp.lag_tables import AGGREGATE, MEMBER, bits, lag_tables
from snmp.smi import Oid, Value

PARTNER, OWN = bytes.fromhex("520000000099"), bytes.fromhex("520000000001")
IN_SYNC, EXPIRED = 0x3D, 0x85
"""Activity, aggregation, synchronization, collecting, distributing; activity, aggregation, expired."""


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def short(value: int) -> bytes:
    return struct.pack("=H", value)


def link(name: str, index: int, info: bytes) -> Interface:
    return Interface(name, index, 1, {1: OWN, 3: name.encode(), 4: struct.pack("=L", 1500), 18: info, 33: b"\1"})


def bond(*members: tuple[int, int], lacp: bool = True) -> Facts:
    """ae0 with members of these (aggregator, state of the actor)."""
    told = b"".join(attribute(kind, data) for kind, data in ((1, short(1)), (3, short(9)), (4, short(11)), (5, PARTNER)))
    more = attribute(24, short(127)) + attribute(26, bytes(6)) + (attribute(23, told) if lacp else b"")
    aggregate = link("ae0", 9, attribute(2, more))
    for port, (number, state) in enumerate(members):
        data = attribute(6, short(number)) + attribute(7, bytes([state])) + attribute(8, short(IN_SYNC)) if lacp else b""
        aggregate.members.append(link(f"ge-0/0/{port}", port + 1, attribute(5, data)))
    return Facts("", lambda: [*aggregate.members, aggregate])


def cells(facts: Facts) -> dict[Oid, Value]:
    found = {}
    for name, kind, value in lag_tables(facts):
        encode_varbind(name, kind, value)
        found[name] = value
    return found


def test_a_member_is_attached_while_lacp_has_it_in_the_active_aggregator() -> None:
    found = cells(bond((1, IN_SYNC), (2, IN_SYNC), (1, EXPIRED)))
    assert [found[*MEMBER, 12, 500 + port] for port in range(3)] == [4000] * 3, "selected"
    assert [found[*MEMBER, 13, 500 + port] for port in range(3)] == [4000, 0, 0], "attached"
    assert [found[*MEMBER, 9, 500 + port] for port in range(2)] == [PARTNER, bytes(6)]
    assert [found[*AGGREGATE, column, 4000] for column in (3, 4, 7, 8, 10)] == [127, OWN, 9, PARTNER, 11]


def test_a_member_without_lacp_is_attached_while_it_is_up() -> None:
    found = cells(bond((0, 0), lacp=False))
    assert (found[*MEMBER, 13, 500], found[*AGGREGATE, 8, 4000]) == (4000, bytes(6))


def test_without_aggregates_there_is_nothing() -> None:
    assert cells(Facts("", lambda: [link("ge-0/0/0", 1, b"")])) == {}


@pytest.mark.parametrize(("state", "octet"), [(0x01, 0x80), (0x08, 0x10), (0x80, 0x01), (IN_SYNC, 0xBC)])
def test_states_count_their_bits_from_the_other_end(state: int, octet: int) -> None:
    assert bits(state) == bytes([octet])
