"""Templates, planned wires, and blueprints written as text: reading it gives the same; no secret where none may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rackless.blueprints import load, references, without_secrets, written
from rackless.model.blueprint import Blueprint
from rackless.routers.families import FAMILIES

FULL = """
name: full
templates:
  routers:
    edge: {cards: 2, ports_per_card: 2, memory: {controller: 300M}, login: {user: eng, password: "t3mplate's"}, startup: edge.set}
    core: {cards: 3, fxp0: {address: 172.29.0.9/16, gateway: 172.29.0.1}}
  hosts:
    pc: {nics: 2, routes: {default: 192.0.2.1}}
routers:
  west: {template: edge}
  east: {template: edge, cards: 1, memory: {card: 200}, login: {password: "an:\\"odd\\"#one"}, startup: east.set}
  mid: {template: core, snmp: {community: "123456"}}
hosts:
  pc1: {template: pc, addresses: {eth1: [192.0.2.10/24, "2001:db8::10/64"]}}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - {ends: [west:ge-1/0/1, pc1:eth1]}
  - {ends: [west:ge-3/0/0, later:ge-0/0/0], planned: true}
hooks:
  configuration:
    - {run: [check, "--quick", "a b"], deadline: 2m}
    - {name: tell, call: "https://ci.example.net/x?y=1#z", headers: {Authorization: "Bearer {secret:ci}"}}
"""
FILES = {"edge.set": "set system host-name e\n", "east.set": "set system host-name east\n"}


def read(text: str, **files: str) -> Blueprint:
    return load(text, file="b.yaml", families=FAMILIES, files={**FILES, **files})


def test_a_router_takes_over_what_its_template_says_and_its_own_word_counts() -> None:
    assert references(FULL) == ("east.set", "edge.set")
    west, east, mid = read(FULL).routers
    assert (west.cards, west.ports_per_card, west.controller_memory, west.startup) == (2, 2, 300, "edge.set")
    assert (west.login.user, west.login.password) == ("eng", "t3mplate's")
    assert (east.cards, east.controller_memory, east.card_memory, east.startup) == (1, 300, 200, "east.set")
    assert (east.login.user, east.login.password) == ("eng", 'an:"odd"#one')
    assert (mid.cards, mid.fxp0.address, mid.snmp.community) == (3, "172.29.0.9/16", "123456")
    (pc1,) = read(FULL).hosts
    assert (pc1.nics, pc1.routes) == (2, (("0.0.0.0/0", "192.0.2.1"),))


def test_a_planned_wire_names_ports_that_may_come() -> None:
    wires = read(FULL).wires
    assert [wire.planned for wire in wires] == [False, False, True]
    assert str(wires[2]) == "west:ge-3/0/0 -- later:ge-0/0/0"


def test_what_is_written_reads_as_the_same() -> None:
    blueprint = read(FULL)
    text = written(blueprint, {blueprint.wires[2]: "not yet connected"})
    assert "planned: true}  # not yet connected" in text
    assert read(text) == blueprint


@pytest.mark.parametrize(
    "password", ["yes1", "1e5", "0x1F", "a'b\"c1", "x\\y1", "-a1-a1", "#hash1", "{b1r}", "nu11.5", "Tr ue1".replace(" ", "")]
)
def test_odd_passwords_survive(password: str) -> None:
    blueprint = read(FULL)
    odd = replace(blueprint.routers[0], login=replace(blueprint.routers[0].login, password=(password * 6)[:24]))
    blueprint = replace(blueprint, routers=(odd, *blueprint.routers[1:]))
    assert read(written(blueprint)) == blueprint


def test_secrets_are_hidden_wherever_they_stand() -> None:
    hidden = without_secrets(FULL)
    for word in ("t3mplate", "odd", "123456"):
        assert word not in hidden
    assert hidden.count("'********'") == 3
    assert "user: eng" in hidden
    assert "Bearer {secret:ci}" in hidden
    assert without_secrets("a: [") == ""
    assert "s3cret" not in without_secrets("x: &p {password: s3cret}\ny: {<<: *p}\nz: {password: |\n  s3cret\n  more}\n")
