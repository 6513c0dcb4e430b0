"""`rackless lock` at a shell: a command that runs while it holds a lock, and is ended when the lock is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.stories.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_command_runs_with_the_lock_and_gives_it_back(shell: Shell) -> None:
    done = shell.run("lock", "run", "bed", "--", "sh", "-c", "echo $RACKLESS_LOCK $RACKLESS_LOCK_TOKEN; exit 7", code=7)
    assert done.stdout == "bed 1\n"
    assert shell.run("lock", "acquire", "bed", "--as", "by hand").stdout == "2\n"
    refused = shell.run("lock", "run", "bed", "--", "true", code=4)
    assert "held by local (by hand)" in refused.stderr
    assert shell.json("lock", "release", "bed", "--token", "2") == {"name": "bed", "held": False}
    assert [entry["what"] for entry in shell.json("lock", "log", "bed")] == ["released", "acquired", "released", "acquired"]
    shell.run("stop")


def test_a_command_is_ended_when_its_lock_is_broken(shell: Shell) -> None:
    running = shell.start(
        "lock", "run", "bed", "--lease", "2s", "--", "sh", "-c", "echo on; exec sleep 1000", stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "on\n"
    shell.run("lock", "break", "bed", "--why", "test")
    _, err = running.communicate(timeout=60)
    assert running.returncode == 4
    assert "The lock bed was lost, and the command was ended." in err
    shell.run("stop")
