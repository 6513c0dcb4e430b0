"""`rackless site` and `plan` with several places, as somebody at a shell sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.shell import Shell

SITE = """
places:
  munich: {provider: fake, numbers: 2000-2009, fabric: core}
  vienna: {provider: fake, numbers: 2000-2009, fabric: core, most-nics: 5}
"""
LAB = """
name: span
place: munich
routers:
  west: {ports_per_card: 2}
  east: {place: vienna, ports_per_card: PORTS}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


@pytest.fixture
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("c"))
    (shell.top / "s").mkdir(mode=0o700)
    (shell.top / "s/site.yaml").write_text(SITE)
    for ports in (2, 6):
        (shell.top / f"{ports}.yaml").write_text(LAB.replace("PORTS", str(ports)))
    yield shell
    shell.run("stop")


def test_the_places_of_a_site_and_a_lab_at_two_of_them(shell: Shell) -> None:
    lines = shell.run("site", "list").stdout.splitlines()
    assert lines[1].split() == ["fake", "(default)", "fake", "live", "-", "-", "-", "-", "-"]
    assert lines[3].split() == ["vienna", "fake", "live", "2000-2009", "core", "5", "-", "-"]

    told = shell.run("plan", "2.yaml").stdout
    assert "Lab span on munich, vienna: 4 machines" in told
    assert "vienna (fake): wires move live; at most 5 NICs a machine; each segment takes a number of 2000-2009" in told
    refused = shell.run("plan", "6.yaml", code=1)
    assert "Error: At vienna: east-vfp0 has 8 NICs, and a machine has at most 5 there." in refused.stderr
    assert "Hint: Give east 3 ports a card less, or another place." in refused.stderr
    assert "At vienna: east-vfp0 has 8 NICs" in shell.run("up", "6.yaml", code=1).stderr

    shell.run("up", "2.yaml")
    made = {place: shell.top / f"s/fake-cloud-{place}/span.json" for place in ("munich", "vienna")}
    segments = {place: json.loads(file.read_text())["segments"] for place, file in made.items()}
    both = set(segments["munich"]) & set(segments["vienna"])
    assert len(both) == 1
    wire = both.pop()
    assert segments["munich"][wire]["number"] == segments["vienna"][wire]["number"]
    shell.run("down", "span")
    assert not any(file.exists() for file in made.values())


def test_a_place_is_examined_at_the_shell(shell: Shell) -> None:
    assert "ok   reachable: in memory" in shell.run("site", "check", "munich").stdout
    assert [one["ok"] for one in shell.json("site", "check", "munich")] == [True, True]
    shell.run("stop")
    fault = {"verb": "examine", "times": 1, "message": "The credentials are wrong."}
    (shell.top / "s/fake-cloud-munich/faults").write_text(json.dumps([fault]))
    bad = shell.run("site", "check", "munich", code=1)
    assert "BAD  reachable: The credentials are wrong.\n     Hint: Take the fault away." in bad.stdout
    assert "1 of 2 are bad." in bad.stderr
    assert "Did you mean 'munich'?" in shell.run("site", "check", "munch", code=3).stderr


def test_an_example_can_be_taken_as_it_is(shell: Shell, tmp_path: Path) -> None:
    shell.run("list")
    shell.run("stop")
    (shell.top / "s/site.yaml").write_text(shell.run("site", "example", "fake").stdout)
    del shell.env["RACKLESS_PROVIDER"]
    assert [place["name"] for place in shell.json("site", "list")] == ["pretended"]
    assert "There is no provider openstak." in shell.run("site", "example", "openstak", code=3).stderr
