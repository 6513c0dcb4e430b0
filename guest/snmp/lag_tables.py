"""IEEE8023-LAG-MIB (IEEE 802.3, clause 30C): aggregates and their members, by what the kernel tells of bonds."""

from __future__ import annotations

import sys

from snmp.facts import IFLA_INFO_SLAVE_DATA
from snmp.smi import INTEGER, OCTETS, TICKS
from system.netlink import attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts, Interface
    from snmp.smi import Row

LAG = (1, 2, 840, 10006, 300, 43, 1)
AGGREGATE, MEMBER, CHANGED = (*LAG, 1, 1, 1), (*LAG, 2, 1, 1), (*LAG, 3)
IFLA_INFO_DATA = 2
BOND_AD_INFO, BOND_AD_SYSTEM_PRIORITY, BOND_AD_USER_KEY, BOND_AD_SYSTEM = 23, 24, 25, 26
AD_AGGREGATOR, AD_ACTOR_KEY, AD_PARTNER_KEY, AD_PARTNER_MAC = 1, 3, 4, 5
SLAVE_AGGREGATOR, SLAVE_ACTOR_STATE, SLAVE_PARTNER_STATE = 6, 7, 8
"""Netlink attributes of bonds and their members (linux/if_link.h)."""
PRIORITY, PORT_PRIORITY = 0xFFFF, 0xFF
"""The bonding driver's, where it does not tell: of its partner's system and of ports."""
SYNCHRONIZATION = 0x08
"""A bit of the states of LACP: the member belongs to its aggregate."""
NOBODY = bytes(6)


def lag_tables(facts: Facts) -> Iterator[Row]:
    """dot3adAggTable, dot3adAggPortTable, dot3adTablesLastChanged."""
    ports = facts.interfaces()
    aggregates = [port for port in ports if port.aggregate]
    for aggregate in aggregates:
        bond = attributes(attributes(aggregate.link_info, 0).get(IFLA_INFO_DATA, b""), 0)
        told = attributes(bond.get(BOND_AD_INFO, b""), 0)
        yield from _aggregate(aggregate, bond, told)
        for member in aggregate.members:
            yield from _member(member, aggregate, bond, told)
    if aggregates:
        yield (*CHANGED, 0), TICKS, 0


def _int(octets: bytes | None) -> int:
    return int.from_bytes(octets or b"", sys.byteorder)


def _system(aggregate: Interface, bond: dict[int, bytes]) -> bytes:
    """The aggregate's MAC, unless another one is set."""
    own = bond.get(BOND_AD_SYSTEM, NOBODY)
    return own if own != NOBODY else aggregate.mac


def _aggregate(aggregate: Interface, bond: dict[int, bytes], told: dict[int, bytes]) -> Iterator[Row]:
    index = aggregate.if_index
    partner = told.get(AD_PARTNER_MAC, NOBODY)
    yield (*AGGREGATE, 2, index), OCTETS, aggregate.mac
    yield (*AGGREGATE, 3, index), INTEGER, _int(bond.get(BOND_AD_SYSTEM_PRIORITY))
    yield (*AGGREGATE, 4, index), OCTETS, _system(aggregate, bond)
    yield (*AGGREGATE, 5, index), INTEGER, 1
    yield (*AGGREGATE, 6, index), INTEGER, _int(bond.get(BOND_AD_USER_KEY))
    yield (*AGGREGATE, 7, index), INTEGER, _int(told.get(AD_ACTOR_KEY))
    yield (*AGGREGATE, 8, index), OCTETS, partner
    yield (*AGGREGATE, 9, index), INTEGER, PRIORITY if partner != NOBODY else 0
    yield (*AGGREGATE, 10, index), INTEGER, _int(told.get(AD_PARTNER_KEY)) if partner != NOBODY else 0
    yield (*AGGREGATE, 11, index), INTEGER, 0


def bits(state: int) -> bytes:
    """LACP counts the bits of a state from the lowest, SMIv2's BITS from the highest."""
    return bytes([int(f"{state & 0xFF:08b}"[::-1], 2)])


def _member(member: Interface, aggregate: Interface, bond: dict[int, bytes], told: dict[int, bytes]) -> Iterator[Row]:
    known = attributes(attributes(member.link_info, 0).get(IFLA_INFO_SLAVE_DATA, b""), 0)
    actor, partner = _int(known.get(SLAVE_ACTOR_STATE)), _int(known.get(SLAVE_PARTNER_STATE))
    # Without LACP, a member belongs to its aggregate while it is up.
    chosen = _int(known.get(SLAVE_AGGREGATOR)) == _int(told.get(AD_AGGREGATOR)) if told else member.oper_up
    attached = chosen and (not told or bool(actor & SYNCHRONIZATION))
    other = told.get(AD_PARTNER_MAC, NOBODY) if chosen else NOBODY
    index = member.if_index
    for column, number in (
        (2, _int(bond.get(BOND_AD_SYSTEM_PRIORITY))), (4, _int(bond.get(BOND_AD_USER_KEY))),
        (5, _int(told.get(AD_ACTOR_KEY))), (6, 0), (7, PRIORITY if other != NOBODY else 0), (10, 0),
        (11, _int(told.get(AD_PARTNER_KEY)) if other != NOBODY else 0), (12, aggregate.if_index),
        (13, aggregate.if_index if attached else 0), (14, index), (15, PORT_PRIORITY),
        (16, 0), (17, 0), (18, 0), (19, 0), (24, 1),
    ):  # fmt: skip
        yield (*MEMBER, column, index), INTEGER, number
    for column, octets in ((3, _system(aggregate, bond)), (8, NOBODY), (9, other)):
        yield (*MEMBER, column, index), OCTETS, octets
    for column, state in ((20, actor), (21, actor), (22, 0), (23, partner)):
        yield (*MEMBER, column, index), OCTETS, bits(state)
