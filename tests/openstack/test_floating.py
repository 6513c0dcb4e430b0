"""Floating addresses of real services: fxp0 is on a network of the project that this machine has no foot in, behind a router of
Neutron's, and the server comes to it by an address of the external network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance import specs
from tests.conformance.openstack_place import OpenStackVenue
from tests.machines.cli import Installation
from tests.openstack import stack

from rackless.model.errors import ProviderError
from rackless.providers.contract import Power, Ref, RefKind

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(1500)]
LAB = "afloat"
OUTSIDE, INSIDE = "floating-outside", "floating-inside"
VLAN = 90
"""Of the external network; not of the tests' ranges."""
BLUEPRINT = """\
name: afloat
routers:
  west: {family: reference, cards: 1, ports_per_card: 1, fxp0: {address: 10.30.0.11/24, gateway: 10.30.0.1}}
"""
SITE = """\
provider: stack
places:
  stack:
    provider: openstack
    cloud: admin
    clouds-file: {clouds}
    management-network: floating-inside
    management-subnet: 10.30.0.0/24
    floating-network: floating-outside
"""


SWITCH = ("ovs-vsctl", "--db=tcp:127.0.0.1:6640", "--timeout=60")


def run(*words: str) -> None:
    subprocess.run(words, check=True)


@pytest.fixture(scope="module")
def outside(openstack_stack: Path) -> Iterator[Any]:
    """The external network, whose far end is an interface of this machine."""
    network = stack.admin(openstack_stack).network
    made = network.create_network(
        name=OUTSIDE,
        is_router_external=True,
        provider_network_type="vlan",
        provider_physical_network="physnet1",
        provider_segmentation_id=VLAN,
    )
    network.create_subnet(
        network_id=made.id,
        ip_version=4,
        cidr="203.0.113.0/24",
        gateway_ip="203.0.113.1",
        is_dhcp_enabled=False,
        allocation_pools=[{"start": "203.0.113.100", "end": "203.0.113.200"}],
    )
    run(*SWITCH, "add-port", "br-phys1", "outside", f"tag={VLAN}", "--", "set", "interface", "outside", "type=internal")
    run("ip", "address", "add", "203.0.113.1/24", "dev", "outside")
    run("ip", "link", "set", "outside", "up")
    yield made
    run(*SWITCH, "del-port", "br-phys1", "outside")
    network.delete_network(made)


@pytest.fixture
def inside(openstack_stack: Path, outside: Any) -> Iterator[None]:
    """The network of fxp0, and the router between it and the external one."""
    network = stack.admin(openstack_stack).network
    made = network.create_network(name=INSIDE, is_port_security_enabled=False)
    pool = [{"start": "10.30.0.200", "end": "10.30.0.250"}]
    subnet = network.create_subnet(
        network_id=made.id, ip_version=4, cidr="10.30.0.0/24", is_dhcp_enabled=False, allocation_pools=pool
    )
    router = network.create_router(name="way-out", external_gateway_info={"network_id": outside.id})
    network.add_interface_to_router(router, subnet_id=subnet.id)
    yield
    network.remove_interface_from_router(router, subnet_id=subnet.id)
    network.delete_router(router)
    network.delete_network(made)


def floating(folder: Path) -> dict[str, str]:
    """Addresses of the external network, and those inside that they lead to."""
    return {one.floating_ip_address: one.fixed_ip_address for one in stack.admin(folder).network.ips()}


def test_a_router_is_deployed_and_reached_by_its_floating_address(openstack_stack: Path, inside: None, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(clouds=openstack_stack / "clouds.yaml"))
    (tmp_path / "lab.yaml").write_text(BLUEPRINT)
    here = Installation.make(RACKLESS_SITE=str(site))
    try:
        here.run("up", str(tmp_path / "lab.yaml"), deadline=1000)
        ((address, behind),) = floating(openstack_stack).items()
        assert behind == "10.30.0.11"
        assert address.startswith("203.0.113.1")
        assert address in here.run("show", LAB).out
        here.run("stop")  # The next server finds the address at the cloud.
        assert "10.30.0.11/24" in here.run("ssh", LAB, "west", "cli", "-c", '"show interfaces terse fxp0"').out
        here.run("down", LAB)
        assert floating(openstack_stack) == {}
    finally:
        here.down_all()
        here.close()


@pytest.fixture
def venue(openstack_stack: Path, outside: Any) -> Iterator[OpenStackVenue]:
    made = OpenStackVenue(openstack_stack, floating_network=OUTSIDE)
    yield made
    made.end()
    assert floating(openstack_stack) == {}


async def test_a_network_without_a_way_out_is_refused_with_what_it_lacks(venue: OpenStackVenue) -> None:
    provider, spec = venue.provider(), specs.machine("lab", "west-vcp")
    for one in (specs.internal("lab", "west"), spec.disks[0], spec):
        await provider.ensure(one)
    with pytest.raises(ProviderError) as caught:
        await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    assert f"There must be a router between {OUTSIDE} and the network of fxp0" in caught.value.hint
