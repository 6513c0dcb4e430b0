"""Two checkouts on one state directory: a server of one, a command of the other."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from tests.stories.shell import EXAMPLE, ROOT, Shell, until


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose package version is the same, and whose sources are not."""
    sources = tmp_path_factory.mktemp("other") / "src"
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    with (sources / "rackless/api/plans.py").open("a") as file:
        file.write("\n# another version\n")
    return sources


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout from before servers said what they are, and whose plans have other keys."""
    sources = tmp_path_factory.mktemp("silent") / "src"
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    for file, before, after in (
        ("api/server.py", "    build: str\n", ""),
        ("api/server.py", "        build=BUILD,\n", ""),
        ("planning/summary.py", "totals", "sums"),
    ):
        path = sources / "rackless" / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
    return sources


@pytest.mark.parametrize("old", ["other", "silent"])
def test_an_idle_server_of_another_version_is_replaced_with_one_line(
    shell: Shell, old: str, request: pytest.FixtureRequest
) -> None:
    theirs = Shell(shell.top, sources=request.getfixturevalue(old))
    theirs.run("list")
    first = shell.server()
    plan = shell.run("plan", EXAMPLE)
    assert "6 machines" in plan.stdout
    assert [line for line in plan.stderr.splitlines() if "another version" in line] == plan.stderr.splitlines()
    assert len(plan.stderr.splitlines()) == 1
    second = shell.server()
    assert second != first
    assert shell.run("plan", EXAMPLE).stderr == ""
    assert shell.server() == second


def test_labs_go_on_under_the_server_that_replaced_theirs(shell: Shell, other: Path) -> None:
    theirs = Shell(shell.top, sources=other)
    theirs.run("up", EXAMPLE)
    before = theirs.json("show", "back-to-back")
    assert shell.json("show", "back-to-back") == before
    shell.run("down", "back-to-back")


def test_a_server_of_another_version_with_a_job_is_left_alone_and_told(shell: Shell, other: Path) -> None:
    theirs = Shell(shell.top, sources=other)
    theirs.faults({"verb": "card", "name": "west-vfp1"})
    up = theirs.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    first = shell.server()
    refused = shell.run("list", code=4)
    assert "Error: A server of another version of Rackless runs, and 1 job with it (back-to-back-deploy-" in refused.stderr
    assert str(other) in refused.stderr
    assert "`rackless stop`" in refused.stderr
    assert "Serial line" not in shell.run("console", "back-to-back", "west", code=4).stderr
    assert shell.server() == first
    assert theirs.json("list")[0]["state"] == "deploying"
    up.send_signal(signal.SIGKILL)  # it would start a server of its own anew
    up.communicate()
    # Whoever does not want to wait: its jobs go on with the server of this version.
    assert "1 job goes on when it is started again" in shell.run("stop").stdout
    shell.run("down", "back-to-back")
    assert shell.made() == {}
