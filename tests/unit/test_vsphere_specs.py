"""Specs that no simulator takes apart: instant clones, snapshots by path, trunks, drives on controllers of all kinds."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest
from pyVmomi import vim
from tests.conformance import specs

from rackless.model.family import DiskBus
from rackless.model.places import Cloning, Numbers, SerialLine
from rackless.model.plan import DiskSpec
from rackless.providers.vsphere import cloning, hardware, marks, networks
from rackless.providers.vsphere.uploads import descriptor_of
from rackless.routers.families import FAMILIES

GROUNDS = SimpleNamespace(pool=vim.ResourcePool("pool-1"), datastore=vim.Datastore("store-1"))
LSILOGIC = "<rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType>"
MARK = marks.mark("0badcafe", "lab", "west-vcp-disk0")


def test_an_instant_clone_carries_its_mark_and_our_uuid() -> None:
    folder = vim.Folder("folder-1")
    spec = cloning.instant_spec("west-vcp-disk0.lab", folder, GROUNDS, MARK)
    assert spec.name == "west-vcp-disk0.lab"
    assert spec.biosUuid == MARK.uuid
    assert [(one.key, one.value) for one in spec.config] == [("rackless.mark", str(MARK))]
    assert (spec.location.folder, spec.location.pool, spec.location.datastore) == (folder, GROUNDS.pool, GROUNDS.datastore)


def test_a_clone_without_drs_names_its_host() -> None:
    source = cloning.Source(name="x", machine=None, snapshot=vim.vm.Snapshot("snapshot-1"), host=None, running=False)
    host = vim.HostSystem("host-1")
    assert cloning.clone_spec(source, GROUNDS, MARK, Cloning.LINKED, host).location.host == host
    assert cloning.clone_spec(source, GROUNDS, MARK, Cloning.LINKED, None).location.host is None


def tree(*named: tuple) -> SimpleNamespace:
    """(name, age, children...)."""

    def node(one: tuple) -> SimpleNamespace:
        name, age, *children = one
        when = datetime.datetime(2026, 1, 1 + age, tzinfo=datetime.UTC)
        return SimpleNamespace(
            name=name, createTime=when, snapshot=f"{name}@{age}", childSnapshotList=[node(each) for each in children]
        )

    return SimpleNamespace(rootSnapshotList=[node(one) for one in named])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("ss1", "ss1@0"),
        ("ss1/ss2/card0", "card0@3"),
        ("/ss1/ss2/", "ss2@2"),
        ("ss2", None),
        ("ss1/card0", None),
        ("ss1/twice", "twice@9"),
        ("", None),
    ],
)
def test_snapshots_are_found_by_their_path(path: str, found: str | None) -> None:
    there = tree(("ss1", 0, ("ss2", 2, ("card0", 3)), ("twice", 5), ("twice", 9)))
    assert cloning.snapshot_at(there, path) == found


def test_a_machine_without_snapshots_has_none_at_any_path() -> None:
    assert cloning.snapshot_at(None, "ss1") is None
    assert cloning.snapshot_paths(None) == []


@pytest.mark.parametrize(("disk", "image"), [("west-vfp3-disk0", "vfp@ss/card3"), ("west-vcp-disk0", "vfp@ss/card0")])
def test_the_cards_number_is_put_into_its_image(disk: str, image: str) -> None:
    assert cloning.image_of(DiskSpec(sandbox="lab", name=disk, image="vfp@ss/card{slot}")) == image


def test_marks_of_others_and_of_copies_are_none() -> None:
    def options(text: str) -> list:
        return [vim.option.OptionValue(key="rackless.mark", value=text)]

    assert marks.read_mark(options(str(MARK)), ["other", MARK.uuid]) == MARK
    assert marks.read_mark(options(str(MARK)), ["5f2b6a50-0000-4000-8000-000000000000", None]) is None
    assert marks.read_mark(options("nonsense"), ["nonsense"]) is None
    assert marks.read_mark([], [MARK.uuid]) is None
    assert marks.read_mark(None, [MARK.uuid]) is None


def test_what_is_kept_with_a_machine_is_read_again() -> None:
    spec = specs.machine("lab", "west-vcp", console=9300)
    assert marks.read_machine(marks.write_machine(spec)) == spec
    assert marks.read_machine("") is None
    assert marks.read_machine("{}") is None


def test_a_parking_group_is_blocked_and_a_trunk_is_tagged() -> None:
    parked = networks.group_spec("p", "", 0, blocked=True)
    assert parked.defaultPortConfig.blocked.value is True
    trunk = networks.group_spec("t", "", Numbers(first=100, last=199), blocked=False)
    (tags,) = trunk.defaultPortConfig.vlan.vlanId
    assert (tags.start, tags.end) == (100, 199)


def controller(kind: type, key: int) -> object:
    return kind(key=key, busNumber=0)


def drive_of(devices: list) -> tuple[list, object]:
    spec = specs.machine("lab", "west-vcp")
    change = hardware.dressed(spec, devices, lambda _: (None, False), serial=None, drive="[ds] west/rackless-config.iso")
    kinds = [each.device for each in change.deviceChange if not isinstance(each.device, vim.vm.device.VirtualEthernetCard)]
    return kinds[:-1], kinds[-1]


def test_a_drive_goes_to_a_free_place_of_a_controller() -> None:
    ide = controller(vim.vm.device.VirtualIDEController, 200)
    disk = vim.vm.device.VirtualDisk(key=3000, controllerKey=200, unitNumber=0)
    others, drive = drive_of([ide, disk])
    assert (others, drive.controllerKey, drive.unitNumber) == ([], 200, 1)


def test_a_machine_without_room_for_a_drive_gets_a_controller() -> None:
    ide = controller(vim.vm.device.VirtualIDEController, 200)
    full = [vim.vm.device.VirtualDisk(key=3000 + at, controllerKey=200, unitNumber=at) for at in range(2)]
    others, drive = drive_of([ide, *full])
    assert [type(one).__name__ for one in others] == ["vim.vm.device.VirtualAHCIController"]
    assert drive.controllerKey == others[0].key


def test_the_images_own_drive_is_used() -> None:
    own = vim.vm.device.VirtualCdrom(key=3002, controllerKey=200, unitNumber=0)
    _, drive = drive_of([own])
    assert drive.key == 3002
    assert drive.backing.fileName == "[ds] west/rackless-config.iso"


def test_the_images_own_serial_port_is_used() -> None:
    kind = vim.vm.device.VirtualSerialPort
    own = [
        kind(key=9001, backing=kind.FileBackingInfo(fileName="[ds] b")),
        kind(key=9000, backing=kind.FileBackingInfo(fileName="[ds] a")),
    ]
    backing = hardware.serial_backing(SerialLine.SERVER, 9301, ours="", concentrator="")
    change = hardware.dressed(specs.machine("lab", "west-vcp"), own, lambda _: (None, False), serial=backing, drive="")
    assert change.deviceChange[0].operation == "edit"
    assert change.deviceChange[0].device.key == 9000
    assert change.deviceChange[0].device.backing.serviceURI == "telnet://:9301"


def test_surplus_nics_of_the_image_are_taken_out() -> None:
    own = [vim.vm.device.VirtualE1000(key=4000 + at, macAddress=f"00:50:56:00:00:{at:02x}") for at in range(6)]
    change = hardware.dressed(specs.machine("lab", "west-vcp"), list(own), lambda _: (None, False), serial=None, drive="")
    assert [(each.operation, each.device.key) for each in change.deviceChange] == [
        *(("edit", 4000 + at) for at in range(4)),
        ("remove", 4004),
        ("remove", 4005),
    ]


@pytest.mark.parametrize("ours", [True, False])
def test_ports_of_the_host_that_the_image_has_are_taken_out(ours: bool) -> None:
    """Every clone of it would be at the same port of its host."""
    kind = vim.vm.device.VirtualSerialPort
    uri = kind.URIBackingInfo(direction="server", serviceURI="telnet://:8601")
    own = [
        kind(key=9000, backing=uri),
        kind(key=9001, backing=uri),
        kind(key=9002, backing=kind.FileBackingInfo(fileName="[ds] a")),
    ]
    backing = hardware.serial_backing(SerialLine.SERVER, 9301, ours="", concentrator="") if ours else None
    change = hardware.dressed(specs.machine("lab", "west-vfp0"), own, lambda _: (None, False), serial=backing, drive="")
    serial = [(one.operation, one.device.key) for one in change.deviceChange if isinstance(one.device, kind)]
    assert serial == ([("edit", 9000), ("remove", 9001)] if ours else [("remove", 9000), ("remove", 9001)])


@pytest.mark.parametrize(
    ("image", "bus", "controller"),
    [
        ("vmx-vcp", DiskBus.IDE, "<rasd:ResourceType>5</rasd:ResourceType>"),
        ("vmx-vfp-card3", DiskBus.IDE, "<rasd:ResourceType>5</rasd:ResourceType>"),
        ("reference", DiskBus.VIRTIO, LSILOGIC),
        ("somebodys", DiskBus.SCSI, LSILOGIC),
    ],
)
def test_a_disk_is_imported_to_the_bus_where_its_guest_looks_for_it(image: str, bus: DiskBus, controller: str) -> None:
    assert cloning.bus_of(image, FAMILIES) is bus
    assert controller in descriptor_of(image, 1 << 30, 1 << 20, bus)
    assert "vmware.sata.ahci" in descriptor_of(image, 1 << 30, 1 << 20, DiskBus.SATA)
