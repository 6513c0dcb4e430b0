"""Who a machine is, where no host channel tells it: planned, and read by the guest's own code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rackless import planning
from rackless.model.blueprint import Blueprint, HostWish, RouterWish
from rackless.model.places import OpenStackPlace
from rackless.model.site import Site
from rackless.routers.families import FAMILIES

GUEST = Path(__file__).parents[2] / "guest"
if str(GUEST) not in sys.path:
    sys.path.insert(0, str(GUEST))

from system.identity import parse  # noqa: E402

LAB = Blueprint(
    name="lab",
    routers=(RouterWish(name="west", cards=2),),
    hosts=(HostWish(name="pc1", addresses=(("eth1", "192.0.2.10/24"),), routes=(("198.51.100.0/24", "192.0.2.1"),)),),
)
CLOUD = Site(families=FAMILIES, provider="stack", places=(OpenStackPlace(name="stack"),))


def test_machines_of_a_cloud_are_given_their_identity_and_the_guest_takes_it() -> None:
    plan = planning.plan(LAB, CLOUD)
    for spec in plan.machines:
        [file] = spec.config_drive
        assert file.path == "rackless.json"
        assert len(file.content) < 16384, "what fits into OpenStack's user data after base64 is 65535 bytes; ours is far less"
        found = parse(json.loads(file.content))
        assert (found.role, found.slot) == (spec.role.value, spec.slot)
        assert [nic.mac for nic in found.nics] == [nic.mac for nic in spec.nics]
    card, host = plan.machine("west-vfp1"), plan.machine("pc1")
    assert card is not None
    assert host is not None
    assert parse(json.loads(card.config_drive[0].content)).hostname == "west-vfp1"
    # A cloud's management network has no DHCP of ours.
    assert parse(json.loads(host.config_drive[0].content)).addresses == (
        ("eth0", host.nics[0].address),
        ("eth1", "192.0.2.10/24"),
    )
    assert parse(json.loads(host.config_drive[0].content)).routes == (("198.51.100.0/24", "192.0.2.1"),)


@pytest.mark.parametrize("provider", ["local", "fake"])
def test_where_there_is_a_host_channel_nothing_is_written(provider: str) -> None:
    plan = planning.plan(LAB, Site(families=FAMILIES, provider=provider, places=CLOUD.places))
    assert all(spec.config_drive == () for spec in plan.machines)
