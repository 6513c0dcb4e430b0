"""Families as data: what is planned of each, what is refused, and where ports are. The vendors' images are not here."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.unit.api_client import Client

from rackless import blueprints, planning
from rackless.images import configdisk
from rackless.model.errors import BlueprintErrors
from rackless.model.family import ConfigFormat, DiskBus, Family, NicRole, Role
from rackless.model.places import OpenStackPlace
from rackless.model.plan import MachineSpec, Plan
from rackless.model.site import Site
from rackless.planning import summary
from rackless.providers.local import admission
from rackless.qemu.command import TCG, Places, arguments
from rackless.routers.families import FAMILIES
from rackless.routers.table import router

SITE = Site(families=FAMILIES)
CLOUD = Site(families=FAMILIES, provider="stack", places=(OpenStackPlace(name="stack"),))
SINGLE = [family for family in FAMILIES if family.is_router and not family.has_cards]


def planned(text: str, site: Site = SITE) -> Plan:
    return planning.plan(blueprints.load(text, file="lab.yaml", families=FAMILIES, files={}), site)


def test_the_table_names_each_file_once() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    folder = Path(blueprints.__file__).parents[1] / "routers/families"
    assert sorted(names) == sorted(path.stem.replace("_", "-") for path in folder.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_whole(family: Family) -> None:
    for facts in family.roles:
        assert facts.least_memory <= facts.default_memory
        assert len(facts.fixed_nics) == len(facts.fixed_nic_names)
        assert facts.fixed_nics[0] is NicRole.MANAGEMENT
        assert (facts.config is ConfigFormat.METADATA) == bool(facts.metadata)
        assert (NicRole.INTERNAL in facts.fixed_nics) == family.has_cards
        # 32 MACs a machine.
        assert len(facts.fixed_nics) + family.most_ports <= 32
    if family.is_router:
        assert router(family.name) is router(family.name)


@pytest.mark.parametrize("family", SINGLE, ids=lambda family: family.name)
def test_a_router_of_one_machine_has_its_ports_itself(family: Family) -> None:
    wires = "wires:\n  - [a:ge-0/0/2, b:ge-0/0/0]\n  - [a:ge-0/0/1, r:ge-1/0/3]\n"
    plan = planned(
        f"name: lab\nrouters:\n  a: {{family: {family.name}, ports_per_card: 3}}\n  b: {{family: {family.name}}}\n"
        f"  r: {{family: reference, cards: 2}}\n{wires}"
    )
    [machine] = plan.machines_of("a")
    assert (machine.name, machine.role, machine.slot) == ("a-vcp", Role.CONTROLLER, None)
    assert [nic.label for nic in machine.nics] == ["fxp0", "ge-0/0/0", "ge-0/0/1", "ge-0/0/2"]
    assert [nic.role for nic in machine.nics] == [NicRole.MANAGEMENT, *[NicRole.TRAFFIC] * 3]
    assert plan.wires[0].ports[0] == machine.port(machine.nics[3])
    assert [segment.name for segment in plan.segments if segment.kind == "internal"] == ["r-internal"]
    rows = summary(plan)
    assert [row["label"] for row in rows["ports"] if row["owner"] == "a"] == ["ge-0/0/0", "ge-0/0/1", "ge-0/0/2"]
    assert rows["totals"]["machines"] == 5


@pytest.mark.parametrize(
    ("router_text", "message"),
    [
        ("{family: vsrx, cards: 2}", "`cards` of router 'a' is 2, and a router of the family 'vsrx' has at most 1."),
        ("{family: vsrx, ports_per_card: 9}", "is 9, and a router of the family 'vsrx' has at most 8."),
        ("{family: vsrx, memory: {card: 4G}}", "is one machine without cards of its own"),
        ("{family: vmx, memory: {controller: 1G}}", "a controller of the family 'vmx' does not start with less than 2048"),
        ("{family: vmx, memory: {card: 2G}}", "a card of the family 'vmx' does not start with less than 4096"),
        ("{family: vmx, ports_per_card: 11}", "a card of the family 'vmx' has at most 10"),
    ],
)
def test_what_a_family_cannot_be_is_said(router_text: str, message: str) -> None:
    with pytest.raises(BlueprintErrors) as caught:
        planned(f"name: lab\nrouters:\n  a: {router_text}\n")
    assert message in str(caught.value)


def test_a_vmx_on_this_machine_and_at_a_cloud() -> None:
    text = "name: lab\nrouters:\n  west: {family: vmx, cards: 2}\n"
    vcp, *cards = planned(text).machines
    assert (vcp.memory, vcp.disk_bus, vcp.metadata) == (2048, DiskBus.IDE, ())
    assert [(disk.image, disk.bus) for disk in vcp.disks] == [
        ("vmx-vcp", None), ("vmx-vcp-hdd", DiskBus.IDE), ("vmx-vcp-metadata", DiskBus.USB),
    ]  # fmt: skip
    assert dict(vcp.smbios)["product"] == "VM-vcp_west-161-re-0"
    assert [(card.image, card.memory, card.slot) for card in cards] == [("vmx-vfp-card0", 4096, 0), ("vmx-vfp-card1", 4096, 1)]
    assert [nic.label for nic in cards[1].nics][:3] == ["ext", "int", "ge-1/0/0"]
    vcp, card, _ = planned(text, CLOUD).machines
    assert dict(vcp.metadata)["vm_retype"] == "RE-VMX"
    assert dict(vcp.metadata)["vm_chassisname"] == "chassis-west"
    assert [len(vcp.disks), len(card.disks)] == [1, 1]
    assert vcp.config_drive == ()


@pytest.mark.parametrize("site", [SITE, CLOUD], ids=["here", "cloud"])
@pytest.mark.parametrize("family", [*SINGLE, *(one for one in FAMILIES if one.name == "vmx")], ids=lambda family: family.name)
def test_no_configuration_of_junos_lies_on_a_drive(family: Family, site: Site) -> None:
    """Each says what it would read; a password would be in it, so the dialogue does it."""
    for facts in family.roles:
        assert (facts.config is ConfigFormat.NONE) == (facts.role is Role.CARD)
    machines = planned(f"name: lab\nrouters:\n  a: {{family: {family.name}}}\n", site).machines
    assert [machine.config_drive for machine in machines] == [()] * len(machines)


def taken_by_qemu(spec: MachineSpec, folder: Path) -> str:
    """ "" when QEMU makes that machine (and does not start it), else what it says."""
    disks = tuple(folder / f"{disk.name}.qcow2" for disk in spec.disks)
    for disk in disks:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    config = folder / "config.iso"
    config.write_bytes(configdisk.iso({file.path: file.content.encode() for file in spec.config_drive}))
    monitor = folder / "m"
    places = Places(
        monitor=monitor, console=folder / "c", channel=folder / "h", log=folder / "log", disks=disks,
        config=config if spec.config_drive else None,
    )  # fmt: skip
    small = replace(spec, memory=64)
    words = arguments(small, mark="x", places=places, boot=Bare(), how=TCG, alone=True)
    process = subprocess.Popen(["qemu-system-x86_64", *words, "-S"], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(3000):
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
                asked.connect(str(monitor))
                asked.settimeout(30)
                if b"QMP" in asked.recv(4096):  # said once all devices are there
                    return ""
            time.sleep(0.01)
    finally:
        process.kill()
        said = process.communicate()[1]
    return said or "it never listened"


@dataclass(frozen=True)
class Bare:
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_qemu_makes_the_machines_of_every_family(family: Family, tmp_path: Path) -> None:
    kind = f"routers:\n  a: {{family: {family.name}}}" if family.is_router else f"hosts:\n  a: {{family: {family.name}}}"
    for spec in planned(f"name: lab\n{kind}\n").machines:
        folder = tmp_path / spec.name
        folder.mkdir()
        assert taken_by_qemu(spec, folder) == ""


def test_a_host_of_ones_own_image_learns_its_addresses_by_cloud_init() -> None:
    plan = planned(
        "name: lab\nhosts:\n  pc: {family: frr, addresses: {eth1: 192.0.2.10/24}, routes: {198.51.100.0/24: 192.0.2.1}}\n"
    )
    [pc] = plan.machines
    files = {file.path: json.loads(file.content) for file in pc.config_drive}
    assert files["openstack/latest/meta_data.json"]["hostname"] == "pc"
    network = files["openstack/latest/network_data.json"]
    assert [link["ethernet_mac_address"] for link in network["links"]] == [nic.mac for nic in pc.nics]
    assert network["networks"][1] == {
        "id": "net0", "link": "eth1", "type": "ipv4", "ip_address": "192.0.2.10", "netmask": "255.255.255.0",
        "routes": [{"network": "198.51.100.0", "netmask": "255.255.255.0", "gateway": "192.0.2.1"}],
    }  # fmt: skip


def test_nested_virtualization_is_asked_for_before_anything_is_made(tmp_path: Path) -> None:
    plan = planned("name: lab\nrouters:\n  a: {family: vjunos-router}\n  b: {family: vsrx}\n")
    kvm, modules = tmp_path / "kvm", tmp_path / "module"

    def told(accelerator: str) -> list[str]:
        found = admission.virtualization_missing(plan, accelerator, kvm=kvm, modules=modules)
        return [problem.message for problem in found]

    assert told("") == [f"a (vjunos-router) needs nested virtualization, and {kvm} is not there."]
    kvm.touch()
    assert told("tcg") == [f"a (vjunos-router) needs nested virtualization, and {kvm} does not work here."]
    assert told("kvm") == ["a (vjunos-router) needs nested virtualization, and KVM's modules don't allow it."]
    nested = modules / "kvm_intel/parameters/nested"
    nested.parent.mkdir(parents=True)
    nested.write_text("N\n")
    assert len(told("kvm")) == 1
    nested.write_text("Y\n")
    assert told("kvm") == []


def test_a_processor_without_what_a_family_needs_is_named(tmp_path: Path) -> None:
    plan = planned("name: lab\nrouters:\n  b: {family: vsrx}\n")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu ssse3 sse4_1\n")
    [problem] = admission.flags_missing(plan, "kvm", cpuinfo=cpuinfo)
    assert problem.message == "b-vcp (vsrx) needs a processor with sse4_2, which this one lacks."
    assert list(admission.flags_missing(plan, "tcg", cpuinfo=cpuinfo)) == []


MIXED = """
name: lab
routers:
  a: {family: vjunos-router, ports_per_card: 3}
  r: {family: reference}
hosts:
  pc: {family: frr}
wires:
  - [a:ge-0/0/2, r:ge-0/0/0]
  - [pc:eth1, a:ge-0/0/0]
"""


async def test_a_router_of_one_machine_is_deployed_wired_and_drawn(client: Client) -> None:
    started = await client.ask("POST", "/labs", {"text": MIXED, "file": "lab.yaml", "files": {}})
    job = await client.end_of(started["job"])
    assert job["state"] == "succeeded", job
    lab = await client.ask("GET", "/labs/lab")
    assert lab["state"] == "ready"
    mine = [port for port in lab["ports"] if port["owner"] == "a"]
    assert [(port["name"], port["machine"]) for port in mine] == [(f"a:ge-0/0/{number}", "a-vcp") for number in range(3)]
    assert all(port["ready"] and port["mac"] == port["planned_mac"] for port in mine)
    assert {port["name"] for port in lab["ports"] if port["up"]} == {"a:ge-0/0/2", "r:ge-0/0/0", "pc:eth1", "a:ge-0/0/0"}
    drawing = await client.text("/labs/lab/export?format=svg")
    assert "a:ge-0/0/2" in drawing
    await client.down()
    assert await client.world.provider.owned() == ()
