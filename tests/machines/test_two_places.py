"""One lab at this machine, with a real guest, and at a pretended cloud: each machine where the blueprint says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli import Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]

LAB = """
name: wide
hosts:
  pc1: {}
routers:
  west: {place: cloud, cards: 1, ports_per_card: 2}
  east: {place: cloud, cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    site = tmp_path / "site.yaml"
    site.write_text("places: {cloud: {provider: fake, numbers: 100-110, fabric: core}}\n")
    installation = Installation.make(RACKLESS_SITE=str(site), RACKLESS_MANAGEMENT="forwarded", RACKLESS_PROVIDER="local")
    try:
        yield installation
    finally:
        installation.down_all()
        installation.close()


def test_a_lab_is_here_and_at_a_cloud_where_no_wire_between_is_needed(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text(LAB + "  - [west:ge-0/0/1, pc1:eth1]\n")
    refused = here.run("up", str(file), check=False)
    assert refused.code == 2
    assert re.search(
        r"wide\.yaml:10:5: Wire 2 would go from west at cloud to pc1 at local, and local is on no fabric", refused.err
    )
    assert here.json("list") == []

    file.write_text(LAB)
    here.run("up", str(file))
    machines = here.machines("wide")
    assert {name: machine["place"] for name, machine in machines.items()} == {
        "pc1": "local",
        **{f"{router}-{kind}": "cloud" for router in ("west", "east") for kind in ("vcp", "vfp0")},
    }
    assert {machine["state"] for machine in machines.values()} == {"running"}
    assert here.qemu("wide", "pc1")  # a process of this machine
    cloud = json.loads((here.state / "fake-cloud-cloud/wide.json").read_text())
    assert sorted(cloud["machines"]) == ["east-vcp", "east-vfp0", "west-vcp", "west-vfp0"]
    assert here.run("ssh", "wide", "pc1", "uname", "-s").out.strip() == "Linux"
    assert "would run: uptime" in here.run("ssh", "wide", "west", "uptime").out
    assert here.run("audit").code == 0

    here.run("down", "wide")
    assert not (here.state / "fake-cloud-cloud/wide.json").exists()
    with pytest.raises(AssertionError, match="no process of pc1"):
        here.qemu("wide", "pc1")
