"""Management mode "address": bridge, taps and DHCP server, in a network namespace of the test's own.

The provider runs in a process inside the namespace. Instead of a booted guest, a second namespace with the planned MAC asks
for an address over the same bridge.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))

import specs  # type: ignore[import-not-found]  # of the conformance suite, which is no package

from rackless.ether import links
from rackless.model.errors import ProviderError
from rackless.model.naming import mac
from rackless.model.site import Site
from rackless.providers.contract import Power, RefKind
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings

pytestmark = pytest.mark.root
NAMESPACE = f"rltest{os.getpid()}"
CLIENT = f"rlclient{os.getpid()}"
NETWORK = "172.29.0.0/16"


def sh(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def space() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")
    folder = Path(sh("mktemp", "-d", "/tmp/rlXXXXXX").strip())
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", folder / "empty.qcow2", "1M"], check=True)
    for name in (NAMESPACE, CLIENT):
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
    yield folder
    inside(folder, "clean_up")
    for name in (NAMESPACE, CLIENT):
        sh("ip", "netns", "del", name)
    shutil.rmtree(folder)


def inside(folder: Path, function: str) -> dict:
    """Run one of the functions below in the namespace, in a process of its own; a new provider each time."""
    command = ["ip", "netns", "exec", NAMESPACE, sys.executable, __file__, function, str(folder)]
    env = {key: value for key, value in os.environ.items() if key != "RACKLESS_MANAGEMENT"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=100, env={**env, "RACKLESS_ACCELERATOR": "tcg"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ask_dhcp(client_mac: str, bridge: str) -> str:
    """The address that a client with this MAC gets on the bridge; "" for none."""
    sh("ip", "link", "add", "rlv0", "netns", NAMESPACE, "type", "veth", "peer", "name", "eth0", "netns", CLIENT)
    try:
        sh("ip", "-n", NAMESPACE, "link", "set", "rlv0", "master", bridge, "up")
        sh("ip", "-n", CLIENT, "link", "set", "eth0", "address", client_mac, "up")
        words = ["ip", "netns", "exec", CLIENT, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "4", "-T", "1"]
        done = subprocess.run([*words, "-s", "/bin/true"], check=False, capture_output=True, text=True, timeout=60)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "lease of" in line and "obtained" in line]
        return lines[-1].split("lease of ")[1].split()[0] if lines else ""
    finally:
        sh("ip", "-n", NAMESPACE, "link", "del", "rlv0")


def test_each_fxp0_gets_its_planned_address_and_nobody_else_any(space: Path) -> None:
    made = inside(space, "two_machines")
    assert made["management"] == "address"
    assert made["endpoints"] == ["172.29.0.10:22", "172.29.0.11:22"]
    assert ask_dhcp(mac("lab", "west-vcp", 0), made["bridge"]) == "172.29.0.10"
    assert ask_dhcp(mac("lab", "east-vcp", 0), made["bridge"]) == "172.29.0.11"
    assert ask_dhcp("52:00:00:00:00:99", made["bridge"]) == ""
    links_now = json.loads(sh("ip", "-n", NAMESPACE, "-d", "-j", "link"))
    taps = [link for link in links_now if link.get("master") == made["bridge"]]
    assert len(taps) == 2
    assert all(link["ifalias"].startswith("rackless:") for link in taps)
    assert all(link["linkinfo"]["info_slave_data"]["isolated"] for link in taps)


def test_a_new_machine_is_served_without_a_restart_and_the_last_one_takes_all_away(space: Path) -> None:
    first = inside(space, "two_machines")
    second = inside(space, "third_machine")
    assert second["dhcp"] == first["dhcp"]
    assert ask_dhcp(mac("lab", "north-vcp", 0), first["bridge"]) == "172.29.0.12"
    left = inside(space, "remove_two")
    assert left["dhcp"] == first["dhcp"]
    assert ask_dhcp(mac("lab", "west-vcp", 0), first["bridge"]) == ""
    assert inside(space, "clean_up")["left"] == []
    assert [link["ifname"] for link in json.loads(sh("ip", "-n", NAMESPACE, "-j", "link"))] == ["lo"]


def test_a_killed_dhcp_server_comes_back_with_the_next_machine(space: Path) -> None:
    first = inside(space, "two_machines")
    os.kill(first["dhcp"], signal.SIGKILL)
    second = inside(space, "third_machine")
    assert second["dhcp"] not in (None, first["dhcp"])
    assert ask_dhcp(mac("lab", "west-vcp", 0), first["bridge"]) == "172.29.0.10"


def test_a_bridge_that_is_not_ours_is_left_alone(space: Path) -> None:
    made = inside(space, "two_machines")
    inside(space, "clean_up")
    sh("ip", "-n", NAMESPACE, "link", "add", made["bridge"], "type", "bridge")
    sh("ip", "-n", NAMESPACE, "link", "set", made["bridge"], "alias", "precious")
    assert "mark" in inside(space, "refused")["error"]
    assert "precious" in sh("ip", "-n", NAMESPACE, "-d", "link", "show", made["bridge"])


def test_an_overlapping_route_means_forwarded_ports(space: Path) -> None:
    sh("ip", "-n", NAMESPACE, "link", "add", "br0", "type", "bridge")
    sh("ip", "-n", NAMESPACE, "addr", "add", "172.29.3.1/24", "dev", "br0")
    sh("ip", "-n", NAMESPACE, "link", "set", "br0", "up")
    info = inside(space, "mode")
    assert info["management"] == "forwarded"
    assert "172.29.3.0/24 on br0" in info["notes"]


# What follows runs in the namespace.


def provider(folder: Path) -> LocalProvider:
    class Image:
        disk, kernel, initrd, append = folder / "empty.qcow2", None, None, ""

    settings = Settings(state=folder / "state", run=folder / "run", images=folder, site_file=folder / "site.yaml")
    return LocalProvider(settings, Site(management_network=NETWORK), lambda name: Image())


async def start(place: LocalProvider, *names: str, first: int) -> None:
    for number, name in enumerate(names, start=first):
        spec = specs.machine("lab", name, number=number, forward=24000 + number)
        await place.ensure(specs.internal("lab", spec.owner))
        await place.ensure(spec.disks[0])
        await place.power(await place.ensure(spec), Power.ON)


async def report(place: LocalProvider) -> dict:
    refs = await place.owned()
    machines = [ref for ref in refs if ref.kind is RefKind.MACHINE]
    bridges = [link.name for link in await asyncio.to_thread(links.marked, "rackless:") if link.mark.endswith("::")]
    dhcp = [int(ref.detail.split()[1]) for ref in refs if ref.kind is RefKind.PROCESS]
    return {
        "management": place.info.management,
        "notes": " ".join(place.info.notes),
        "endpoints": sorted(ref.endpoints["ssh"] for ref in machines if ref.running),
        "dhcp": dhcp[0] if dhcp else None,
        "bridge": bridges[0] if bridges else "",
        "left": [str(ref) for ref in refs],
    }


async def two_machines(folder: Path) -> dict:
    place = provider(folder)
    await start(place, "west-vcp", "east-vcp", first=0)
    return await report(place)


async def third_machine(folder: Path) -> dict:
    place = provider(folder)
    await start(place, "north-vcp", first=2)
    return await report(place)


async def remove_two(folder: Path) -> dict:
    place = provider(folder)
    for ref in await place.owned():
        if ref.kind is RefKind.MACHINE and ref.name in {"west-vcp", "east-vcp"}:
            await place.remove(ref)
    return await report(place)


async def clean_up(folder: Path) -> dict:
    place = provider(folder)
    for ref in await place.owned():
        await place.remove(ref)
    return await report(place)


async def refused(folder: Path) -> dict:
    try:
        await start(provider(folder), "west-vcp", first=0)
    except ProviderError as error:
        return {"error": error.message}
    return {"error": ""}


async def mode(folder: Path) -> dict:
    return await report(provider(folder))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(globals()[sys.argv[1]](Path(sys.argv[2])))))
