"""`kill -9` of the server during a deployment, on real guests; and two labs, and one lab twice, at the same time.

The fake provider's suite does this after every step; here three moments stand for all.
"""

from __future__ import annotations

from typing import Any

import pytest

from .cli import Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
BLUEPRINT = "tests/machines/small.yaml"


def inventory(here: Installation, lab: str) -> Any:
    """What a user sees of a lab, less the moments."""
    shown = here.json("show", lab)
    machines = [(m["name"], m["state"], m["memory"], m["role"]) for m in shown["machines"]]
    ports = [(p["name"], p["machine"], p["ready"], p["peer"], p["mtu"]) for p in shown["ports"]]
    wires = [(w["ends"], w["state"]) for w in shown["wires"]]
    return shown["state"], machines, ports, wires


def test_two_labs_side_by_side_and_one_of_them_asked_for_twice(here: Installation) -> None:
    first = here.start("up", BLUEPRINT, "--name", "one")
    second = here.start("up", BLUEPRINT, "--name", "two")
    assert first.stderr is not None
    while b"Deploying" not in (line := first.stderr.readline()):
        assert line, "the first deployment ended early"
    again = here.run("up", BLUEPRINT, "--name", "one", check=False)
    assert again.code == 1
    assert "already being deployed" in again.err
    assert "Hint:" in again.err
    for process in (first, second):
        _, err = process.communicate(timeout=400)
        assert process.returncode == 0, err.decode()
    assert inventory(here, "one")[0] == inventory(here, "two")[0] == "ready"
    macs = [port["mac"] for lab in ("one", "two") for port in here.json("show", lab)["ports"]]
    assert len(set(macs)) == 4
    here.run("down", "one")
    assert inventory(here, "two")[0] == "ready"
    assert here.json("list")[0]["running"] == 2


def test_a_deployment_whose_server_is_killed_three_times_ends_the_same(here: Installation) -> None:
    expected = inventory(here, "two")
    for step in ("2", "3", "2"):
        here.env["RACKLESS_CRASH_AFTER_STEP"] = step
        died = here.run("up", BLUEPRINT, "--name", "three", check=False)
        assert died.code != 0, "the server outlived the moment it was to die at"
        here.run("stop", check=False)
    here.env.pop("RACKLESS_CRASH_AFTER_STEP")
    resumed = here.run("up", BLUEPRINT, "--name", "three")
    assert "goes on" in resumed.err + resumed.out
    assert inventory(here, "three") == expected
    for lab in ("two", "three"):
        here.run("down", lab)
    assert here.leftovers() == []


@pytest.mark.parametrize("step", ["1", "3", "5"])
def test_teardown_after_a_kill_leaves_nothing(here: Installation, step: str) -> None:
    here.env["RACKLESS_CRASH_AFTER_STEP"] = step
    assert here.run("up", BLUEPRINT, "--name", "gone", check=False).code != 0
    here.env.pop("RACKLESS_CRASH_AFTER_STEP")
    here.run("down", "gone")
    assert here.json("list") == []
    assert here.leftovers() == []
