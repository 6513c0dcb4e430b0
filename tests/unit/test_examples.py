"""Every example in `examples/` is a valid blueprint, by the published schema and by ours, and can be planned."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from rackless import blueprints, planning
from rackless.model.blueprint import Blueprint
from rackless.model.site import Site
from rackless.routers.families import FAMILIES

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SCHEMA = ROOT / "docs/reference/blueprint.schema.json"


def load(path: Path) -> Blueprint:
    text = path.read_text(encoding="utf-8")
    files = {name: (path.parent / name).read_text(encoding="utf-8") for name in blueprints.references(text)}
    return blueprints.load(text, file=path.name, families=FAMILIES, files=files)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_loads_and_plans(path: Path) -> None:
    blueprint = load(path)
    assert blueprint.name == path.stem
    plan = planning.plan(blueprint, Site(families=FAMILIES))
    assert len(plan.wires) == len(blueprint.wires) > 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_fits_the_published_schema(path: Path) -> None:
    document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)


def test_there_are_examples() -> None:
    assert {"back-to-back", "router-with-hosts"} <= {path.stem for path in EXAMPLES}


def test_the_schema_is_a_schema_and_has_one_source() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert text == blueprints.schema_text()


def test_back_to_back_is_six_machines_and_two_wires() -> None:
    plan = planning.plan(load(ROOT / "examples/back-to-back.yaml"), Site(families=FAMILIES))
    assert [machine.name for machine in plan.machines] == [
        "west-vcp", "west-vfp0", "west-vfp1", "east-vcp", "east-vfp0", "east-vfp1",
    ]  # fmt: skip
    assert [str(wire.wire) for wire in plan.wires] == ["west:ge-0/0/0 -- east:ge-0/0/0", "west:ge-1/0/0 -- east:ge-1/0/0"]


def test_every_start_up_file_is_used() -> None:
    used = {name for path in EXAMPLES for name in blueprints.references(path.read_text(encoding="utf-8"))}
    assert used == {path.name for path in (ROOT / "examples").glob("*.set")}
