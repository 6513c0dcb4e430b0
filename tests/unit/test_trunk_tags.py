"""The VLAN tag of NICs that are trunks: told by the plan, kept by the guest, taken off and put on by a card's ports."""

from __future__ import annotations

import pytest

from rackless.model.places import OpenStackPlace, Rewiring
from rackless.model.site import Site
from rackless.planning import identity
from system.becoming import nic_name, tag_commands
from system.carddata import join_commands
from system.identity import BadIdentity, parse
from system.links import Link

NICS = [{"index": 0, "mac": "52:00:00:00:00:00", "label": "eth0"}, {"index": 1, "mac": "52:00:00:00:00:01", "label": "eth1"}]


def told(**more: object) -> dict[str, object]:
    return {"role": "host", "slot": None, "hostname": "pc", "nics": NICS, **more}


def test_a_card_takes_the_tag_off_what_comes_in_and_puts_it_on_what_goes() -> None:
    lines = join_commands(3, 2)
    (into,) = [line for line in lines if line.startswith("filter add dev p3")]
    (out,) = [line for line in lines if line.startswith("filter add dev vx3")]
    assert "vlan_id 2 action vlan pop" in into
    assert into.endswith("redirect dev vx3")
    assert "action vlan push id 2" in out
    assert out.endswith("redirect dev p3")
    assert "vlan" not in " ".join(join_commands(3))


def test_a_host_s_interface_is_what_is_behind_the_tag() -> None:
    found = [Link(name=f"eth{n}", mac=f"52:00:00:00:00:0{n}", mtu=1500, up=False, carrier=False) for n in range(2)]
    tagged, plain = parse(told(tag=2)), parse(told())
    assert [nic_name(tagged, index) for index in (0, 1)] == ["eth0", "eth1t"]
    assert tag_commands(tagged, found) == ["link add link eth1t name eth1 type vlan id 2"]
    assert tag_commands(plain, found) == []
    assert nic_name(plain, 1) == "eth1"


@pytest.mark.parametrize("tag", [0, 4095, True, "2"])
def test_a_tag_that_is_none_is_refused(tag: object) -> None:
    with pytest.raises(BadIdentity, match="tag"):
        parse(told(tag=tag))


def test_only_places_with_trunks_have_a_tag() -> None:
    from tests.conformance import specs

    machine = specs.machine("lab", "west-vfp0")
    for way, wanted in ((Rewiring.TRUNK, 2), (Rewiring.HOTPLUG, None), (Rewiring.POWER_CYCLE, None)):
        site = Site(provider="c", places=(OpenStackPlace(name="c", rewiring=way),))
        assert identity.trunk_tag(machine, site) == wanted
    assert identity.trunk_tag(machine, Site()) is None
