"""Warm templates as data: which are told apart, which machine starts from one and why not, what pruning takes. No guest boots."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rackless import blueprints, planning
from rackless.images import pruning
from rackless.model.family import Resumes, Role
from rackless.model.plan import DiskSpec, MachineSpec, Plan
from rackless.model.site import Site
from rackless.providers.local import templates
from rackless.providers.local.layout import Layout
from rackless.providers.local.records import Boot, Network, Records, Start
from rackless.providers.local.templates import NOT_YET, OFF, Kind, Shelf, generic, kind_of, never_warm
from rackless.providers.local.warmth import Warmth
from rackless.qemu import disks
from rackless.qemu.command import KVM, TCG, Virtualization
from rackless.routers.families import FAMILIES
from rackless.running import run
from rackless.settings import Settings

SITE = Site(families=FAMILIES)
LAB = "routers: {west: {cards: 2, ports_per_card: 4}, east: {cards: 1, ports_per_card: 4}}\nhosts: {pc: {nics: 2}}\n"
BUILD = Path("/images/reference/61c06c6f")
BOOT = Boot(kernel=BUILD / "kernel", initrd=BUILD / "initrd", append="console=ttyS0")


def planned(text: str = LAB, name: str = "lab") -> Plan:
    return planning.plan(blueprints.load(f"name: {name}\n{text}", file="lab.yaml", families=FAMILIES, files={}), SITE)


def of(spec: MachineSpec, **other: Any) -> Kind:
    how: Virtualization = other.pop("how", TCG)
    wanted: dict[str, Any] = {"build": BUILD, "boot": BOOT, "qemu": "QEMU 7.2.22", "processor": "p1", **other}
    return kind_of(spec, how=how, **wanted)


def machine(plan: Plan, name: str) -> MachineSpec:
    found = plan.machine(name)
    assert found is not None
    return found


def test_machines_that_differ_in_nothing_but_who_they_are_share_a_template() -> None:
    here, there = planned(), planned(name="other")
    cards = [machine(here, name) for name in ("west-vfp0", "west-vfp1", "east-vfp0")] + [machine(there, "west-vfp0")]
    assert len({of(card).key for card in cards}) == 1
    assert of(machine(here, "west-vcp")) == of(machine(there, "east-vcp"))


def test_whatever_makes_another_machine_makes_another_template() -> None:
    card = machine(planned(), "west-vfp0")
    kinds = [
        of(card),
        of(machine(planned(), "west-vcp")),
        of(machine(planned(), "pc")),
        of(replace(card, memory=192)),
        of(replace(card, vcpus=2)),
        of(replace(card, nics=card.nics[:-1])),
        of(replace(card, smbios=(("product", "x"),))),
        of(card, build=Path("/images/reference/0000")),
        of(card, qemu="QEMU 8.0.0"),
        of(card, boot=replace(BOOT, append="console=ttyS0 quiet")),
        of(card, how=KVM),
        of(card, how=KVM, processor="p2"),
        of(card, how=replace(TCG, cpu="max")),
    ]
    assert len({kind.key for kind in kinds}) == len(kinds)
    assert of(card, processor="p2") == of(card), "an emulated processor is the same on every host"


def test_what_a_template_is_made_of_says_nothing_of_its_lab() -> None:
    spec = machine(planned("routers: {secretwest: {cards: 1, ports_per_card: 2}}\n", name="hidden"), "secretwest-vfp0")
    text = repr(generic(replace(spec, console_port=9301)))
    assert not any(word in text for word in ("hidden", "secretwest", "9301", *(nic.mac for nic in spec.nics)))
    assert [nic.index for nic in generic(spec).nics] == [nic.index for nic in spec.nics]
    assert not any(nic.address or nic.segment for nic in generic(spec).nics)


def test_a_family_says_what_can_be_done_with_the_state_of_its_machines() -> None:
    said = {(family.name, facts.role): facts.resumes for family in FAMILIES for facts in family.roles}
    clones = {key for key, resumes in said.items() if resumes is Resumes.CLONES}
    assert clones == {("reference", Role.CONTROLLER), ("reference", Role.CARD), ("linux", Role.HOST)}
    assert {said["vmx", Role.CONTROLLER], said["vmx", Role.CARD], said["vsrx", Role.CONTROLLER]} == {Resumes.ITSELF}
    assert said["vjunos-router", Role.CONTROLLER] is Resumes.NEVER, "QEMU does not save what runs machines itself"
    for family in FAMILIES:
        for facts in family.roles:
            assert (facts.resumes is Resumes.NEVER) == facts.nested
            assert facts.resumes is not Resumes.CLONES or family.host_channel


def test_a_machine_that_no_template_would_do_for_is_told_so() -> None:
    plan = planned("routers: {old: {family: vmx, cards: 1, ports_per_card: 2}}\n")
    facts = {family.name: family for family in FAMILIES}
    why = never_warm(machine(plan, "old-vcp"), facts["vmx"].facts(Role.CONTROLLER))
    assert why == "a controller of the family vmx reads who it is at its boot"
    card = machine(planned(), "west-vfp0")
    assert never_warm(card, facts["reference"].facts(Role.CARD)) == ""
    assert never_warm(card, None) == "a card of the family reference reads who it is at its boot"
    two = replace(card, disks=(*card.disks, DiskSpec(sandbox="lab", name="more", image="reference")))
    assert "2 disks" in never_warm(two, facts["reference"].facts(Role.CARD))


class Host:
    """An installation with one image, and a card of a lab with its disk: all of it files."""

    def __init__(self, folder: Path, *, site: Site = SITE, on: bool = True) -> None:
        self.settings = Settings(state=folder / "s", run=folder / "r", images=folder / "i", site_file=folder / "site.yaml")
        self.layout = Layout(self.settings)
        self.records = Records(self.layout)
        self.build = folder / "i/reference/61c06c6f"
        self.warmth = Warmth(self.layout, self.records, site, images=self.settings.images, on=on)
        self.card = machine(planned(), "west-vfp0")
        self.disk = self.layout.disk("lab", self.card.disks[0].name)

    async def make(self) -> None:
        self.build.mkdir(parents=True)
        (self.build / "manifest.json").write_text("{}")
        (self.build.parent / "current").symlink_to(self.build.name)
        await run(["qemu-img", "create", "-q", "-f", "qcow2", self.build / "root.qcow2", "1M"], deadline=20)
        await disks.overlay(self.disk, self.build / "root.qcow2")
        self.records.add_machine(self.card, BOOT, Network())

    async def why(self) -> str:
        found, why = await self.warmth.template(self.card, BOOT, TCG)
        assert (found is None) == bool(why)
        return why

    async def shelve(self, kind: Kind, *, size: int = 4096) -> templates.Template:
        with self.warmth.shelf.making() as draft:
            (draft / "memory").write_bytes(b"m" * size)
            (draft / "state").write_bytes(b"s")
            await disks.overlay(draft / "disk.qcow2", self.build / "root.qcow2")
            return self.warmth.shelf.add(kind, draft)

    async def kind(self) -> Kind:
        lacking = await self.warmth.lacking(self.card, self.build / "root.qcow2", BOOT, TCG)
        assert lacking is not None
        return lacking.kind


@pytest.fixture
async def host(tmp_path: Path) -> Host:
    found = Host(tmp_path)
    await found.make()
    return found


async def test_a_first_start_finds_no_template_and_asks_for_one(host: Host) -> None:
    assert await host.why() == NOT_YET
    assert host.warmth.wanted.is_set()
    made = await host.shelve(await host.kind())
    found, why = await host.warmth.template(host.card, BOOT, TCG)
    assert (found, why) == (made, "")


async def test_every_reason_for_a_boot_is_told(host: Host, tmp_path: Path) -> None:
    await host.shelve(await host.kind())
    host.warmth.stay_cold("lab", host.card.name, "`--cold` was given")
    assert await host.why() == "`--cold` was given"
    host.records.write_start("lab", host.card.name, Start())
    assert await host.why() == "it was started before, and goes on with its own disk"
    host.warmth.stay_cold("lab", host.card.name, "too late")
    assert await host.why() == "it was started before, and goes on with its own disk"
    host.records.write_start("lab", host.card.name, Start(begun=False))
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 64k", str(host.disk)], deadline=20)
    assert await host.why() == "something has been written to its disk"
    await disks.stand_on(host.disk, host.build / "root.qcow2")
    assert await host.why() == ""
    (host.build / "manifest.json").unlink()
    assert await host.why() == "its image is in no store"
    other = Host(tmp_path, on=False)
    assert await other.why() == OFF
    nobody = Host(tmp_path, site=Site())
    assert "reads who it is at its boot" in await nobody.why()


async def test_a_machine_of_an_older_release_counts_as_started(host: Host) -> None:
    (host.layout.machine("lab", host.card.name) / "start.json").unlink()
    assert "started before" in await host.why()


async def test_a_template_that_lacks_a_file_or_is_of_another_kind_is_none(host: Host) -> None:
    kind = await host.kind()
    made = await host.shelve(kind)
    (made.folder / "state").unlink()
    assert host.warmth.shelf.find(kind) is None
    again = await host.shelve(kind)
    kept = json.loads((again.folder / "template.json").read_text())
    kept["kind"]["memory"] = 1
    (again.folder / "template.json").write_text(json.dumps(kept))
    assert host.warmth.shelf.find(kind) is None


async def test_what_was_not_used_for_longest_makes_room_and_disks_stay_that_labs_stand_on(host: Host) -> None:
    kind = await host.kind()
    shelf = Shelf(host.layout, most=3)
    first = await host.shelve(kind, size=1 << 20)
    await disks.stand_on(host.disk, first.disk)
    second = await host.shelve(replace(kind, memory=161), size=1 << 20)
    with shelf.using(first):
        assert [item.folder for item in shelf.items()] == [second.folder, first.folder]
    third = await host.shelve(replace(kind, memory=162), size=1 << 20)
    with shelf.using(first):
        shelf.spare(keep=third.name)
        assert not second.folder.exists()
        assert first.memory.exists()
    fourth = await host.shelve(replace(kind, memory=163), size=2 << 20)
    with shelf.using(third):
        shelf.spare(keep=fourth.name)
    assert shelf.find(kind) is None
    assert first.disk.exists(), "the lab's disk stands on it"
    kept = {one.id: one for one in host.warmth.kept()}
    assert (kept[first.name].kind, kept[first.name].used) == ("disk of a template", "lab")
    host.disk.unlink()
    host.warmth.drop(first.name)
    assert not first.folder.exists()


async def test_a_build_that_templates_are_of_is_kept_until_they_are_pruned(host: Host) -> None:
    made = await host.shelve(await host.kind())
    host.disk.unlink()
    host.records.drop_machine("lab", host.card.name)
    newer = host.build.with_name("new")
    newer.mkdir()
    (newer / "manifest.json").write_text("{}")
    assert [one.used for one in host.warmth.kept()] == ["new machines"]
    (host.build.parent / "current").unlink()
    (host.build.parent / "current").symlink_to("new")
    found = {item.path.name: item.users for item in pruning.prune(host.settings.images, host.settings.state)}
    assert found[host.build.name] == ("warm templates",)
    assert [one.used for one in host.warmth.kept()] == [""]
    host.warmth.drop(made.name)
    found = {item.path.name: item.users for item in pruning.prune(host.settings.images, host.settings.state)}
    assert found[host.build.name] == ()
    assert not host.build.exists()


async def test_one_template_is_made_at_a_time_and_remains_of_a_crash_go(host: Host) -> None:
    with host.warmth.shelf.making() as draft:
        (draft / "memory").write_text("half")
        with pytest.raises(Exception, match="Another template is being made"), Shelf(host.layout, most=1).making():
            pass
    left = host.layout.warm / ".draft-crashed"
    left.mkdir()
    with host.warmth.shelf.making():
        assert not left.exists()
    assert host.warmth.shelf.items() == []
