"""What a Junos answers, column by column, and the ports it makes. The columns are of the shape that a walk gives."""

from __future__ import annotations

from rackless.autoload.discovery import (
    _cards_of_contents,
    _cards_of_entities,
    _chassis_of_entities,
    new_addresses,
    old_addresses,
    ports,
)

JUNOS = {
    1: (b"fxp0", 1514, 1_000_000_000, bytes.fromhex("525400000001"), 1, 1, b"fxp0", 1000, b"lab management"),
    6: (b"lo0", 0xFFFFFFF, 0, b"", 1, 1, b"lo0", 0, b""),
    13: (b"fxp0.0", 1500, 1_000_000_000, bytes.fromhex("525400000001"), 1, 1, b"fxp0.0", 1000, b""),
    520: (b"xe-1/0/10", 9192, 0xFFFFFFFF, bytes.fromhex("52540000010a"), 1, 2, b"xe-1/0/10", 10_000, b""),
    521: (b"xe-1/0/2", 9192, 0xFFFFFFFF, bytes.fromhex("525400000102"), 2, 2, b"xe-1/0/2", 10_000, b""),
    530: (b"xe-1/0/2.100", 9178, 0xFFFFFFFF, bytes.fromhex("525400000102"), 1, 1, b"xe-1/0/2.100", 10_000, b""),
    531: (b"xe-1/0/2.200", 9178, 0xFFFFFFFF, bytes.fromhex("525400000102"), 1, 1, b"xe-1/0/2.200", 10_000, b""),
    540: (b"pfe-1/0/0", 1500, 800_000_000, b"", 1, 1, b"pfe-1/0/0", 800, b""),
}


def columns() -> list[dict]:
    return [{(index,): row[at] for index, row in JUNOS.items()} for at in range(9)]


def test_addresses_of_units_belong_to_the_port_and_other_interfaces_are_left_out() -> None:
    found = ports(columns(), {13: ["192.0.2.9/24"], 530: ["198.51.100.1/31"], 531: ["2001:db8::1/64"], 6: ["10.0.0.1/32"]})
    assert [port.name for port in found] == ["fxp0", "xe-1/0/2", "xe-1/0/10"]
    fxp0, two, ten = found
    assert (fxp0.addresses, fxp0.card, fxp0.description) == (("192.0.2.9/24",), None, "lab management")
    assert two.addresses == ("198.51.100.1/31", "2001:db8::1/64")
    assert (ten.mac, ten.card, ten.mtu) == ("52:54:00:00:01:0a", 1, 9192)
    assert (two.admin_up, ten.admin_up, ten.oper_up) == (False, True, False)


def test_a_speed_too_large_for_the_old_column_comes_from_the_new_one() -> None:
    found = {port.name: port.speed for port in ports(columns(), {})}
    assert found == {"fxp0": 1_000_000_000, "xe-1/0/2": 10_000_000_000, "xe-1/0/10": 10_000_000_000}


def test_an_agent_without_the_newer_columns_still_has_ports() -> None:
    descriptions, mtus, speeds, macs, admin, oper, *_ = columns()
    found = ports([descriptions, mtus, speeds, macs, admin, oper, {}, {}, {}], {})
    assert [port.name for port in found] == ["fxp0", "xe-1/0/2", "xe-1/0/10"]


def test_both_address_tables_give_prefix_lengths() -> None:
    four, six = (1, 4, 192, 0, 2, 9), (2, 16, *bytes.fromhex("20010db8000000000000000000000001"))
    scoped = (4, 20, *bytes.fromhex("fe800000000000000000000000000001"), 0, 0, 0, 3)
    prefixes = {four: (1, 3, 6, 1, 13, 1, 4, 192, 0, 2, 0, 24), six: (0, 0)}
    assert new_addresses({four: 13, six: 530, scoped: 530}, prefixes) == {
        13: ["192.0.2.9/24"],
        530: ["2001:db8::1/128", "fe80::1/128"],
    }
    assert old_addresses({(192, 0, 2, 9): 13, (10, 0, 0, 1): 16}, {(192, 0, 2, 9): b"\xff\xff\xff\x80"}) == {
        13: ["192.0.2.9/25"],
        16: ["10.0.0.1/32"],
    }


def test_cards_come_from_the_vendors_table_or_from_the_entities() -> None:
    rows = {
        (7, 1, 0, 0): b"FPC: virtual @ 0/*/*",
        (7, 1, 1, 0): b"PIC",
        (7, 3, 0, 0): b"FPC: virtual @ 2/*/*",
        (9, 1, 0, 0): b"RE",
    }
    assert [(card.slot, card.serial) for card in _cards_of_contents(rows, {(7, 3, 0, 0): b"AB12"})] == [(0, ""), (2, "AB12")]
    classes = {(1,): 3, (7,): 9, (8,): 9, (9,): 10}
    texts = {(1,): b"VMX", (7,): b"line card", (8,): b"Routing Engine"}
    names = {(7,): b"FPC 2", (8,): b"RE0"}
    assert _chassis_of_entities(classes, texts, names, {(1,): b"VM123"}) == ("VMX", "VM123")
    assert [(card.slot, card.description) for card in _cards_of_entities(classes, texts, names, {})] == [(2, "line card")]
