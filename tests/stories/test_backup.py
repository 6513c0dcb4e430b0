"""Backup and restore by one command each, on both kinds of database, while jobs run, and of an older version's."""

from __future__ import annotations

import json
import os
import signal
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.postgresql import Cluster
from tests.stories.shell import EXAMPLE, Shell, until

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


KINDS = [("sqlite", "sqlite"), ("postgresql", "postgresql"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]


@pytest.mark.parametrize(("kind", "other"), KINDS)
def test_everything_comes_back_on_another_machine(place: Place, kind: str, other: str) -> None:
    old, new = place(kind), place(other)
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
    new.run("down", LAB)  # numbers that the database gives go on after those that came
    new.run("up", EXAMPLE)
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


def test_a_job_goes_on_only_on_the_same_kind_of_database(place: Place) -> None:
    old, new = place("sqlite"), place("postgresql")
    old.faults({"verb": "card", "name": "west-vfp1"})
    up = old.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    old.run("backup", "b.rackless")
    up.kill()
    up.wait()
    refused = new.run("restore", str(old.top / "b.rackless"), code=4)
    assert "1 jobs ran when the backup was made" in refused.stderr


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
        assert sorted(path.name for path in Path(done["aside"]).iterdir())[:2] == ["jobs.sqlite", "rackless.sqlite"]
    assert [user["name"] for user in shell.json("user", "list")] == []
    machines = shell.json("show", LAB)["machines"]  # the lab is back, and its machines are not: that is told
    assert {machine["running"] for machine in machines} == {False}
    differences = {finding["difference"] for finding in shell.json("audit")}
    assert differences == {"missing"}
    shell.run("up", EXAMPLE)
    assert {machine["state"] for machine in shell.json("show", LAB)["machines"]} == {"running"}
    shell.run("down", LAB)
    assert shell.made() == {}


def test_a_server_that_shares_the_store_is_in_the_way(place: Place) -> None:
    first = place("postgresql")
    second = Shell(first.top / "2", RACKLESS_DATABASE=first.env["RACKLESS_DATABASE"])
    (first.top / "2/s").mkdir(parents=True, mode=0o700)
    first.run("list")
    first.run("backup", "b.rackless")
    refused = second.run("restore", str(first.top / "b.rackless"), "--replace", code=4)
    assert "A server works on this store" in refused.stderr
    first.run("stop")
    second.run("restore", str(first.top / "b.rackless"), "--replace")


def broken(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "other":
        file.write_bytes(b"PK\x03\x04 something else")
    else:
        top = file.with_name("open")
        with tarfile.open(file) as tar:
            names = tar.getnames()
            for name in names:
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                found = tar.extractfile(name)
                assert found is not None
                (top / name).write_bytes(found.read())
        manifest = json.loads((top / "manifest.json").read_text())
        if how == "changed":
            (top / "store/users.jsonl").write_text((top / "store/users.jsonl").read_text() + '["eve", "admin", null, false, 0]\n')
        elif how == "newer":
            manifest |= {"revision": "9999", "version": "9.9"}
        elif how == "format":
            manifest |= {"format": 99, "version": "9.9"}
        elif how == "lost":
            names.remove("store/jobs.jsonl")
        elif how == "outside":
            (top / "evil").write_text("x")
            manifest["parts"]["../../evil"] = {
                "size": 1,
                "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            }
        (top / "manifest.json").write_text(json.dumps(manifest))
        with tarfile.open(file, "w:gz") as tar:
            for name in names:
                tar.add(top / name, name)
            if how == "outside":
                tar.add(top / "evil", "../../evil")


def test_what_is_no_whole_backup_is_refused_and_changes_nothing(place: Place) -> None:
    shell, new = place("sqlite"), place("sqlite")
    shell.run("user", "add", "una")
    shell.run("backup", "good")
    good = (shell.top / "good").read_bytes()
    said = {
        "cut": (2, "is no whole backup"),
        "empty": (2, "is no whole backup"),
        "other": (2, "is no whole backup"),
        "changed": (2, "its checksum differs"),
        "lost": (2, "it has no store/jobs.jsonl"),
        "outside": (2, "a part is called ../../evil"),
        "newer": (4, "made by a newer version of Rackless (9.9): its form is 9999"),
        "format": (4, "made by a newer version of Rackless (9.9): its format is 99"),
    }
    for how, (code, words) in said.items():
        (shell.top / "bad").write_bytes(good)
        broken(shell.top / "bad", how)
        refused = new.run("restore", str(shell.top / "bad"), code=code)
        assert words in refused.stderr, how
    assert "No such file" in new.run("restore", "absent", code=2).stderr
    assert sorted(path.name for path in (new.top / "s").iterdir()) == ["images", "server.lock"]
    new.run("restore", str(shell.top / "good"))
    assert [user["name"] for user in new.json("user", "list")] == ["una"]
