"""Bridge domains: which bridges and ports follow from a configuration, and in which order they are made."""

from __future__ import annotations

from pathlib import Path

from tests.guest.mgmt_router import START, lines

from mgmt import bridging
from mgmt.check import check
from mgmt.devices import vrf_name
from mgmt.render import interfaces
from mgmt.schema import ROOT
from mgmt.world import Folder
from system.ports import router_name

TRUNK = """
set chassis aggregated-devices ethernet device-count 1
set interfaces ae0 mtu 9014
set interfaces ae0 unit 0 family bridge interface-mode trunk vlan-id-list [ 10-12 30 ]
set interfaces ge-0/0/0 unit 0 family bridge interface-mode access vlan-id 12
set interfaces ge-0/0/1 flexible-vlan-tagging encapsulation flexible-ethernet-services
set interfaces ge-0/0/1 unit 7 encapsulation vlan-bridge vlan-id 70
set interfaces irb unit 12 family inet address 192.0.2.1/24
set interfaces irb unit 99 family inet address 198.51.100.1/24
set interfaces irb mtu 1600
set bridge-domains ten vlan-id 10
set bridge-domains twelve vlan-id 12 interface ge-0/0/1.7
set bridge-domains twelve routing-interface irb.12
set routing-instances red instance-type virtual-router
set routing-instances red interface irb.12
"""


def test_ports_are_in_the_domain_of_their_vlan() -> None:
    tree = lines(START + TRUNK)
    assert check(tree, ROOT) == []
    ten = bridging.bridge_name("ten", {})
    assert sorted(bridging.member_ports(tree)) == [
        ("ae0v10", ten, "link ae0 type vlan id 10"),
        ("ae0v12", "irb.12", "link ae0 type vlan id 12"),
        ("ge-0-0-0", "irb.12", ""),
        ("ge-0-0-1.7", "irb.12", ""),
    ]
    assert bridging.port_of("ae0v12") == "ae0.0"
    assert bridging.port_of("ge-0-0-1.7") == "ge-0/0/1.7"
    assert router_name("ae0v12") is None, "nobody sees it as an interface of the router"


def test_a_disabled_unit_is_in_no_domain() -> None:
    tree = lines(START + TRUNK + "set interfaces ae0 unit 0 disable\nset interfaces ge-0/0/1 unit 7 disable\n")
    assert [port for port, _, _ in bridging.member_ports(tree)] == ["ge-0-0-0"]


def test_bridges_are_there_before_their_ports_and_after_their_vrf(tmp_path: Path) -> None:
    (tmp_path / "sys/class/net/fxp0").mkdir(parents=True)
    (tmp_path / "sys/class/net/fxp0/address").write_text("52:54:00:00:00:07\n")
    wanted = interfaces.render(lines(START + TRUNK), Folder(str(tmp_path))).data
    ports = ("ae0", "ge-0-0-0", "ge-0-0-1")
    there = {name: {"ifname": name, "mtu": 1500, "flags": ["UP"], "addr_info": []} for name in ports}
    made = interfaces.creations(there, wanted)
    made += [line for name, link in there.items() for line in interfaces.commands(link, wanted[name])]
    assert "link add name irb.12 address 56:54:00:00:00:07 type bridge stp_state 0" in "\n".join(made)
    assert "irb.99" in there, "a routing interface without a domain is there, without a carrier"
    for before, after in (("add name red ", "irb.12 master red"), ("add name irb.12 ", "ge-0-0-0 master irb.12"),
                          ("dev ae0v12 mtu 9000", "dev ae0v12 up")):  # fmt: skip
        order = [next(at for at, line in enumerate(made) if text in line) for text in (before, after)]
        assert order == sorted(order)
    assert "link set dev irb.12 mtu 1586" in made


def test_only_a_domain_with_a_vlan_refuses_tags() -> None:
    tree = lines(START + TRUNK + "set bridge-domains plain routing-interface irb.99\n")
    made = bridging.bridges(tree, "")
    assert "vlan_filtering" in made["irb.12"]
    assert "vlan_filtering" not in made["irb.99"]


def test_a_router_without_fxp0_has_no_mac_for_its_bridges() -> None:
    assert bridging.bridge_mac(None) == ""
    assert bridging.bridge_mac("\n") == ""
    assert bridging.bridge_mac("02:00:00:00:00:01\n") == "06:00:00:00:00:01"


def test_an_instance_can_not_take_a_bridge_s_name() -> None:
    for name in ("bd-0123abcd", "ge-0-0-0v10", "irb.7"):
        assert vrf_name(name).startswith("ri-")
