"""One server with places at three projects of one cloud of real services: two whose user is an administrator, who is shown the
networks of every project, and one of a member. What is in a project is that place's and no other's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.machines.cli import Installation
from tests.openstack import logins, stack

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(1500)]
SITE = """\
provider: here
places:
  here: {{provider: local}}
  core: {{provider: openstack, cloud: admin, clouds-file: {clouds}, {wires}}}
  second: {{provider: openstack, cloud: second, clouds-file: {clouds}, {wires}}}
  guests: {{provider: openstack, cloud: tenant, clouds-file: {clouds}, rewiring: power-cycle}}
"""
WIRES = "segment-type: vlan, physical-network: physnet1, numbers: 150-169, fabric: campus, rewiring: power-cycle"
PAIRS = """\
name: pairs
hosts:
  a: {family: frr, memory: 64MiB, place: core}
  b: {family: frr, memory: 64MiB, place: core}
  c: {family: frr, memory: 64MiB, place: guests}
  d: {family: frr, memory: 64MiB, place: guests}
wires:
  - [a:eth1, b:eth1]
  - [c:eth1, d:eth1]
"""
ACROSS = """\
name: across
hosts:
  a: {family: frr, memory: 64MiB, place: core}
  b: {family: frr, memory: 64MiB, place: second}
wires:
  - [a:eth1, b:eth1]
"""


@pytest.fixture(scope="module")
def clouds(openstack_stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The stack's clouds.yaml with one more cloud: the administrator in another project."""
    cloud = stack.admin(openstack_stack)
    identity = cloud.identity
    project = identity.create_project(name="second", domain_id="default")
    identity.assign_project_role_to_user(project, identity.find_user("admin"), identity.find_role("admin"))
    known = YAML(typ="safe").load(openstack_stack / "clouds.yaml")["clouds"]
    known["second"] = {**known["admin"], "auth": {**known["admin"]["auth"], "project_name": "second"}}
    file = tmp_path_factory.mktemp("clouds") / "clouds.yaml"
    file.write_text(json.dumps({"clouds": known}))
    yield file
    identity.delete_project(project)


@pytest.fixture
def here(clouds: Path, openstack_stack: Path, tmp_path: Path) -> Iterator[Installation]:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(clouds=clouds, wires=WIRES))
    compute = stack.admin(openstack_stack).compute
    flavor = compute.create_flavor(name="for-members", ram=64, vcpus=1, disk=1)
    made = Installation.make(RACKLESS_SITE=str(site), RACKLESS_IMAGES=str(tmp_path / "images"), RACKLESS_MANAGEMENT="forwarded")
    made.run("image", "import", str(logins.disk(tmp_path)), "--name", "frr")
    yield made
    made.down_all()
    made.close()
    compute.delete_flavor(flavor)


def networks(folder: Path) -> dict[str, int]:
    """How many networks of wires each project has, as Neutron tells its administrator."""
    cloud = stack.admin(folder)
    names = {project.id: project.name for project in cloud.identity.projects()}
    found = [names[one.project_id] for one in cloud.network.networks() if "-wire-" in one.name]
    return {name: found.count(name) for name in found}


def test_each_place_has_what_is_in_its_project(here: Installation, openstack_stack: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.yaml"
    file.write_text(PAIRS)
    here.run("up", str(file), deadline=900)
    lab = here.json("show", "pairs")
    assert (lab["state"], lab["note"]) == ("ready", "")
    assert {one["name"]: (one["place"], one["state"]) for one in lab["machines"]} == {
        "a": ("core", "running"), "b": ("core", "running"), "c": ("guests", "running"), "d": ("guests", "running"),
    }  # fmt: skip
    assert [wire["state"] for wire in lab["wires"]] == ["connected"] * 2
    assert networks(openstack_stack) == {"admin": 1, "tenant": 1}
    assert here.json("audit") == []

    file.write_text("\n".join(line for line in PAIRS.splitlines() if "core" not in line and "[a:" not in line))
    here.run("apply", str(file), deadline=600)
    assert networks(openstack_stack) == {"tenant": 1}
    assert [one["state"] for one in here.json("show", "pairs")["machines"]] == ["running"] * 2
    here.run("down", "pairs")
    assert networks(openstack_stack) == {}


def test_a_wire_from_project_to_project_is_refused_with_the_reason(
    here: Installation, openstack_stack: Path, tmp_path: Path
) -> None:
    file = tmp_path / "across.yaml"
    file.write_text(ACROSS)
    refused = here.run("up", str(file), check=False, deadline=900)
    assert refused.code != 0
    assert "is this wire's network in another project of the cloud" in refused.err + refused.out
    assert "take `fabric` from one of the two places" in refused.err + refused.out
    here.run("down", "across")
    assert networks(openstack_stack) == {}
