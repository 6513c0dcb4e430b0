"""What is found before anything is made: by `check` of a plan, and by the examination of the place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance import specs
from tests.vsphere import soap, vcenter

from rackless import blueprints, planning
from rackless.model.family import NicRole
from rackless.model.places import Numbers
from rackless.model.plan import NicSpec, Plan
from rackless.model.site import Site
from rackless.providers.contract import Checkable, Finding
from rackless.routers.families import FAMILIES

pytestmark = pytest.mark.vsphere
TEXT = """\
name: lab
routers:
  west: {family: reference, cards: 1, ports_per_card: 2}
  east: {family: reference, cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


def plan(image: str = "tiny") -> Plan:
    """Of two routers and a wire, all of one image."""
    made = planning.plan(blueprints.load(TEXT, file="lab.yaml", families=FAMILIES, files={}), Site(families=FAMILIES))
    machines = tuple(
        replace(machine, disks=tuple(replace(disk, image=image) for disk in machine.disks), memory=64)
        for machine in made.machines
    )
    return replace(made, machines=machines)


async def told(venue, wanted: Plan, **changed) -> str:
    return "\n".join(str(problem) for problem in await venue.provider(**changed).check(wanted))


async def test_a_plan_that_fits_is_let_through_and_makes_nothing(venue) -> None:
    provider = venue.provider()
    assert await provider.check(plan()) == ()
    assert await provider.owned() == ()
    changing = {one.method for one in venue.server.sent()} - {"RetrievePropertiesEx", "FindByInventoryPath"}
    assert changing <= {"Login", "RetrieveServiceContent"}


async def test_missing_images_and_snapshots_are_named(venue) -> None:
    assert "DC0/vm/rackless-images/nothing" in await told(venue, plan("nothing"))
    assert "no snapshot ss7; it has ss1" in await told(venue, plan("tiny@ss7"))


async def test_disks_that_are_there_need_no_image(venue) -> None:
    wanted = plan("nothing")
    for machine in wanted.machines:
        await venue.provider().ensure(replace(machine.disks[0], image="tiny"))
    assert await told(venue, wanted) == ""


async def test_a_place_without_vlans_makes_no_wires(venue) -> None:
    assert "numbers" in await told(venue, plan(), numbers=None)


async def test_more_nics_than_a_machine_can_have(venue) -> None:
    wanted = plan()
    first = wanted.machines[0]
    nics = tuple(NicSpec(index=at, role=NicRole.TRAFFIC, mac=f"52:00:00:00:00:{at:02x}", label=f"x{at}") for at in range(14))
    said = await told(venue, replace(wanted, machines=(replace(first, nics=nics), *wanted.machines[1:])))
    assert f"{first.name} has 14 NICs; a machine can have 13" in said


async def test_more_memory_than_the_hosts_have(venue) -> None:
    wanted = plan()
    said = await told(venue, replace(wanted, machines=(replace(wanted.machines[0], memory=1 << 22), *wanted.machines[1:])))
    assert "MiB of memory; the hosts of the cluster have" in said


async def test_what_guests_need_of_a_processor_is_asked_of_the_hosts(venue) -> None:
    wanted = plan()

    def changed(**more) -> Plan:
        return replace(wanted, machines=(replace(wanted.machines[0], **more), *wanted.machines[1:]))

    assert await told(venue, changed(cpu_flags=("ssse3", "sse4_1", "sse4_2"))) == ""
    said = await told(venue, changed(cpu_flags=("sse4_2", "avx2")))
    assert f"west (reference) needs a processor with sse4_2, avx2, and no host of {vcenter.CLUSTER} has one" in said
    assert "EVC" in said
    assert "no host of DC0_C0 exposes virtualization to its guests" in await told(venue, changed(nested=True))


async def test_names_that_a_standard_switch_cannot_have(venue) -> None:
    wanted = plan()
    long = replace(wanted.segments[0], name="w" * 60)
    said = await told(venue, replace(wanted, segments=(long,)), switch="", standard_switch="vSwitch0")
    assert "it may have 80" in said
    assert await told(venue, replace(wanted, segments=(long,))) == ""  # A distributed one keeps the name in a description.


async def test_a_long_name_is_found_again_on_a_distributed_switch(venue) -> None:
    segment = replace(specs.wire("lab", "w" * 70))
    await venue.provider().ensure(segment)
    await venue.provider().ensure(segment)
    (ref,) = await venue.provider().owned("lab")
    assert ref.name == segment.name
    await venue.provider().remove(ref)
    assert await venue.provider().owned("lab") == ()


async def examined(venue, **changed) -> dict[str, Finding]:
    provider = venue.provider(**changed)
    assert isinstance(provider, Checkable)
    found = [finding async for finding in provider.examine()]
    assert all(finding.hint for finding in found if not finding.ok)
    return {finding.name: finding for finding in found}


async def test_a_place_that_is_fit(venue) -> None:
    found = await examined(venue)
    # The simulator's hosts have no NTP server: that is a finding too.
    assert [name for name, finding in found.items() if not finding.ok] == ["time"]
    assert list(found)[:3] == ["reachable", "credentials", "inventory"]
    assert {"privileges", "hosts", "datastore", "images", "mtu", "vlans", "management", "serial-console"} <= set(found)


@pytest.mark.parametrize(
    ("changed", "name", "said"),
    [
        ({"ca_file": None}, "reachable", "not trusted"),
        ({"cluster": "nowhere"}, "inventory", "nowhere"),
        ({"image_folder": "nowhere"}, "images", "nowhere"),
        ({"numbers": None}, "vlans", "none to give"),
        ({"numbers": Numbers(first=4000, last=5000)}, "vlans", "no VLANs"),
        ({"management_network": "nowhere"}, "management", "nowhere"),
    ],
)
async def test_what_is_wrong_is_found_and_the_rest_is_asked_all_the_same(venue, changed, name: str, said: str) -> None:
    found = await examined(venue, **changed)
    assert not found[name].ok
    assert said in found[name].detail
    if name not in {"reachable", "inventory"}:
        assert "time" in found


async def test_a_firewall_that_is_shut(venue) -> None:
    with venue.server.admin() as content:
        host = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}").host[0]
        host.configManager.firewallSystem.DisableRuleset("remoteSerialPort")
        name = host.name
    shut = (await examined(venue, firewall_open=False))["serial-console"]
    assert not shut.ok
    assert name in shut.detail
    assert (await examined(venue, firewall_open=True))["serial-console"].ok


async def test_vlans_that_others_use(venue) -> None:
    other = venue.provider("b")
    await other.ensure(replace(specs.wire("lab", "wire-1"), number=150))
    found = (await examined(venue, numbers=Numbers(first=100, last=199)))["vlans"]
    assert not found.ok
    assert f"rackless.{other.site}.lab.wire-1" in found.detail
    assert (await examined(venue, numbers=Numbers(first=200, last=299)))["vlans"].ok


async def test_a_question_that_fails_is_a_finding(venue) -> None:
    provider = venue.provider()
    await provider.owned()
    venue.server.fault("fault", "HasPrivilegeOnEntity", fault="SystemError")
    found = {finding.name: finding async for finding in provider.examine()}
    assert not found["privileges"].ok
    assert found["hosts"].ok


async def test_a_wrong_password_is_a_finding(venue, tmp_path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    found = await examined(venue, password_file=wrong)
    assert list(found) == ["credentials"]
    assert not found["credentials"].ok


async def test_privileges_that_are_missing_are_named_with_where(venue, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = venue.provider(anti_affinity=True)
    call = provider.session.call

    async def restricted(target, method: str, *arguments, **named):
        """The simulator's users may do everything."""
        had = await call(target, method, *arguments, **named)
        if method != "HasPrivilegeOnEntity":
            return had
        return [privilege not in {"DVPortgroup.Create", "Host.Inventory.EditCluster"} for privilege in named["privId"]]

    monkeypatch.setattr(provider.session, "call", restricted)
    found = {finding.name: finding async for finding in provider.examine()}
    assert found["privileges"].detail == "the account lacks DVPortgroup.Create (switch), Host.Inventory.EditCluster (cluster)"
    asked = [soap.request(one.body) for one in venue.server.sent("HasPrivilegeOnEntity")]
    assert {one.get("sessionId") for one in asked} != {""}
