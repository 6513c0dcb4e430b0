"""Two reference routers on real services: from a blueprint to pings over a VLAN and over a VXLAN, rewired as they run, and gone.

Their consoles are Nova's websockets, their identity a configuration drive, and the server reaches them over a flat network whose
switch is in its own network namespace, as a cloud's external network would be routed to it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.machines.cli import Installation, await_that
from tests.openstack import stack

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(1500)]
LAB = "clouded"
PATIENCE = 300.0
"""Seconds for a ping: one try is some programs in emulated guests, whose processors others want too."""
BLUEPRINT = """\
name: clouded
routers:
  west: {family: reference, cards: 1, ports_per_card: 2, fxp0: {address: 172.29.0.11/16}, startup: west.set}
  east: {family: reference, cards: 1, ports_per_card: 2, fxp0: {address: 172.29.0.12/16}, startup: east.set}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
SITE = """\
provider: stack
places:
  stack:
    provider: openstack
    cloud: admin
    clouds-file: {clouds}
    segment-type: {kind}
    physical-network: {physical}
    numbers: {numbers}
    management-network: management
    rewiring: {rewiring}
"""
PLUGGED = """\
name: plugged
routers:
  west: {family: reference, cards: 1, ports_per_card: 1, fxp0: {address: 172.29.0.13/16}, startup: west.set}
hosts:
  pc1: {addresses: {eth1: 10.0.0.2/30}}
wires:
  - [west:ge-0/0/0, pc1:eth1]
"""


@pytest.fixture(scope="module")
def cloud(openstack_stack: Path) -> Path:
    """The stack, with the network of the management addresses: its host end is the switch's own interface."""
    subprocess.run(["ip", "address", "replace", "172.29.0.1/16", "dev", "br-phys1"], check=True)
    subprocess.run(["ip", "link", "set", "br-phys1", "up"], check=True)
    network = stack.admin(openstack_stack).network
    if network.find_network("management") is None:
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1", "is_port_security_enabled": False}
        made = network.create_network(name="management", **flat)
        pool = [{"start": "172.29.200.1", "end": "172.29.250.250"}]
        network.create_subnet(
            network_id=made.id, ip_version=4, cidr="172.29.0.0/16", gateway_ip=None, is_dhcp_enabled=False, allocation_pools=pool
        )
    return openstack_stack


@pytest.fixture
def here(cloud: Path, tmp_path: Path) -> Iterator[Installation]:
    site = tmp_path / "site.yaml"
    made = Installation.make(RACKLESS_SITE=str(site))
    wires_of(site, cloud, "vlan")
    yield made
    made.down_all()
    made.close()


def wires_of(site: Path, cloud: Path, kind: str, rewiring: str = "trunk") -> None:
    numbers, physical = {"vlan": ("100-150", "physnet1"), "vxlan": ("5000-5100", '""')}[kind]
    site.write_text(SITE.format(clouds=cloud / "clouds.yaml", kind=kind, numbers=numbers, physical=physical, rewiring=rewiring))


def pings(here: Installation, address: str, lab: str = LAB) -> bool:
    ran = here.run("ssh", lab, "west", "cli", "-c", f'"ping {address} count 3"', check=False)
    return " 0% packet loss" in ran.out


def kinds(cloud: Path) -> dict[str, str]:
    """The networks of wires, and their types, as Neutron says."""
    found = stack.admin(cloud).network.networks()
    return {one.name: one.provider_network_type for one in found if "-wire-" in one.name}


def test_a_place_is_checked_with_two_machines_of_which_nothing_is_left(here: Installation, cloud: Path) -> None:
    ran = here.run("site", "check", "stack", "--json", check=False, deadline=1200)
    found = {finding["name"]: finding for finding in ran.json()}
    assert ran.code == 0, ran.out + here.server_log()
    assert list(found) == [
        *("credentials", "services", "extensions", "mtu", "numbers", "management network", "images", "quota", "flavors", "time"),
        *("machines", "serial lines", "packets", "frames", "clocks", "management addresses", "gone again"),
    ]
    assert "1500 octets arrive whole" in found["packets"]["detail"]
    assert "172.29." in found["management addresses"]["detail"]
    assert here.json("list") == []
    assert [one.name for one in stack.admin(cloud).compute.servers() if "check-stack" in one.name] == []


def test_routers_are_deployed_wired_rewired_and_gone(here: Installation, cloud: Path, tmp_path: Path) -> None:
    for name, last in (("west", 1), ("east", 2)):
        lines = [f"set interfaces ge-0/0/{port} unit 0 family inet address 10.0.{port}.{last}/30\n" for port in range(2)]
        (tmp_path / f"{name}.set").write_text("".join(lines))
    (tmp_path / "lab.yaml").write_text(BLUEPRINT)
    before = {one.id for one in stack.admin(cloud).compute.servers()}
    here.run("up", str(tmp_path / "lab.yaml"), deadline=1000)

    assert {port["name"] for port in here.json("show", LAB)["ports"]} >= {"west:ge-0/0/0", "east:ge-0/0/1"}
    await_that("a ping over the VLAN", lambda: pings(here, "10.0.0.2"), bool, PATIENCE)
    assert list(kinds(cloud).values()) == ["vlan"]
    boots = {one.id: one.launched_at for one in stack.admin(cloud).compute.servers()}

    here.run("disconnect", LAB, "west:ge-0/0/0", "east:ge-0/0/0")
    assert kinds(cloud) == {}
    assert not pings(here, "10.0.0.2")
    here.run("stop")
    wires_of(tmp_path / "site.yaml", cloud, "vxlan")
    here.run("connect", LAB, "west:ge-0/0/1", "east:ge-0/0/1")
    assert list(kinds(cloud).values()) == ["vxlan"]
    await_that("a ping over the VXLAN", lambda: pings(here, "10.0.1.2"), bool, PATIENCE)
    assert {one.id: one.launched_at for one in stack.admin(cloud).compute.servers()} == boots

    here.run("down", LAB)
    admin = stack.admin(cloud)
    assert {one.id for one in admin.compute.servers()} == before
    assert [one.name for one in admin.network.ports() if LAB in one.name] == []
    assert [one.name for one in admin.network.networks() if LAB in one.name] == []
    assert [one.name for one in admin.image.images() if LAB in one.name] == []


def test_a_wire_is_plugged_into_running_guests_that_know_the_nic_again(here: Installation, cloud: Path, tmp_path: Path) -> None:
    wires_of(tmp_path / "site.yaml", cloud, "vlan", "hotplug")
    (tmp_path / "west.set").write_text("set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/30\n")
    (tmp_path / "lab.yaml").write_text(PLUGGED)
    here.run("up", str(tmp_path / "lab.yaml"), deadline=1000)
    await_that("a ping", lambda: pings(here, "10.0.0.2", "plugged"), bool, PATIENCE)
    boots = {one.id: one.launched_at for one in stack.admin(cloud).compute.servers()}
    here.run("disconnect", "plugged", "west:ge-0/0/0", "pc1:eth1")
    assert not pings(here, "10.0.0.2", "plugged")
    here.run("connect", "plugged", "west:ge-0/0/0", "pc1:eth1")
    # Both NICs are others now, of the MACs that they had: the card's is a port again, the host's has its name and address.
    await_that("a ping over NICs that were plugged in", lambda: pings(here, "10.0.0.2", "plugged"), bool, PATIENCE)
    assert {one.id: one.launched_at for one in stack.admin(cloud).compute.servers()} == boots
    here.run("down", "plugged")
    assert [one.name for one in stack.admin(cloud).network.ports() if "plugged" in one.name] == []
