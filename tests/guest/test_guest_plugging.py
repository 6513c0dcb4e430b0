"""NICs that are plugged into a running guest: named by their MAC, and joined where they are a card's ports."""

from __future__ import annotations

from system.becoming import plugged_commands
from system.identity import parse
from system.links import Link

NICS = [{"index": n, "mac": f"52:00:00:00:00:0{n}", "label": label} for n, label in enumerate(("mgmt", "int", "ge-0/0/0"))]
HOST = {"role": "host", "slot": None, "hostname": "pc", "addresses": [{"label": "eth1", "address": "192.0.2.1/24"}]}


def link(name: str, mac: str) -> Link:
    return Link(name=name, mac=mac, mtu=1500, up=False, carrier=False)


def test_a_nic_of_a_card_gets_the_name_of_its_mac_and_is_left_to_what_joins_it() -> None:
    card = parse({"role": "card", "slot": 0, "hostname": "west-vfp0", "nics": NICS})
    lines = plugged_commands(card, [link("eth0", "52:00:00:00:00:02")])
    assert lines == ["link set eth0 down", "link set eth0 name rr2", "link set rr2 name p0"]


def test_a_nic_of_a_host_is_up_with_its_addresses() -> None:
    host = parse({**HOST, "nics": [NICS[0], {**NICS[1], "label": "eth1"}]})
    lines = plugged_commands(host, [link("eth7", "52:00:00:00:00:01")])
    assert lines == [
        *("link set eth7 down", "link set eth7 name rr1", "link set rr1 name eth1", "link set eth1 up"),
        "address replace 192.0.2.1/24 dev eth1",
    ]


def test_a_nic_that_nobody_planned_is_left_alone() -> None:
    card = parse({"role": "card", "slot": 0, "hostname": "west-vfp0", "nics": NICS})
    assert plugged_commands(card, [link("eth3", "52:99:00:00:00:02")]) == []
    host = parse({**HOST, "nics": NICS[:1]})
    assert plugged_commands(host, [link("eth3", "52:99:00:00:00:02")]) == []
