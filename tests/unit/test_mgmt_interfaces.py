"""The router's interfaces, against a kernel that only answers what it is asked."""

from __future__ import annotations

from types import SimpleNamespace

from mgmt.render.interfaces import commands, plain, reconcile

LINK = {"ifname": "ge-0-0-0", "mtu": 1500, "flags": ["UP"], "addr_info": []}
WISH = plain(alias="to the east")


def commands_of(alias: str) -> list[list[str]]:
    """What is run to change a port whose kernel alias is `alias`."""
    ran: list[list[str]] = []

    def run(argv: list[str], stdin: str = "") -> SimpleNamespace:
        ran.append(argv)
        return SimpleNamespace(code=0, out="", err="")

    world = SimpleNamespace(run=run, links=lambda: [LINK | {"ifalias": alias}])
    reconcile(SimpleNamespace(world=world), {"ge-0-0-0": WISH})  # type: ignore[arg-type]
    return ran


def test_a_description_that_is_there_is_not_set_again() -> None:
    """Setting it is a change of the interface, and every change is answered by a look at all interfaces: an endless loop."""
    assert commands_of("to the east") == []


def test_a_description_that_differs_is_set() -> None:
    assert commands_of("") == [["ip", "link", "set", "dev", "ge-0-0-0", "alias", "to the east"]]


def test_a_port_that_leaves_an_aggregate_is_brought_up_again() -> None:
    """The kernel takes it down, and a VLAN of it could not come up (`Network is down`)."""
    member = {**LINK, "master": "ae0"}
    assert commands(member, plain()) == ["link set dev ge-0-0-0 nomaster", "link set dev ge-0-0-0 up"]
    assert commands(member, plain(up=False)) == ["link set dev ge-0-0-0 nomaster"]
    assert commands({**LINK, "master": "irb.10"}, plain()) == ["link set dev ge-0-0-0 nomaster"]
    moved = commands(member, plain(master="irb.10"))
    assert moved == ["link set dev ge-0-0-0 master irb.10", "link set dev ge-0-0-0 up"]
