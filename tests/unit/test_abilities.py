"""What a plan asks of a place that the place can't do, out of data alone."""

from __future__ import annotations

from dataclasses import replace

from rackless import blueprints, planning
from rackless.model.places import OpenStackPlace
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.providers.abilities import lacking
from rackless.providers.contract import ProviderInfo, served
from rackless.routers.families import FAMILIES

SITE = Site(provider="munich", places=(OpenStackPlace(name="munich"),), families=FAMILIES)
CLOUD = ProviderInfo(
    name="openstack", live_rewire=True, carrier=False, capture=False, host_channel=False, management="address", smbios=False
)


def of(router: str) -> Plan:
    text = f"name: lab\nrouters:\n  west: {{{router}}}\n"
    return planning.plan(blueprints.load(text, file="lab.yaml", families=FAMILIES, files={}, site=SITE), SITE)


def test_a_guest_that_only_knows_by_smbios_what_it_is_is_refused_where_none_can_be_given() -> None:
    (problem,) = lacking(of("family: vjunos-router, ports_per_card: 2"), CLOUD)
    assert (
        "west-vcp (vjunos-router) knows what it is by the description of its machine (SMBIOS: product VM-VMX" in problem.message
    )


def test_one_that_reads_metadata_is_not() -> None:
    assert lacking(of("family: vmx, cards: 1, ports_per_card: 2"), CLOUD) == ()
    assert lacking(of("family: reference, cards: 1, ports_per_card: 2"), CLOUD) == ()


def test_an_ipv6_address_of_fxp0_is_for_places_that_have_some() -> None:
    plan = of('cards: 1, fxp0: {address: "2001:DB8::7/64", gateway: "2001:db8::1"}')
    (nic,) = [nic for spec in plan.machines for nic in spec.nics if nic.label == "fxp0"]
    assert nic.address == "2001:db8::7/64"
    (problem,) = lacking(plan, CLOUD)
    assert "west asks for the fxp0 address 2001:db8::7/64, and management addresses are of IPv4 there." in problem.message
    assert lacking(plan, replace(CLOUD, management_ipv6=True)) == ()
    assert served("2001:db8::7", 22) == "[2001:db8::7]:22"
    assert served("192.0.2.7", 22) == "192.0.2.7:22"
