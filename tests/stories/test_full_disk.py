"""The disk under the state directory is full while a job is at work, and has room again later."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.postgresql import EVERYWHERE
from tests.stories.shell import Shell

SITE = "hooks: {executables: any}\n"
LAB = """name: lab
routers:
  west: {cards: 1, ports_per_card: 1}
hooks:
  provisioning:
    - run: [%s]
"""


@pytest.fixture
def small(shell: Shell) -> Iterator[Path]:
    """The state directory, on a disk of its own."""
    state = shell.top / "s"
    state.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "rackless-test", state], check=True)
    (state / "site.yaml").write_text(SITE)
    yield state
    if (shell.top / "r/api.sock").exists():
        shell.run("stop")
    subprocess.run(["umount", "--lazy", state], check=True)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def fill(state: Path) -> None:
    with (state / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


@pytest.mark.root
@pytest.mark.timeout(300)
@pytest.mark.skipif(EVERYWHERE, reason="PostgreSQL has its records on another disk")
def test_a_job_whose_record_could_not_be_written_is_gone_on_with(shell: Shell, small: Path) -> None:
    hook, begun, go = (shell.top / name for name in ("hook", "begun", "go"))
    hook.write_text(f"#!/bin/sh\n: > {begun}\nwhile [ ! -e {go} ]; do sleep 0.1; done\n")
    hook.chmod(0o755)
    (shell.top / "lab.yaml").write_text(LAB % hook)
    shell.env["RACKLESS_SITE"] = str(small / "site.yaml")
    up = shell.start("up", "lab.yaml")
    until(begun.exists)
    up.kill()
    up.communicate()
    server = shell.server()
    fill(small)
    go.touch()
    until(lambda: not Path(f"/proc/{server}").exists())
    (small / "filler").unlink()
    # Whatever is asked next starts a server, which goes on with the job; nothing is made twice.
    until(lambda: shell.json("show", "lab")["state"] == "ready")
    assert sorted(shell.made()) == ["west-vcp", "west-vfp0"]
    assert shell.server() != server
    shell.run("down", "lab")
    assert shell.made() == {}
