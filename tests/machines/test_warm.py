"""Warm starts on real guests: ten routers from two templates, that share nothing that is one machine's own; and a lab that goes
on from its snapshot, its routing adjacencies with it.

Deadlines are for two emulated processors that others use too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest

from rackless.deadline import Deadline
from rackless.images import store
from rackless.model.site import Site
from rackless.providers.contract import Ref, RefKind
from rackless.providers.local.provider import LocalProvider
from rackless.routers.families import FAMILIES
from rackless.settings import Settings
from rackless.shell.hostchannel import HostChannel

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(2400)]
MANY = 10
PATIENCE = 1800.0
PAIR = """
name: pair
routers:
  west: {cards: 1, ports_per_card: 1, startup: west.set}
  east: {cards: 1, ports_per_card: 1, startup: east.set}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
STARTUP = """set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.{number}/30
set interfaces lo0 unit 0 family inet address 192.0.2.{number}/32
set protocols ospf area 0.0.0.0 interface ge-0/0/0.0 interface-type p2p
set protocols ospf area 0.0.0.0 interface lo0.0 passive
"""
ASK = (
    "hostname; cat /etc/machine-id /proc/sys/kernel/random/boot_id /etc/ssh/ssh_host_ed25519_key.pub; date +%s; "
    "cat /sys/class/net/fxp0/address; head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n'; echo; "
    "grep -h oldEngineID /var/lib/snmp/snmpd.conf"
)
TOLD = ("name", "machine-id", "boot", "host key", "time", "mac", "random", "engine")


@pytest.fixture(scope="module")
def warm() -> Iterator[Installation]:
    installation = Installation.make(RACKLESS_WARM="yes", RACKLESS_MANAGEMENT="forwarded")
    try:
        yield installation
    finally:
        installation.down_all()
        installation.close()


def reasons(installation: Installation, lab: str) -> dict[str, str]:
    return {name: machine["reason"] for name, machine in installation.machines(lab).items()}


def ask_card(installation: Installation, lab: str, card: str) -> dict[str, str]:
    """The same of a card, over its host channel, which the server has no use for now."""

    async def ask() -> str:
        images = Path(installation.environ["RACKLESS_IMAGES"])
        own = Settings(state=installation.state, run=installation.run_dir, images=images, site_file=installation.state / "none")
        provider = LocalProvider(own, Site(families=FAMILIES), partial(store.find, images))
        stream = await provider.channel(Ref(kind=RefKind.MACHINE, sandbox=lab, name=card))
        channel = HostChannel(card, stream)
        words = ["/bin/busybox", "sh", "-c", ASK.replace("fxp0", "mgmt0")]
        _, out, _ = await channel.run(words, deadline=Deadline(PATIENCE))
        await channel.close()
        return out

    return dict(zip(TOLD, asyncio.run(ask()).split("\n"), strict=False))


def ask_router(installation: Installation, lab: str, router: str) -> dict[str, str]:
    return dict(zip(TOLD, installation.run("ssh", lab, router, ASK, deadline=PATIENCE).out.split("\n"), strict=False))


def check_unlike(told: dict[str, dict[str, str]], keys: tuple[str, ...]) -> None:
    for key in keys:
        assert all(one.get(key) for one in told.values()), (key, told)
        alike = [pair for pair in combinations(told, 2) if told[pair[0]][key] == told[pair[1]][key]]
        assert not alike, f"{key} is the same of {alike}"
    for name, one in told.items():
        assert one["name"] == name
        assert abs(int(one["time"]) - time.time()) < PATIENCE


def test_ten_routers_start_warm_with_all_ports_and_nothing_in_common(warm: Installation, tmp_path: Path) -> None:
    file = tmp_path / "ten.yaml"
    routers = "".join(
        f"  r{number}: {{cards: 1, ports_per_card: 1, memory: {{controller: 192M, card: 128M}}}}\n" for number in range(MANY)
    )
    file.write_text(f"name: ten\nrouters:\n{routers}")
    made = warm.run("image", "warm", str(file), "--json", deadline=PATIENCE).json()
    assert len(made) == 2
    warm.run("up", str(file), deadline=PATIENCE)
    assert all("started from a warm template" in reason for reason in reasons(warm, "ten").values()), reasons(warm, "ten")
    ports = warm.ports("ten")
    assert len(ports) == MANY
    assert all(port["ready"] for port in ports.values())
    assert len({port["mac"] for port in ports.values()}) == MANY
    shared = ("machine-id", "boot", "host key", "mac", "random")
    check_unlike({f"r{number}": ask_router(warm, "ten", f"r{number}") for number in range(MANY)}, (*shared, "engine"))
    check_unlike({f"r{number}-vfp0": ask_card(warm, "ten", f"r{number}-vfp0") for number in range(MANY)}, shared)
    warm.run("down", "ten", deadline=PATIENCE)
    assert warm.json("image", "prune", "--templates", "--dry-run")
    assert not [path for path in (warm.state / "labs").glob("*")]


def neighbours(installation: Installation, router: str) -> list[str]:
    found = installation.on("pair", router, "show", "ospf", "neighbor")
    return [line for line in found.splitlines() if "Full" in line]


def test_a_pair_of_routers_goes_on_from_its_snapshot(warm: Installation, tmp_path: Path) -> None:
    (tmp_path / "pair.yaml").write_text(PAIR)
    for number, router in enumerate(("west", "east"), start=1):
        (tmp_path / f"{router}.set").write_text(STARTUP.format(number=number))
    warm.run("image", "warm", str(tmp_path / "pair.yaml"), deadline=PATIENCE)
    warm.run("up", str(tmp_path / "pair.yaml"), deadline=PATIENCE)
    assert all("started from a warm template" in reason for reason in reasons(warm, "pair").values()), reasons(warm, "pair")
    for router in ("west", "east"):
        await_that(f"the neighbour of {router}", partial(neighbours, warm, router), bool, PATIENCE)
    told = ask_router(warm, "pair", "west")
    warm.run("snapshot", "take", "pair", "full", "--keep", deadline=PATIENCE)
    assert neighbours(warm, "east"), "the lab goes on where it was stopped"
    warm.on("pair", "west", "configure; delete protocols ospf; commit and-quit")
    await_that("the neighbour of east to go", partial(neighbours, warm, "east"), lambda found: not found, PATIENCE)
    warm.run("snapshot", "restore", "pair", "full", deadline=PATIENCE)
    check_goes_on(warm, told)
    # The same as one file, by way of another lab's end.
    warm.run("snapshot", "export", "pair", "full", "-o", str(tmp_path / "full"), deadline=PATIENCE)
    warm.run("down", "pair", deadline=PATIENCE)
    warm.run("snapshot", "remove", "pair", "full")
    warm.run("snapshot", "import", str(tmp_path / "full"), deadline=PATIENCE)
    warm.run("snapshot", "restore", "pair", "full", deadline=PATIENCE)
    check_goes_on(warm, told)
    warm.run("down", "pair", deadline=PATIENCE)
    warm.run("snapshot", "remove", "pair", "full")
    assert warm.json("snapshot", "list") == []


def check_goes_on(warm: Installation, told: dict[str, str]) -> None:
    for router in ("west", "east"):
        await_that(f"the neighbour of {router}", partial(neighbours, warm, router), bool, PATIENCE)
    route = partial(warm.on, "pair", "east", "show", "route", "192.0.2.1")
    await_that("the route to west's loopback", route, lambda shown: "10.0.0.1" in shown)
    now = ask_router(warm, "pair", "west")
    assert (now["boot"], now["host key"]) == (told["boot"], told["host key"]), "it did not boot"
    assert int(now["time"]) >= int(told["time"]), "it knows what time it is"
    assert now["random"] != told["random"]
