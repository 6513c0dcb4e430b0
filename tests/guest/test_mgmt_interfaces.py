"""The router's interfaces, against a kernel that only answers what it is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from tests.guest.mgmt_router import START, User, boot, prepare

from mgmt.render.interfaces import commands, plain, reconcile, render  # isort: skip

LINK = {"ifname": "ge-0-0-0", "mtu": 1500, "flags": ["UP"], "addr_info": []}
WISH = plain(alias="to the east")


def commands_of(alias: str) -> list[list[str]]:
    """What is run to change a port whose kernel alias is `alias`."""
    ran: list[list[str]] = []

    def run(argv: list[str], stdin: str = "") -> SimpleNamespace:
        ran.append(argv)
        return SimpleNamespace(code=0, out="", err="")

    world = SimpleNamespace(live=False, run=run, links=lambda: [LINK | {"ifalias": alias}])
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


def test_enable_wins_over_the_disable_of_a_group(tmp_path: Path) -> None:
    datastore = boot(prepare(tmp_path), START)
    User(datastore).says(
        "configure",
        "set groups off interfaces <ge-*> disable",
        "set apply-groups off",
        "set interfaces ge-0/0/0 enable",
        "set interfaces ge-0/0/1 description off",
        "commit",
    )
    wanted = render(datastore.running, datastore.world).data
    assert wanted["ge-0-0-0"]["up"]
    assert not wanted["ge-0-0-1"]["up"]


def test_enable_and_disable_take_each_others_place(tmp_path: Path) -> None:
    user = User(boot(prepare(tmp_path), START))
    user.says("configure", "set interfaces ge-0/0/0 disable", "set interfaces ge-0/0/0 enable")
    assert "disable" not in user.says("show interfaces")
    user.says("set interfaces ge-0/0/0 disable")
    assert "enable" not in user.says("show interfaces")
