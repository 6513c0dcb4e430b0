"""What the simulator takes and does not model, as we sent it: how a disk is cloned, of which snapshot, what a NIC is on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyVmomi import vim, vmodl
from tests.conformance import specs
from tests.vsphere import soap, vcenter

from rackless.model.errors import AbsentError, ProviderError
from rackless.model.places import Cloning, Numbers, SerialLine
from rackless.model.plan import ConfigFile, DiskSpec, MachineSpec, SegmentSpec
from rackless.providers.contract import Power, Ref, RefKind

pytestmark = pytest.mark.vsphere


def disk(name: str, image: str) -> DiskSpec:
    return DiskSpec(sandbox="lab", name=name, image=image)


def clone_of(venue) -> soap.Element:
    (sent,) = venue.server.sent("CloneVM_Task")
    return soap.request(sent.body)


def snapshot(venue, path: str, image: str) -> str:
    """The id of a snapshot, as its vCenter has it."""
    with venue.server.admin() as content:
        machine = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless-images/{image}")
        collector = content.propertyCollector
        kind = type(collector)
        level = collector.RetrieveContents([_spec(kind, machine)])[0].propSet[0].val.rootSnapshotList
        found = None
        for part in path.split("/"):
            found = next(one for one in level if one.name == part)
            level = found.childSnapshotList
        return str(found.snapshot._moId)


def _spec(kind, machine):
    query = vmodl.query.PropertyCollector
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=machine)], propSet=[query.PropertySpec(type=vim.VirtualMachine, pathSet=["snapshot"])]
    )


@pytest.mark.parametrize(("slot", "path"), [(0, "ss1/ss2/card0"), (1, "ss1/ss2/card0/card1")])
async def test_a_card_is_a_linked_clone_of_its_own_snapshot(venue, slot: int, path: str) -> None:
    image = "vmx/vfp@ss1/ss2/card0" + ("" if slot == 0 else "/card{slot}")
    await venue.provider().ensure(disk(f"west-vfp{slot}-disk0", image))
    sent = clone_of(venue)
    assert sent.get("spec/location/diskMoveType") == "createNewChildDiskBacking"
    assert sent.get("spec/snapshot") == snapshot(venue, path, "vmx/vfp")
    assert sent.get("spec/powerOn") == "false"
    assert sent.get("spec/template") == "false"
    assert sent.get("name") == f"west-vfp{slot}-disk0.lab"


async def test_a_plain_name_is_the_current_snapshot(venue) -> None:
    await venue.provider().ensure(disk("west-vcp-disk0", "vmx/vfp"))
    assert clone_of(venue).get("spec/snapshot") == snapshot(venue, "ss1/ss2/card0/card1", "vmx/vfp")


@pytest.mark.parametrize("image", ["bare", "golden"])
async def test_an_image_without_a_snapshot_is_copied_whole(venue, image: str) -> None:
    await venue.provider().ensure(disk("west-vcp-disk0", image))
    sent = clone_of(venue)
    assert sent.get("spec/location/diskMoveType") == "moveAllDiskBackingsAndDisallowSharing"
    assert sent.all("spec/snapshot") == []


async def test_a_place_may_want_whole_copies(venue) -> None:
    await venue.provider(cloning=Cloning.FULL).ensure(disk("west-vcp-disk0", "tiny"))
    assert clone_of(venue).get("spec/location/diskMoveType") == "moveAllDiskBackingsAndDisallowSharing"


async def test_a_server_without_instant_clones_makes_linked_ones(venue) -> None:
    await venue.provider(cloning=Cloning.INSTANT).ensure(disk("west-vcp-disk0", "tiny"))
    assert clone_of(venue).get("spec/location/diskMoveType") == "createNewChildDiskBacking"


async def test_a_clone_carries_its_mark_from_the_first_moment(venue) -> None:
    provider = venue.provider()
    await provider.ensure(disk("west-vcp-disk0", "tiny"))
    sent = clone_of(venue)
    uuid = sent.get("spec/config/instanceUuid")
    (option,) = sent.all("spec/config/extraConfig")
    assert (option.get("key"), option.get("value")) == ("rackless.mark", f"{provider.site}/lab/west-vcp-disk0/{uuid}")
    with venue.server.admin() as content:
        pool = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}/Resources")
        store = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/datastore/{vcenter.DATASTORE}")
        assert sent.get("spec/location/pool") == pool._moId
        assert sent.get("spec/location/datastore") == store._moId


async def test_a_missing_snapshot_is_told_with_those_there_are(venue) -> None:
    with pytest.raises(AbsentError, match=r"no snapshot ss1/ss9; it has ss1, ss1/ss2, ss1/ss2/card0, ss1/ss2/card0/card1\."):
        await venue.provider().ensure(disk("west-vfp0-disk0", "vmx/vfp@ss1/ss9"))
    assert venue.server.sent("CloneVM_Task") == []


async def test_a_missing_image_is_told_by_its_path(venue) -> None:
    with pytest.raises(AbsentError, match="DC0/vm/rackless-images/vmx/nothing"):
        await venue.provider().ensure(disk("west-vfp0-disk0", "vmx/nothing"))


async def router(venue, provider=None, *, image: str = "tiny", console: int | None = 9312) -> MachineSpec:
    provider = provider or venue.provider()
    await provider.ensure(specs.internal("lab", "west"))
    spec = specs.machine("lab", "west-vcp", console=console)
    await provider.ensure(DiskSpec(sandbox="lab", name=spec.disks[0].name, image=image))
    venue.server.clear()
    await provider.ensure(spec)
    return spec


def changes(venue) -> tuple[soap.Element, dict[str, list[soap.Element]]]:
    """The one change of a machine that was sent, and its devices by operation."""
    (sent,) = venue.server.sent("ReconfigVM_Task")
    change = soap.request(sent.body).one("spec")
    found: dict[str, list[soap.Element]] = {}
    for each in change.all("deviceChange"):
        found.setdefault(each.get("operation"), []).append(each.one("device"))
    return change, found


async def test_a_machine_is_made_in_one_change(venue) -> None:
    spec = await router(venue)
    change, devices = changes(venue)
    assert change.get("memoryMB") == "64"
    assert change.get("numCPUs") == "1"
    assert change.get("name") == "west-vcp.lab"
    serial, *nics = devices["add"]
    assert serial.type == "VirtualSerialPort"
    assert serial.get("backing/direction") == "server"
    assert serial.get("backing/serviceURI") == "telnet://:9312"
    assert serial.get("yieldOnPoll") == "true"
    assert serial.get("connectable/startConnected") == "true"
    assert [nic.type for nic in nics] == ["VirtualVmxnet3"] * 4
    assert [nic.get("macAddress") for nic in nics] == [nic.mac for nic in spec.nics]
    assert {nic.get("addressType") for nic in nics} == {"manual"}
    # Management and the internal network are plugged in from boot; ports of wires wait.
    assert [nic.get("connectable/startConnected") for nic in nics] == ["true", "true", "false", "false"]
    assert nics[0].get("backing/deviceName") == "VM Network"


async def test_the_images_own_nics_are_used_in_their_order(venue) -> None:
    spec = await router(venue, image="vmx/vcp", console=None)
    _, devices = changes(venue)
    assert [nic.type for nic in devices["edit"]] == ["VirtualE1000"] * 2
    assert [nic.get("macAddress") for nic in devices["edit"]] == [nic.mac for nic in spec.nics[:2]]
    assert [nic.get("macAddress") for nic in devices["add"]] == [nic.mac for nic in spec.nics[2:]]


@pytest.mark.parametrize(
    ("line", "direction", "uri", "proxy"),
    [
        (SerialLine.CLIENT, "client", "telnet://127.0.0.1:9312", []),
        (SerialLine.CONCENTRATOR, "server", "telnet://:9312", ["telnet://vspc.example:13370"]),
    ],
)
async def test_serial_lines_of_other_kinds(venue, line: SerialLine, direction: str, uri: str, proxy: list[str]) -> None:
    await router(venue, venue.provider(serial_line=line, concentrator="telnet://vspc.example:13370"))
    _, devices = changes(venue)
    serial = devices["add"][0]
    assert serial.get("backing/direction") == direction
    assert serial.get("backing/serviceURI") == uri
    assert [each.text for each in serial.all("backing/proxyURI")] == proxy


async def test_a_segment_is_a_port_group_of_its_vlan_that_lets_all_frames_through(venue) -> None:
    provider = venue.provider()
    await provider.ensure(SegmentSpec(sandbox="lab", name="wire-1", kind="wire", ports=(), mtu=1500, number=217))
    (sent,) = venue.server.sent("AddDVPortgroup_Task")
    spec = soap.request(sent.body).one("spec")
    assert spec.get("name") == f"rackless.{provider.site}.lab.wire-1"
    assert spec.get("description") == f"rackless.{provider.site}.lab.wire-1"
    setting = spec.one("defaultPortConfig")
    assert setting.one("vlan").type == "VmwareDistributedVirtualSwitchVlanIdSpec"
    assert setting.get("vlan/vlanId") == "217"
    assert setting.get("blocked/value") == "false"
    for policy in ("allowPromiscuous", "macChanges", "forgedTransmits"):
        assert setting.get(f"securityPolicy/{policy}/value") == "true"


async def test_a_trunk_lets_a_range_of_vlans_through(venue) -> None:
    provider = venue.provider()
    await provider.switch.make(f"rackless.{provider.site}.lab.trunk", "", Numbers(first=100, last=199))
    (sent,) = venue.server.sent("AddDVPortgroup_Task")
    vlan = soap.request(sent.body).one("spec/defaultPortConfig/vlan")
    assert vlan.type == "VmwareDistributedVirtualSwitchTrunkVlanSpec"
    assert (vlan.get("vlanId/start"), vlan.get("vlanId/end")) == ("100", "199")


async def test_segments_without_a_number_get_different_ones_of_the_places_range(venue) -> None:
    for name in ("wire-1", "wire-2"):
        await venue.provider(numbers=Numbers(first=300, last=301)).ensure(specs.wire("lab", name))
    sent = [soap.request(one.body).get("spec/defaultPortConfig/vlan/vlanId") for one in venue.server.sent("AddDVPortgroup_Task")]
    assert sorted(sent) == ["300", "301"]
    with pytest.raises(ProviderError, match="all of 300-301"):
        await venue.provider(numbers=Numbers(first=300, last=301)).ensure(specs.wire("lab", "wire-3"))


async def test_a_wire_moves_behind_the_running_machine(venue) -> None:
    provider = venue.provider()
    spec = await router(venue, provider, console=None)
    wire = specs.wire("lab", "wire-1", specs.port(spec, 2))
    await provider.ensure(wire)
    await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    venue.server.clear()
    await provider.attach(wire.ports[0], wire)
    change, devices = changes(venue)
    (nic,) = devices["edit"]
    assert nic.get("macAddress") == spec.nics[2].mac
    with venue.server.admin() as content:
        path = f"{vcenter.DATACENTER}/network/rackless.{provider.site}.lab.wire-1"
        assert nic.get("backing/port/portgroupKey") == content.searchIndex.FindByInventoryPath(path)._moId
    assert nic.get("connectable/connected") == nic.get("connectable/startConnected") == "true"
    assert change.all("name") == change.all("memoryMB") == []
    venue.server.clear()
    await provider.attach(wire.ports[0], wire)
    assert venue.server.sent("ReconfigVM_Task") == []  # It is so already.
    await provider.detach(wire.ports[0])
    _, devices = changes(venue)
    assert devices["edit"][0].get("connectable/connected") == devices["edit"][0].get("connectable/startConnected") == "false"
    methods = {one.method for one in venue.server.sent()}
    assert not methods & {"PowerOffVM_Task", "ResetVM_Task", "PowerOnVM_Task"}


async def test_nics_that_no_wire_has_are_where_nothing_goes_through(venue) -> None:
    provider = venue.provider()
    await provider.ensure(specs.internal("lab", "west"))
    spec = specs.machine("lab", "west-vcp")
    await provider.ensure(spec.disks[0])
    venue.server.clear()
    await provider.ensure(spec)
    (made,) = venue.server.sent("AddDVPortgroup_Task")
    parking = soap.request(made.body).one("spec")
    assert parking.get("defaultPortConfig/blocked/value") == "true"
    _, devices = changes(venue)
    with venue.server.admin() as content:
        key = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/network/{parking.get('name')}")._moId
    assert [nic.get("backing/port/portgroupKey") for nic in devices["add"][2:]] == [key, key]


async def test_the_firewall_is_opened_for_our_address_only(venue) -> None:
    provider = venue.provider()
    await router(venue, provider, console=venue.free_port())
    _shut(venue)
    venue.server.clear()
    await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    methods = [one.method for one in venue.server.sent()]
    assert methods.index("UpdateRuleset") < methods.index("EnableRuleset") < methods.index("PowerOnVM_Task")
    (sent,) = venue.server.sent("UpdateRuleset")
    asked = soap.request(sent.body)
    assert asked.get("id") == "remoteSerialPort"
    assert asked.get("spec/allowedHosts/allIp") == "false"
    assert [one.text for one in asked.all("spec/allowedHosts/ipAddress")] == ["127.0.0.1"]


async def test_a_firewall_that_we_may_not_open_is_told(venue) -> None:
    await router(venue, console=venue.free_port())
    _shut(venue)
    with pytest.raises(ProviderError, match="remoteSerialPort") as caught:
        await venue.provider(firewall_open=False).power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    assert "firewall-open: true" in caught.value.hint
    assert venue.server.sent("EnableRuleset") == venue.server.sent("PowerOnVM_Task") == []


def _shut(venue) -> None:
    with venue.server.admin() as content:
        for host in content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}").host:
            host.configManager.firewallSystem.DisableRuleset("remoteSerialPort")


async def test_machines_of_a_router_are_kept_on_different_hosts(venue) -> None:
    provider = venue.provider(anti_affinity=True)
    await provider.ensure(specs.internal("lab", "west"))
    made = []
    for name in ("west-vcp", "west-vfp0"):
        spec = specs.machine("lab", name)
        await provider.ensure(spec.disks[0])
        await provider.ensure(spec)
        made.append(Ref(kind=RefKind.MACHINE, sandbox="lab", name=name))
    (sent,) = venue.server.sent("ReconfigureComputeResource_Task")
    rule = soap.request(sent.body).one("spec/rulesSpec")
    assert rule.get("operation") == "add"
    assert rule.one("info").type == "ClusterAntiAffinityRuleSpec"
    assert rule.get("info/name") == f"rackless.{provider.site}.lab.west"
    assert rule.get("info/mandatory") == "false"
    assert len(rule.all("info/vm")) == 2
    await provider.remove(made[0])
    await provider.remove(made[1])
    with venue.server.admin() as content:
        cluster = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}")
        assert list(cluster.configurationEx.rule) == []


async def test_the_last_of_a_lab_takes_folder_and_parking_with_it(venue) -> None:
    provider = venue.provider()
    spec = await router(venue, provider, console=None)
    await provider.remove(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"))
    await provider.remove(Ref(kind=RefKind.DISK, sandbox="lab", name=spec.disks[0].name))
    await provider.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="west-internal"))
    with venue.server.admin() as content:
        network = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/network")
        assert [one.name for one in network.childEntity if one.name.startswith("rackless")] == []
        folder = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless")
        assert [one.name for one in folder.childEntity if one.name.endswith(provider.site)] == []


async def test_a_copy_that_somebody_made_of_our_machine_is_theirs(venue) -> None:
    provider = venue.provider()
    await router(venue, provider, console=None)
    with venue.server.admin() as content:
        folder = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless/lab.{provider.site}")
        pool = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}/Resources")
        (ours,) = folder.childEntity
        options = [vim.option.OptionValue(key=one.key, value=one.value) for one in ours.config.extraConfig]
        copied = vim.vm.CloneSpec(
            location=vim.vm.RelocateSpec(pool=pool), config=vim.vm.ConfigSpec(extraConfig=options), powerOn=False, template=False
        )
        copy = ours.CloneVM_Task(folder=folder, name="theirs.lab", spec=copied).info.result
        try:
            refs = await venue.provider().owned("lab")
            assert [ref.name for ref in refs if ref.kind is RefKind.MACHINE] == ["west-vcp"]
            with pytest.raises(ProviderError, match="mark"):
                await venue.provider().remove(Ref(kind=RefKind.MACHINE, sandbox="lab", name="theirs"))
        finally:
            copy.Destroy_Task()


async def test_a_machines_identity_is_on_a_cd_beside_it(venue) -> None:
    provider = venue.provider()
    await provider.ensure(specs.internal("lab", "west"))
    plain = specs.machine("lab", "west-vcp")
    spec = replace(plain, config_drive=(ConfigFile(path="rackless.json", content='{"name": "west"}'),))
    await provider.ensure(spec.disks[0])
    venue.server.clear()
    await provider.ensure(spec)
    _, devices = changes(venue)
    (drive,) = [device for each in devices.values() for device in each if device.type == "VirtualCdrom"]
    path = drive.get("backing/fileName")
    assert path.endswith("/rackless-config.iso")
    assert drive.get("connectable/startConnected") == "true"
    file = venue.server.file(path)
    assert b'{"name": "west"}' in file.read_bytes()
    await provider.remove(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"))
    assert not file.exists()
    assert [ref.kind for ref in await provider.owned("lab")] == [RefKind.DISK, RefKind.SEGMENT]
    # The disk stays, and is a machine again with the drive anew.
    await provider.ensure(spec)
    assert file.exists()


async def test_of_a_drive_that_cannot_be_written_nothing_is_made(venue) -> None:
    provider = venue.provider()
    await provider.ensure(specs.internal("lab", "west"))
    plain = specs.machine("lab", "west-vcp")
    await provider.ensure(plain.disks[0])
    folder = venue.server.file((await provider.machines.with_disk("lab", "west-vcp-disk0")).path).parent
    (folder / "rackless-config.iso").mkdir()
    with pytest.raises(ProviderError, match=r"could not write \[LocalDS_0\].*rackless-config\.iso"):
        await provider.ensure(replace(plain, config_drive=(ConfigFile(path="rackless.json", content="{}"),)))
    (folder / "rackless-config.iso").rmdir()
    assert [ref.kind for ref in await provider.owned("lab")] == [RefKind.DISK, RefKind.SEGMENT]


@pytest.mark.parametrize("standard", [False, True])
async def test_a_segment_that_an_earlier_lab_left_gets_its_own_vlan(venue, standard: bool) -> None:
    provider = venue.provider(**({"switch": "", "standard_switch": "vSwitch0"} if standard else {}))
    wire = SegmentSpec(sandbox="lab", name="wire-1", kind="wire", ports=(), mtu=1500, number=217)
    await provider.ensure(wire)
    venue.server.clear()
    await provider.ensure(replace(wire, number=218))
    method = "UpdatePortGroup" if standard else "ReconfigureDVPortgroup_Task"
    sent = [soap.request(one.body) for one in venue.server.sent(method)]
    path = "portgrp/vlanId" if standard else "spec/defaultPortConfig/vlan/vlanId"
    assert {one.get(path) for one in sent} == {"218"}
    assert len(sent) == (2 if standard else 1)  # On each host.
    name = f"rackless.{provider.site}.lab.wire-1"
    assert [group.vlans for group in await provider.switch.groups() if group.name == name] == [((218, 218),)]
    venue.server.clear()
    await provider.ensure(replace(wire, number=218))
    assert venue.server.sent(method) == []
    await provider.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="wire-1"))


async def test_a_standard_segment_is_on_each_host_with_its_vlan(venue) -> None:
    provider = venue.provider(switch="", standard_switch="vSwitch0")
    wire = SegmentSpec(sandbox="lab", name="wire-1", kind="wire", ports=(), mtu=1500, number=217)
    await provider.ensure(wire)
    sent = [soap.request(one.body) for one in venue.server.sent("AddPortGroup")]
    assert len({one.get("_this") for one in sent}) == 2
    for one in sent:
        assert (one.get("portgrp/vswitchName"), one.get("portgrp/vlanId")) == ("vSwitch0", "217")
        for policy in ("allowPromiscuous", "macChanges", "forgedTransmits"):
            assert one.get(f"portgrp/policy/security/{policy}") == "true"
    with venue.server.admin() as content:
        host = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}").host[1]
        host.configManager.networkSystem.RemovePortGroup(f"rackless.{provider.site}.lab.wire-1")
    venue.server.clear()
    await provider.ensure(wire)  # One host lacks it, as after a crash half way.
    assert len(venue.server.sent("AddPortGroup")) == 1
    await provider.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="wire-1"))
    assert len(venue.server.sent("RemovePortGroup")) == 2
    assert await provider.owned("lab") == ()


async def test_parked_nics_of_standard_switches_are_on_one_without_an_uplink(venue) -> None:
    provider = venue.provider(switch="", standard_switch="vSwitch0")
    spec = await router(venue, provider, console=None)
    made = [soap.request(one.body) for one in venue.server.sent("AddVirtualSwitch")]
    assert len(made) == 2
    assert {one.get("vswitchName") for one in made} == {f"rackless.{provider.site}.parking"}
    assert [bridge for one in made for bridge in one.all("spec/bridge")] == []
    venue.server.clear()
    for ref in await provider.owned("lab"):
        await provider.remove(ref)
    assert len(venue.server.sent("RemoveVirtualSwitch")) == 2
    assert spec.name == "west-vcp"


async def test_without_drs_machines_go_to_the_host_that_has_the_fewest_of_ours(venue) -> None:
    provider = venue.provider()
    await provider.ensure(disk("west-vcp-disk0", "tiny"))
    assert clone_of(venue).all("spec/location/host") == []  # DRS chooses.
    first = (await provider.machines.with_disk("lab", "west-vcp-disk0")).host
    # The simulator's clusters have DRS, whatever one sets.
    provider.inventory._grounds = replace(await provider.inventory.grounds(), balanced=False)
    venue.server.clear()
    await provider.ensure(disk("west-vfp0-disk0", "tiny"))
    assert clone_of(venue).get("spec/location/host") not in ("", first._moId)
