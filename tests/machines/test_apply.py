"""A running lab becomes another one: a router and a wire come and go, a card comes into a running chassis; the first router's
machines never stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(900)]
LAB = "growing"
WEST = "name: growing\nrouters:\n  west: {cards: 1, ports_per_card: 2, startup: west.set}\n"
WITH_EAST = f"{WEST}  east: {{cards: 1, ports_per_card: 1, startup: east.set}}\nwires:\n  - [west:ge-0/0/0, east:ge-0/0/0]\n"
WITH_CARD = WEST.replace("cards: 1", "cards: 2") + "wires:\n  - [west:ge-0/0/1, west:ge-1/0/0]\n"
CONFIGURATION = "set system host-name {name}\nset interfaces ge-0/0/0 unit 0 family inet address 10.0.0.{number}/30\n"


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    made = Installation.make(RACKLESS_MANAGEMENT="forwarded")
    try:
        yield made
    finally:
        made.down_all()
        made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for number, name in enumerate(("west", "east"), start=1):
        (tmp_path / f"{name}.set").write_text(CONFIGURATION.format(name=name, number=number), encoding="utf-8")
    return tmp_path / "lab.yaml"


def uptime(here: Installation) -> float:
    return float(here.run("ssh", LAB, "west", "cat", "/proc/uptime").out.split()[0])


def test_a_router_and_a_card_come_and_go_while_the_first_router_runs_on(here: Installation, file: Path) -> None:
    file.write_text(WEST, encoding="utf-8")
    here.run("up", str(file))
    processes = [here.qemu(LAB, name) for name in ("west-vcp", "west-vfp0")]
    before = uptime(here)

    file.write_text(WITH_EAST, encoding="utf-8")
    dry = here.run("apply", str(file), "--dry-run", "--json").json()
    assert dry["totals"] == {"add": 2, "change": 0, "remove": 0, "keep": 1}
    assert set(here.machines(LAB)) == {"west-vcp", "west-vfp0"}
    here.run("apply", str(file))
    ports = here.ports(LAB)
    assert all(port["ready"] for port in ports.values())
    assert ports["west:ge-0/0/0"]["peer"] == "east:ge-0/0/0"
    await_that("east", lambda: here.on(LAB, "west", "ping 10.0.0.2 count 2"), lambda out: " 0% packet loss" in out)
    assert [here.qemu(LAB, name) for name in ("west-vcp", "west-vfp0")] == processes
    grown = uptime(here)
    assert grown > before

    file.write_text(WITH_CARD, encoding="utf-8")
    here.run("apply", str(file))
    assert set(here.machines(LAB)) == {"west-vcp", "west-vfp0", "west-vfp1"}
    ports = here.ports(LAB)
    assert {name for name, port in ports.items() if port["ready"]} == {
        "west:ge-0/0/0", "west:ge-0/0/1", "west:ge-1/0/0", "west:ge-1/0/1",
    }  # fmt: skip
    assert {name for name, port in ports.items() if port["up"]} == {"west:ge-0/0/1", "west:ge-1/0/0"}
    await_that(
        "carrier on the new card",
        lambda: here.on(LAB, "west", "show interfaces terse ge-1/0/0"),
        lambda out: out.count("up") >= 2,
    )
    assert here.json("audit") == []
    assert here.run("audit", "--remove", "--json").json() == {"removed": [], "left": []}
    assert not [text for text in here.leftovers() if "east" in text and "labs" not in text]

    file.write_text(WEST, encoding="utf-8")
    here.run("apply", str(file))
    assert [here.qemu(LAB, name) for name in ("west-vcp", "west-vfp0")] == processes
    await_that("the card to be gone", lambda: here.on(LAB, "west", "show interfaces terse"), lambda out: "ge-1/0/0" not in out)
    assert "10.0.0.1/30" in here.on(LAB, "west", "show interfaces terse ge-0/0/0")
    assert uptime(here) > grown
    assert here.json("audit") == []
