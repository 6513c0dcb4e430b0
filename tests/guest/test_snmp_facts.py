"""What the SNMP tables are made of: read once for all tables of a walk."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from snmp.facts import IFLA_STATS64, Facts, Interface
from system.netlink import IFLA_IFNAME, IFLA_MTU

UP = 1


def port(name: str, index: int, counters: bytes = b"") -> Interface:
    known = {IFLA_IFNAME: name.replace("/", "-").encode() + b"\0", IFLA_MTU: struct.pack("=L", 1500), 33: b"\1", 1: bytes(6)}
    known[IFLA_STATS64] = counters
    return Interface(name, index, UP, known)


class Kernel:
    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked = 0

    def read(self) -> list[Interface]:
        self.asked += 1
        return [port(name, index) for index, name in enumerate(self.names, 1)]


def test_the_kernel_is_asked_once_for_all_tables() -> None:
    kernel = Kernel("ge-0/0/0")
    facts = Facts("/nowhere", kernel.read)
    assert [one.name for one in facts.interfaces() + facts.interfaces()] == ["ge-0/0/0"] * 2
    assert kernel.asked == 1
    kernel.names.append("ge-0/0/1")
    facts.changed()
    assert [one.name for one in facts.interfaces()] == ["ge-0/0/0", "ge-0/0/1"]
    assert kernel.asked == 2


def test_two_of_them_know_nothing_of_each_other() -> None:
    one, other = Facts("/nowhere", Kernel("ge-0/0/0").read), Facts("/nowhere", Kernel("ge-1/0/0").read)
    assert (one.interfaces()[0].name, other.interfaces()[0].name) == ("ge-0/0/0", "ge-1/0/0")


def test_cards_are_chassisds_and_those_whose_ports_are_there(tmp_path: Path) -> None:
    file = tmp_path / "chassisd.json"
    facts = Facts(str(file), Kernel("ge-0/0/0", "ge-2/0/0", "fxp0").read)
    assert [card.slot for card in facts.cards()] == [0, 2]
    file.write_text(json.dumps({"cards": [{"slot": 1, "since": 7.0}, {"slot": 2}]}))
    assert [(card.slot, card.since, [one.name for one in card.ports]) for card in facts.cards()] == [
        (0, 0.0, ["ge-0/0/0"]), (1, 7.0, []), (2, 0.0, ["ge-2/0/0"])]  # fmt: skip


def test_an_interface_is_as_its_link_message_has_it() -> None:
    made = port("ge-1/0/3", 9)
    assert (made.card, made.port, made.mtu, made.admin_up, made.oper_up, made.if_index) == (1, 3, 1514, True, True, 567)


def test_octets_of_a_port_are_those_of_its_frames() -> None:
    """The kernel counts a tunnel's packets without the header of Ethernet; IF-MIB's octets are those of whole frames."""
    kernel = struct.pack("=4Q", 5, 6, 500, 600)
    for name in ("ge-0/0/0", "ae0"):
        made = port(name, 1, kernel)
        assert [made.count(what) for what in ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes")] == [5, 6, 570, 684], name
    for name in ("fxp0", "ge-0/0/0.100"):
        made = port(name, 1, kernel)
        assert [made.count(what) for what in ("rx_bytes", "tx_bytes")] == [500, 600], name
