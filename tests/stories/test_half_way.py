"""`down` of a lab that is not up: failed, or still being deployed by another shell; and consoles that there are not."""

from __future__ import annotations

import subprocess

import pytest
from tests.stories.shell import EXAMPLE, Shell, until


def nothing_is_left(shell: Shell) -> None:
    assert shell.made() == {}
    assert shell.json("list") == []
    assert shell.run("show", "back-to-back", code=3).stderr.startswith("Error: There is no lab named back-to-back.")
    assert [path.name for path in (shell.top / "s/transcripts").glob("*")] == []


def test_down_of_a_failed_lab_leaves_nothing(shell: Shell) -> None:
    shell.faults({"verb": "attach", "message": "the switch is on fire"})
    err = shell.run("up", EXAMPLE, code=1).stderr
    assert "Error: the switch is on fire" in err
    assert [(lab["name"], lab["state"]) for lab in shell.json("list")] == [("back-to-back", "failed")]
    assert "failed (the switch is on fire)" in shell.run("show", "back-to-back").stdout
    assert len(shell.made()) == 6
    assert "Lab back-to-back is gone." in shell.run("down", "back-to-back").stdout
    nothing_is_left(shell)


def test_down_of_a_lab_whose_deploy_runs_stops_that_first_and_tells_both(shell: Shell) -> None:
    shell.faults({"verb": "card", "name": "west-vfp1"})
    up = shell.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    down = shell.run("down", "back-to-back")
    assert "Lab back-to-back is gone." in down.stdout
    assert "stopping job back-to-back-deploy-" in down.stderr
    _, err = up.communicate(timeout=30)
    assert up.returncode == 4, err
    assert "Error: The job was cancelled at the step" in err
    assert "`rackless" in err.split("Hint:")[1]
    nothing_is_left(shell)


def test_two_downs_at_once_both_end_well(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    both = [shell.start("down", "back-to-back") for _ in range(2)]
    ended = [(*down.communicate(timeout=60), down.returncode) for down in both]
    assert any(code == 0 and "Lab back-to-back" in out for out, _, code in ended)
    for out, err, code in ended:
        assert (code == 0 and "Lab back-to-back" in out) or "There is no lab named" in err, "the other one may come after the end"
    nothing_is_left(shell)


@pytest.mark.parametrize(("lab", "machine"), [("nosuch", "west"), ("back-to-back", "nosuch")])
def test_a_console_that_there_is_not_is_not_announced(shell: Shell, lab: str, machine: str) -> None:
    shell.run("up", EXAMPLE)
    err = shell.run("console", lab, machine, code=3).stderr
    assert "Error: " in err.splitlines()[0]
    assert "Serial line" not in err
    joined = shell.start("console", "back-to-back", "west", stdin=subprocess.PIPE)
    assert until(joined, "Serial line of west; Ctrl-] leaves.").count("\n") == 1
    joined.communicate("\x1d", timeout=30)
    assert joined.returncode == 0
    shell.run("down", "back-to-back")
