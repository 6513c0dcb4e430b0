"""Backup and restore by one command each, on both kinds of database, while jobs run, and of an older version's."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.postgresql import Cluster
from tests.stories.shell import EXAMPLE, Shell, until

pytestmark = pytest.mark.timeout(300)

LAB = "back-to-back"
Place = Callable[[str], Shell]
"""A machine of that kind of database, with nothing on it."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made: list[Shell] = []

    def new(kind: str) -> Shell:
        cluster: Cluster | None = request.getfixturevalue("cluster") if kind == "postgresql" else None
        shell = Shell(tmp_path_factory.mktemp("c"), **({"RACKLESS_DATABASE": cluster.fresh() if cluster else ""}))
        made.append(shell)
        return shell

    yield new
    for shell in made:
        if (shell.top / "r/server.pid").exists():
            with suppress(ProcessLookupError):
                shell.kill_server()


def moved(old: Shell, new: Shell) -> None:
    """The other machine has the same place: what runs there goes on."""
    (new.top / "s").mkdir(mode=0o700, exist_ok=True)
    (new.top / "s/fake-cloud").symlink_to(old.cloud)


def test_everything_comes_back_on_another_machine(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    old.run("up", EXAMPLE)
    old.run("user", "add", "una", "--role", "operator")
    old.run("save", LAB)
    (old.top / "s/site.yaml").write_text("warn_before: 20m\n")
    done = old.json("backup", "b.rackless")
    file = old.top / "b.rackless"
    assert done["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    labs, users, logs = old.json("list"), old.json("user", "list"), old.json("logs", LAB)
    credentials = old.json("credentials", LAB)
    old.run("stop")
    assert list((old.top / "s").glob(".[bs]*")) == []
    moved(old, new)
    restored = new.json("restore", str(file))
    assert (restored["labs"], restored["site"], restored["aside"]) == ([LAB], "restored", "")
    assert new.json("list") == labs
    assert new.json("user", "list") == users
    assert new.json("logs", LAB) == logs
    assert new.json("credentials", LAB) == credentials
    assert (new.top / "s/site.yaml").read_text() == "warn_before: 20m\n"
    assert new.json("show", LAB)["state"] == "ready"
    assert new.json("audit") == []
    new.run("down", LAB)
    assert old.made() == {}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_job_that_ran_when_the_backup_was_made_goes_on_after_it(place: Place, kind: str) -> None:
    old, new = place(kind), place(kind)
    old.faults({"verb": "card", "name": "west-vfp1"})
    up = old.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    old.run("backup", "b.rackless")
    up.kill()
    up.wait()
    os.kill(old.server(), signal.SIGKILL)
    (old.cloud / "faults").unlink()
    moved(old, new)
    new.run("restore", str(old.top / "b.rackless"))
    new.run("up", EXAMPLE)  # follows the job that goes on
    lab = new.json("show", LAB)
    assert lab["state"] == "ready"
    assert lab["job"]["resumed"] == 1
    steps = [event["step"] for job in new.json("logs", LAB) for event in job["events"] if event["kind"] == "begin"]
    assert steps.count("make") == 1  # it did not begin anew
    new.run("down", LAB)
    assert old.made() == {}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_takes_the_place_of_what_is_there_only_when_told_and_keeps_it(place: Place, kind: str) -> None:
    shell = place(kind)
    shell.run("up", EXAMPLE)
    shell.run("backup", "b.rackless")
    shell.run("down", LAB)
    shell.run("user", "add", "later")
    refused = shell.run("restore", "b.rackless", code=4)
    assert "A server is running already" in refused.stderr
    shell.run("stop")
    refused = shell.run("restore", "b.rackless", code=4)
    assert "The state is not empty: there are" in refused.stderr
    assert "sandboxes" in refused.stderr
    done = shell.json("restore", "b.rackless", "--replace")
    assert "before_restore_" in done["aside"]
    if kind == "sqlite":
        assert {path.name for path in Path(done["aside"]).iterdir()} >= {"jobs.sqlite", "rackless.sqlite"}
    assert [user["name"] for user in shell.json("user", "list")] == []
    machines = shell.json("show", LAB)["machines"]  # the lab is back, and its machines are not: that is told
    assert {machine["running"] for machine in machines} == {False}
    differences = {finding["difference"] for finding in json.loads(shell.run("audit", "--json", code=1).stdout)}
    assert differences == {"missing"}
    shell.run("up", EXAMPLE)
    assert {machine["state"] for machine in shell.json("show", LAB)["machines"]} == {"running"}
    shell.run("down", LAB)
    assert shell.made() == {}
