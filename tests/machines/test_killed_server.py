"""`kill -9` of the server during a deployment, on real guests; and two labs, and one lab twice, at the same time.

The fake provider's stories do this at every step; here three moments stand for all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .cli import Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
BLUEPRINT = "tests/machines/small.yaml"
MOMENTS = ["make: done", "configuring", "loading the start-up configuration|allowing SNMP|waiting for every port"]
"""Progress of the deployment: disks and networks are there; a console is in the midst of its dialogue; SSH is in use."""


def inventory(here: Installation, lab: str) -> Any:
    """What a user sees of a lab, less the moments."""
    shown = here.json("show", lab)
    machines = [(m["name"], m["state"], m["memory"], m["role"]) for m in shown["machines"]]
    ports = [(p["name"], p["machine"], p["ready"], p["peer"], p["mtu"]) for p in shown["ports"]]
    wires = [(w["ends"], w["state"]) for w in shown["wires"]]
    return shown["state"], machines, ports, wires


def up_until(here: Installation, lab: str, moment: str) -> str:
    """Run `up`, and at the moment that its progress names kill the client and the server, as the kernel would. What it said."""
    client = here.start("up", BLUEPRINT, "--name", lab)
    assert client.stderr is not None
    said = ""
    while not any(part in said for part in moment.split("|")):
        line = client.stderr.readline().decode()
        assert line, f"the deployment ended before {moment!r}:\n{said}"
        said += line
    client.kill()
    here.kill_server()
    client.communicate()
    return said


def test_two_labs_side_by_side_and_one_of_them_asked_for_twice(here: Installation) -> None:
    first = here.start("up", BLUEPRINT, "--name", "one")
    second = here.start("up", BLUEPRINT, "--name", "two")
    assert first.stderr is not None
    while b"Deploying" not in (line := first.stderr.readline()):
        assert line, "the first deployment ended early"
    again = here.run("up", BLUEPRINT, "--name", "one", check=False)
    assert again.code == 4
    assert "Lab one is already being deployed" in again.err
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


def lasting(here: Installation, lab: str, to: Path) -> Any:
    """What a reboot of this machine must not change: MACs, addresses, logins, host keys, and the router's configuration."""
    ports = {port["name"]: (port["mac"], port["peer"], port["ready"]) for port in here.json("show", lab)["ports"]}
    here.run("save", lab, "--to", str(to))
    return ports, here.json("credentials", lab), (to / "r.set").read_text()


def test_a_reboot_of_this_machine_is_told_and_the_lab_comes_back(here: Installation, tmp_path: Path) -> None:
    assert "commit complete" in here.on("two", "r", "configure; set system time-zone Europe/Berlin; commit and-quit")
    before = lasting(here, "two", tmp_path)
    assert "Europe/Berlin" in before[2]
    here.reboot()
    assert "Note: This machine rebooted at" in here.run("show", "two").out
    assert "0/2" in here.run("list").out
    here.run("up", BLUEPRINT, "--name", "two")
    assert lasting(here, "two", tmp_path) == before
    assert here.run("ssh", "two", "r", "cat", "/etc/timezone").out.strip() == "Europe/Berlin"
    assert here.json("list")[0]["running"] == 2


def test_a_deployment_whose_server_is_killed_three_times_ends_the_same(here: Installation) -> None:
    expected = inventory(here, "two")
    for number, moment in enumerate(MOMENTS):
        said = up_until(here, "three", moment)
        assert ("goes on" in said) == (number > 0), said
    resumed = here.run("up", BLUEPRINT, "--name", "three")
    assert "goes on" in resumed.err
    assert inventory(here, "three") == expected
    here.run("down", "two")
    here.reboot()
    here.run("down", "three")  # without `up` first
    assert here.leftovers() == []


@pytest.mark.parametrize("moment", MOMENTS[:2])
def test_teardown_after_a_kill_leaves_nothing(here: Installation, moment: str) -> None:
    up_until(here, "gone", moment)
    here.run("down", "gone")
    assert here.json("list") == []
    assert here.leftovers() == []
