"""What a blueprint becomes does not change from one release to the next: machines, MACs, labels, addresses, segments.

The digests were made before there were families of one machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless import blueprints, planning
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.routers.families import FAMILIES

EXAMPLES = Path(__file__).parents[2] / "examples"


def lines(plan: Plan) -> Iterator[str]:
    for spec in plan.machines:
        disks = [disk.name for disk in spec.disks]
        yield f"{spec.name} {spec.owner} {spec.family} {spec.role} {spec.slot} {spec.image} {spec.memory} {spec.vcpus} {disks}"
        for nic in spec.nics:
            yield f"  {nic.index} {nic.role} {nic.mac} {nic.label} {nic.segment} {nic.address}"
    for segment in plan.segments:
        yield f"{segment.name} {segment.kind} {segment.mtu} {[str(port) for port in segment.ports]}"
    for wire in plan.wires:
        yield f"{wire.segment} {wire.wire} {[str(port) for port in wire.ports]}"


@pytest.mark.parametrize(("name", "digest"), [("back-to-back", "5e0d992a93e65f1a"), ("router-with-hosts", "b4cef30fb5dfcc69")])
def test_an_example_becomes_what_it_always_did(name: str, digest: str) -> None:
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    files = {file: (EXAMPLES / file).read_text(encoding="utf-8") for file in blueprints.references(text)}
    plan = planning.plan(blueprints.load(text, file=f"{name}.yaml", families=FAMILIES, files=files), Site(families=FAMILIES))
    assert hashlib.sha256("\n".join(lines(plan)).encode()).hexdigest()[:16] == digest
