"""One server with places at an OpenStack of real services, at a vCenter (govmomi's simulator) and on this machine: labs at
both clouds at once, a lab that spans them over a VLAN of the fabric they share, and the refusal of a wire that can't be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyVmomi import vim
from tests.machines.cli import Installation
from tests.openstack import logins, stack
from tests.vsphere.vcenter import CLUSTER, DATACENTER, DATASTORE, SWITCH, USER, VCenter

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(1500)]
SITE = """\
provider: here
places:
  here: {{provider: local}}
  munich:
    provider: openstack
    cloud: admin
    clouds-file: {clouds}
    segment-type: vlan
    physical-network: physnet1
    numbers: 150-190
    fabric: core
    rewiring: power-cycle
  vienna:
    provider: vsphere
    server: 127.0.0.1
    port: {port}
    user: {user}
    password-file: {password}
    ca-file: {authority}
    datacenter: {datacenter}
    cluster: {cluster}
    datastore: {datastore}
    switch: {switch}
    numbers: 150-190
    fabric: core
    firewall-open: yes
"""
PAIR = """\
name: {name}
place: {place}
hosts:
  a: {{family: frr, memory: 64MiB}}
  b: {{family: frr, memory: 64MiB}}
wires:
  - [a:eth1, b:eth1]
"""
WIDE = """\
name: wide
hosts:
  a: {family: frr, memory: 64MiB, place: munich}
  b: {family: frr, memory: 64MiB, nics: 2, place: vienna}
  c: {family: frr, memory: 64MiB}
wires:
  - [a:eth1, b:eth1]
"""


@pytest.fixture(scope="module")
def vcenter() -> Iterator[VCenter]:
    made = VCenter()
    yield made
    made.end()


@pytest.fixture
def here(openstack_stack: Path, vcenter: VCenter, tmp_path: Path) -> Iterator[Installation]:
    site = tmp_path / "site.yaml"
    facts = {"port": vcenter.port, "user": USER, "password": vcenter.password, "authority": vcenter.folder / "ca.pem"}
    inventory = {"datacenter": DATACENTER, "cluster": CLUSTER, "datastore": DATASTORE, "switch": SWITCH}
    site.write_text(SITE.format(clouds=openstack_stack / "clouds.yaml", **facts, **inventory))
    made = Installation.make(RACKLESS_SITE=str(site), RACKLESS_IMAGES=str(tmp_path / "images"), RACKLESS_MANAGEMENT="forwarded")
    made.run("image", "import", str(logins.disk(tmp_path)), "--name", "frr")
    yield made
    made.down_all()
    made.close()


def networks(cloud: Path) -> dict[str, int]:
    """VLANs of the wires' networks, as Neutron says."""
    found = stack.admin(cloud).network.networks()
    return {one.name.partition("-wire-")[0]: int(one.provider_segmentation_id) for one in found if "-wire-" in one.name}


def groups(vcenter: VCenter) -> dict[str, tuple[int, int]]:
    """VLANs of the wires' port groups, as the vCenter says, and how many machines are on each."""
    with vcenter.admin() as content:
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.dvs.DistributedVirtualPortgroup], True)
        return {one.name: (int(one.config.defaultPortConfig.vlan.vlanId), len(one.vm)) for one in view.view if "wire" in one.name}


def machines(vcenter: VCenter) -> list[str]:
    with vcenter.admin() as content:
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        return sorted(one.name for one in view.view)


def test_labs_are_at_two_clouds_at_once_and_one_spans_them(
    here: Installation, openstack_stack: Path, vcenter: VCenter, tmp_path: Path
) -> None:
    files = {}
    for name, place in (("north", "munich"), ("south", "vienna")):
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(PAIR.format(name=name, place=place))
    here.run("list")  # the server, which both find
    before = machines(vcenter)
    both = {name: here.start("up", str(file)) for name, file in files.items()}
    for name, process in both.items():
        out, err = process.communicate(timeout=900)
        assert process.returncode == 0, f"{name}: {out.decode()}{err.decode()}{here.server_log()}"
    for name, place in (("north", "munich"), ("south", "vienna")):
        lab = here.json("show", name)
        assert (lab["state"], lab["note"]) == ("ready", "")
        assert [(one["place"], one["state"]) for one in lab["machines"]] == [(place, "running")] * 2
        assert [wire["state"] for wire in lab["wires"]] == ["connected"]
    (north,) = networks(openstack_stack).values()
    ((south, ends),) = groups(vcenter).values()
    assert ends == 2
    assert {north, south} <= set(range(150, 191))
    assert north != south  # one fabric, and a VLAN of it is one lab's

    wide = tmp_path / "wide.yaml"
    wide.write_text(WIDE + "  - [b:eth2, c:eth1]\n")
    refused = here.run("up", str(wide), check=False)
    assert refused.code == 2
    assert re.search(r"wide\.yaml:8:5: Wire 2 would go from b at vienna to c at here, and here is on no fabric", refused.err)
    assert {lab["name"] for lab in here.json("list")} == {"north", "south"}

    wide.write_text(WIDE)
    here.run("up", str(wide), deadline=900)
    assert {one["name"]: one["place"] for one in here.json("show", "wide")["machines"]} == {
        "a": "munich",
        "b": "vienna",
        "c": "here",
    }
    assert here.qemu("wide", "c")  # a process of this machine
    (spanning,) = (number for name, number in networks(openstack_stack).items() if name.endswith("-wide"))
    assert [(number, ends) for name, (number, ends) in groups(vcenter).items() if "wide" in name] == [(spanning, 1)]
    assert spanning not in (north, south)
    assert {lab["name"]: lab["running"] for lab in here.json("list")} == {"north": 2, "south": 2, "wide": 3}
    assert here.json("audit") == []

    for name in ("south", "wide", "north"):
        here.run("down", name)
    assert networks(openstack_stack) == {}
    assert groups(vcenter) == {}
    assert [name for name in machines(vcenter) if name not in before and "frr" not in name] == []  # the image stays
    assert [one.name for one in stack.admin(openstack_stack).compute.servers() if "rackless" in one.name] == []
