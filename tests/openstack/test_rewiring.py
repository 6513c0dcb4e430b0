"""Rewiring with the machine switched off and on, on real services: it runs afterwards, with its NICs in the order they had."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance import specs
from tests.conformance.openstack_place import OpenStackVenue
from tests.openstack import stack

from rackless.model.places import Rewiring
from rackless.providers.contract import Power, Ref, RefKind

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(900)]


@pytest.fixture
def place(openstack_stack: Path) -> Iterator[OpenStackVenue]:
    made = OpenStackVenue(openstack_stack, rewiring=Rewiring.POWER_CYCLE)
    yield made
    made.end()


def nics(folder: Path, server: str) -> list[str]:
    """MACs in the order of the machine's devices, as libvirt has them."""
    for path in (folder / "etc/libvirt/qemu").glob("*.xml"):
        text = path.read_text()
        if server in text:
            return re.findall(r"<mac address='([^']+)'", text)
    raise AssertionError(f"libvirt has no machine {server}")


async def test_a_machine_that_is_rewired_with_its_power_off_runs_again_with_its_nics_in_order(
    place: OpenStackVenue, openstack_stack: Path
) -> None:
    provider = place.provider()
    vcp, vfp = (specs.machine("lab", name) for name in ("west-vcp", "west-vfp0"))
    wire = specs.wire("lab", "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    for spec in (specs.internal("lab", "west"), vcp.disks[0], vcp, wire):
        await provider.ensure(spec)
    await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    (before,) = [ref for ref in await provider.owned("lab") if ref.kind is RefKind.MACHINE]
    await provider.attach(wire.ports[0], wire)
    (after,) = [ref for ref in await provider.owned("lab") if ref.kind is RefKind.MACHINE]
    assert after.running
    assert after.since > before.since
    assert after.uuid == before.uuid
    assert nics(openstack_stack, after.uuid) == [nic.mac for nic in vcp.nics]
    cloud = stack.admin(openstack_stack)
    (network,) = [one for one in cloud.network.networks() if one.name.endswith("-wire-1")]
    assert [port.mac_address for port in cloud.network.ports(network_id=network.id)] == [vcp.nics[2].mac]
