"""Two servers on one PostgreSQL: each sees the other's labs, and when one dies in the middle of a job, the other ends it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.postgresql import Cluster
from tests.stories.shell import EXAMPLE, Shell, until

LAB = "back-to-back"


@pytest.fixture
def servers(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Shell]]:
    """Each has a state directory of its own; the place is one."""
    url = cluster.ready()
    first, second = (Shell(tmp_path_factory.mktemp("c"), RACKLESS_DATABASE=url) for _ in range(2))
    (second.top / "s").mkdir(mode=0o700)
    first.run("list")
    (second.top / "s/fake-cloud").symlink_to(first.cloud)
    second.run("list")
    yield first, second
    for shell in (first, second):
        if (shell.top / "r/server.pid").exists():
            with suppress(ProcessLookupError):
                shell.kill_server()


def eventually(shell: Shell, state: str) -> None:
    """Wait until the lab is in that state, as this server sees it."""
    end = time.monotonic() + 120
    while shell.json("show", LAB)["state"] != state:
        assert time.monotonic() < end, shell.json("show", LAB)
        time.sleep(0.2)


def test_each_sees_and_ends_what_the_other_made(servers: tuple[Shell, Shell]) -> None:
    first, second = servers
    first.run("up", EXAMPLE)
    assert [lab["name"] for lab in second.json("list")] == [LAB]
    assert second.json("audit") == []
    (second.top / "other.yaml").write_text(f"name: {LAB}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n")
    refused = second.run("up", "other.yaml", code=4)
    assert "was made from a different blueprint" in refused.stderr
    second.run("down", LAB)
    assert first.json("list") == []
    assert first.made() == {}


def test_a_dead_servers_job_goes_on_in_the_other(servers: tuple[Shell, Shell]) -> None:
    first, second = servers
    first.faults({"verb": "card", "name": "west-vfp1"})
    up = first.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    up.kill()  # it would start its server again
    up.wait()
    os.kill(first.server(), signal.SIGKILL)
    (first.cloud / "faults").unlink()
    eventually(second, "ready")
    lab = second.json("show", LAB)
    assert sum(port["ready"] for port in lab["ports"]) == 16
    assert lab["job"]["resumed"] >= 1
    said = second.run("logs", LAB).stdout
    assert "its server is silent; another one goes on with this job" in said
    assert first.json("show", LAB)["state"] == "ready"  # started again, it finds nothing to resume
    first.run("down", LAB)
    assert second.made() == first.made() == {}


def test_a_server_that_ends_in_order_leaves_its_job_to_the_other(servers: tuple[Shell, Shell]) -> None:
    first, second = servers
    first.faults({"verb": "card", "name": "west-vfp1"})
    up = first.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    up.kill()
    up.wait()
    os.kill(first.server(), signal.SIGTERM)
    (first.cloud / "faults").unlink(missing_ok=True)
    eventually(second, "ready")
    second.run("down", LAB)


def test_what_is_asked_of_one_can_be_stopped_by_the_other(servers: tuple[Shell, Shell]) -> None:
    first, second = servers
    first.faults({"verb": "card", "name": "west-vfp1"})
    up = first.start("up", EXAMPLE)
    until(up, "waiting for west-vfp1")
    second.run("down", LAB)
    up.communicate(timeout=60)
    assert second.json("list") == []
    assert first.made() == {}


def test_the_database_is_told_apart_from_one_that_is_not_there(tmp_path: Path) -> None:
    shell = Shell(tmp_path, RACKLESS_DATABASE=f"postgresql://me:s3cret@/none?host={tmp_path}")
    refused = shell.run("list", code=1)
    assert "cannot be used" in refused.stderr
    assert "s3cret" not in refused.stderr
