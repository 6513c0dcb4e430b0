"""SR-IOV: what is chosen for a guest, out of trees as sysfs has them (Linux, Documentation/ABI/testing/sysfs-bus-pci)."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless.model.errors import CapacityError, InputError, StateError
from rackless.vmhost.linux.assigning import Assigning
from rackless.vmhost.linux.pci import physical
from rackless.vmhost.sriov import Choice, NotMadeError, Wanted, choose, given_back


class Tree:
    """/sys of a machine."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for folder in (
            "bus/pci/devices",
            "bus/pci/drivers/igb",
            "bus/pci/drivers/igbvf",
            "bus/pci/drivers/vfio-pci",
            "kernel/iommu_groups",
        ):
            (top / folder).mkdir(parents=True)

    def function(self, address: str, driver: str = "", group: int | None = None, net: str = "", kind: str = "0x020000") -> Path:
        device = self.top / "devices" / address
        device.mkdir(parents=True)
        (self.top / "bus/pci/devices" / address).symlink_to(device)
        (device / "class").write_text(f"{kind}\n")
        (device / "numa_node").write_text("-1\n")
        if driver:
            (device / "driver").symlink_to(self.top / "bus/pci/drivers" / driver)
        if group is not None:
            members = self.top / f"kernel/iommu_groups/{group}/devices"
            members.mkdir(parents=True, exist_ok=True)
            (members / address).symlink_to(device)
            (device / "iommu_group").symlink_to(members.parent)
        if net:
            (device / "net" / net).mkdir(parents=True)
        return device

    def nic(
        self, *, virtual: int = 2, most: int = 7, group: int | None = 10, together: bool = False, driver: str = "igb"
    ) -> Path:
        """A NIC eth2 at 0000:01:00.0 whose virtual functions follow it, each in a group of its own."""
        device = self.function("0000:01:00.0", driver, group, net="eth2" if driver == "igb" else "")
        (device / "sriov_totalvfs").write_text(f"{most}\n")
        (device / "sriov_numvfs").write_text(f"{virtual}\n")
        for index in range(virtual):
            own = None if group is None else group if together else group + 1 + index
            vf = self.function(f"0000:01:10.{index * 2}", "igbvf", own, net=f"eth2v{index}")
            (device / f"virtfn{index}").symlink_to(vf)
        return device

    def choose(self, name: str = "eth2", used: tuple[str, ...] = (), **wanted: object) -> Choice:
        return choose(Wanted(physical=name, **wanted), physical(self.top, used=used), index=1)  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_first_free_one_with_its_address_vlan_and_rights_set_by_the_host(tree: Tree) -> None:
    tree.nic()
    choice = tree.choose(mac="52:54:00:00:00:07", vlan=42)
    assert choice.address == "0000:01:10.0"
    assert choice.arguments == ("-device", "vfio-pci,host=0000:01:10.0,id=nic1")
    assert [str(write) for write in choice.writes] == [
        "ip link set eth2 vf 0 mac 52:54:00:00:00:07",
        "ip link set eth2 vf 0 vlan 42",
        "ip link set eth2 vf 0 spoofchk on",
        "ip link set eth2 vf 0 trust off",
        "vfio-pci > /sys/bus/pci/devices/0000:01:10.0/driver_override",
        "0000:01:10.0 > /sys/bus/pci/devices/0000:01:10.0/driver/unbind",
        "0000:01:10.0 > /sys/bus/pci/drivers_probe",
    ]


def test_the_next_one_when_the_first_is_a_guests(tree: Tree) -> None:
    tree.nic()
    choice = tree.choose(used=("0000:01:10.0",), trust=True, spoof_check=False)
    assert choice.address == "0000:01:10.2"
    assert "ip link set eth2 vf 1 trust on" in map(str, choice.writes)
    assert "ip link set eth2 vf 1 spoofchk off" in map(str, choice.writes)


def test_by_the_address_of_the_physical_function(tree: Tree) -> None:
    tree.nic()
    assert tree.choose("0000:01:00.0").address == "0000:01:10.0"


def test_all_in_use(tree: Tree) -> None:
    tree.nic()
    with pytest.raises(CapacityError, match="All 2 virtual functions of eth2 are in use"):
        tree.choose(used=("0000:01:10.0", "0000:01:10.2"))


def test_none_made_yet_says_what_makes_them(tree: Tree) -> None:
    tree.nic(virtual=0, most=63)
    with pytest.raises(NotMadeError, match="none of its 63") as caught:
        tree.choose()
    assert str(caught.value.write) == "63 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs"


def test_without_an_iommu_nothing_is_given_away(tree: Tree) -> None:
    tree.nic(group=None)
    with pytest.raises(StateError, match="in no IOMMU group"):
        tree.choose()


def test_a_group_that_the_physical_function_is_in(tree: Tree) -> None:
    tree.nic(together=True)
    with pytest.raises(StateError, match=r"shares IOMMU group 10 with 0000:01:00\.0"):
        tree.choose()


def test_a_group_that_another_device_is_in(tree: Tree) -> None:
    tree.nic()
    tree.function("0000:02:00.0", group=11, kind="0x010802")
    with pytest.raises(StateError, match=r"shares IOMMU group 11 with 0000:02:00\.0"):
        tree.choose()


def test_a_physical_function_that_a_guest_has(tree: Tree) -> None:
    tree.nic(driver="vfio-pci")
    with pytest.raises(StateError, match="the host has to own it"):
        tree.choose("0000:01:00.0")


def test_a_nic_that_cannot(tree: Tree) -> None:
    tree.nic()
    device = tree.function("0000:03:00.0", "igb", net="eth3")
    with pytest.raises(InputError, match="There is no NIC eth3 that can do SR-IOV"):
        tree.choose("eth3")
    (device / "sriov_totalvfs").write_text("0\n")
    with pytest.raises(InputError, match="it has no virtual functions"):
        tree.choose("eth3")


def test_a_disk_with_virtual_functions_is_no_nic(tree: Tree) -> None:
    device = tree.function("0000:04:00.0", group=20, kind="0x010802")
    (device / "sriov_totalvfs").write_text("4\n")
    assert physical(tree.top) == ()


def test_one_that_has_the_driver_already_is_not_bound_again(tree: Tree) -> None:
    tree.nic(virtual=1)
    vf = tree.top / "devices/0000:01:10.0"
    (vf / "driver").unlink()
    (vf / "driver").symlink_to(tree.top / "bus/pci/drivers/vfio-pci")
    assert not [write for write in tree.choose().writes if write.path]
    [nic] = physical(tree.top)
    assert [str(write) for write in given_back(nic.virtual[0])][1:] == [
        "0000:01:10.0 > /sys/bus/pci/devices/0000:01:10.0/driver/unbind",
        "0000:01:10.0 > /sys/bus/pci/drivers_probe",
    ]


def test_a_machine_without_pci(tmp_path: Path) -> None:
    assert physical(tmp_path) == ()


async def test_two_guests_get_one_each_and_a_third_none(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.nic(virtual=2)
    (tree.top / "bus/pci/drivers_probe").write_text("")
    for name in ("igbvf", "vfio-pci"):
        (tree.top / "bus/pci/drivers" / name / "unbind").write_text("")
    told = tmp_path / "told"
    program = tmp_path / "bin/ip"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{told}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assigning = Assigning(tree.top)
    wanted = [(1, Wanted(physical="eth2", vlan=7))]
    [first] = await assigning.give("one", wanted)
    [second] = await assigning.give("two", wanted)
    assert (first.address, second.address) == ("0000:01:10.0", "0000:01:10.2")
    assert (tree.top / "devices/0000:01:10.0/driver_override").read_text() == "vfio-pci"
    assert "link set eth2 vf 1 vlan 7" in told.read_text().splitlines()
    with pytest.raises(CapacityError):
        await assigning.give("three", wanted)
    # One that is started again gets what it had.
    [again] = await assigning.give("one", wanted)
    assert again.address == first.address
