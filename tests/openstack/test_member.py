"""What a user without an administrator's rights can do at an OpenStack of real services, and how the rest is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance import specs
from tests.conformance.openstack_place import OpenStackVenue
from tests.openstack import stack

from rackless.model.errors import ProviderError
from rackless.providers.contract import Power, Ref, RefKind

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(900)]
PLAIN = {"cloud": "tenant", "segment_type": "", "physical_network": "", "numbers": None}
VCP = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")


@pytest.fixture
def venue(openstack_stack: Path) -> Iterator[OpenStackVenue]:
    made = OpenStackVenue(openstack_stack, **PLAIN)
    yield made
    made.end()


@pytest.fixture
def shared(openstack_stack: Path) -> Iterator[str]:
    """A network that an administrator shares with all."""
    network = stack.admin(openstack_stack).network
    made = network.create_network(name="offices", is_shared=True)
    network.create_subnet(network_id=made.id, ip_version=4, cidr="172.29.0.0/16", gateway_ip=None, is_dhcp_enabled=False)
    yield "offices"
    for port in network.ports(network_id=made.id):
        network.delete_port(port)
    network.delete_network(made)


async def test_a_member_of_a_project_has_labs_where_flavors_are_there(venue: OpenStackVenue, openstack_stack: Path) -> None:
    provider = venue.provider()
    vcp = specs.machine("lab", "west-vcp")
    wire = specs.wire("lab", "wire-1", specs.port(vcp, 2), specs.port(specs.machine("lab", "west-vfp0"), 2))
    for spec in (specs.internal("lab", "west"), vcp.disks[0], vcp, wire):
        await provider.ensure(spec)
    compute = stack.admin(openstack_stack).compute
    for flavor in [one for one in compute.flavors() if one.name.startswith("rackless-")]:
        compute.delete_flavor(flavor)  # Those of other tests, which members may use.
    others = [one for one in compute.flavors() if one.ram >= 64]
    assert others == []
    with pytest.raises(ProviderError, match="has no flavor with 64 MiB") as caught:
        await provider.power(VCP, Power.ON)
    assert "openstack flavor create rackless-64-1-1" in caught.value.hint
    made = compute.create_flavor(name="for-all", ram=96, vcpus=1, disk=1)
    try:
        await provider.power(VCP, Power.ON)
        await provider.attach(wire.ports[0], wire)
        line = await provider.console(VCP)
        async with asyncio.timeout(120):
            text = b""
            while b"x" not in text:
                await line.write(b"x")
                with contextlib.suppress(TimeoutError):
                    text += await asyncio.wait_for(line.read(), 2)
        await line.close()
        found = {finding.name: finding async for finding in provider.examine()}
        assert [str(one) for one in found.values() if not one.ok] == []
        assert found["serial console"].detail.startswith("ws://")
    finally:
        compute.delete_flavor(made)


async def test_what_only_administrators_may_is_refused_with_the_way_out(venue: OpenStackVenue, shared: str) -> None:
    numbered = OpenStackVenue(venue._stack, cloud="tenant")
    with pytest.raises(ProviderError, match="this user may not choose the type or number of a network") as caught:
        await numbered.provider().ensure(specs.internal("lab", "west"))
    assert "Leave `segment-type` and `numbers` out" in caught.value.hint
    found = {finding.name: finding async for finding in numbered.provider().examine()}
    assert not found["mtu"].ok
    assert "Leave `segment-type`" in found["mtu"].hint
    await asyncio.to_thread(numbered.end)

    vcp = specs.machine("lab", "west-vcp")
    foreign = OpenStackVenue(venue._stack, **PLAIN, management_network=shared)
    provider = foreign.provider()
    await provider.ensure(specs.internal("lab", "west"))
    await provider.ensure(vcp.disks[0])
    with pytest.raises(ProviderError, match="may not make ports with addresses of ours") as caught:
        await provider.ensure(vcp)
    assert "has to be the project's own" in caught.value.hint
    found = {finding.name: finding async for finding in provider.examine()}
    assert not found["management network"].ok
    assert "has to be the project's own" in found["management network"].hint
    await asyncio.to_thread(foreign.end)
