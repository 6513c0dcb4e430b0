"""Two servers behind one address: what a dead one was at is ended by the other, and whoever was connected goes on there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.fabric.moving import Forwarder, until
from tests.fabric.test_database_away import Following, Server
from tests.postgresql import Cluster
from tests.stories.shell import Shell
from tests.stories.shell import until as said

from rackless.keepers.heartbeat import SILENT

pytestmark = [pytest.mark.fabric, pytest.mark.timeout(600)]

HELD = """#!/bin/sh
echo "$RACKLESS_LAB $RACKLESS_STATE" >> {top}/held.log
while [ ! -e {top}/go ]; do sleep 0.2; done
"""


def listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


class Two:
    """`way`: the one address. Each server has a state of its own; the place, the hooks and the database are the same for both."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.way = Forwarder()
        self.shells: dict[str, Shell] = {}
        self.ports: dict[str, int] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self, url: str) -> None:
        top = self.top
        (top / "hooks").mkdir()
        held = top / "hooks/held"
        held.write_text(HELD.format(top=top))
        held.chmod(0o755)
        (top / "site.yaml").write_text(f"hooks: {{executables: {top}/hooks}}\nprovider: fake\n")
        (top / "cloud").mkdir()
        for name in ("a", "b"):
            folder = top / name
            (folder / "s").mkdir(parents=True, mode=0o700)
            (folder / "s/fake-cloud").symlink_to(top / "cloud")
            self.shells[name] = Shell(folder, RACKLESS_DATABASE=url, RACKLESS_SITE=str(top / "site.yaml"))
            self.start(name)
        self.shells["a"].run("user", "add", "una", "--role", "admin")
        token = self.shells["a"].json("token", "add", "una", "test")
        self.lead("a")
        self.client = Shell(top / "client", RACKLESS_URL=f"http://127.0.0.1:{self.way.port}", RACKLESS_TOKEN=token["token"])
        (top / "client").mkdir()

    def start(self, name: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [sys.executable, "-m", "rackless.cli.main", "serve", "--tcp", f"127.0.0.1:{port}", "--plain"]
        shell = self.shells[name]
        with (shell.top / "out.log").open("ab") as log:
            process = subprocess.Popen(words, env=shell.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        self._processes.append(process)
        self.ports[name] = port
        # Its port, for the socket of one that ended by itself may lie there still: a command would find nobody and start another.
        until(lambda: listens(port), 120, (shell.top / "out.log").read_text)
        shell.run("list")

    def lead(self, name: str) -> None:
        """The address leads to this one, and what was open to the other breaks, as it does when a node dies."""
        self.way.lead(self.ports[name])

    def signal(self, name: str, how: signal.Signals) -> None:
        os.kill(self.shells[name].server(), how)

    def held(self) -> list[str]:
        """Which server's hook began, in order."""
        log = self.top / "held.log"
        return [Path(line.split()[1]).parent.name for line in log.read_text().splitlines()] if log.exists() else []

    def deploy(self, name: str) -> None:
        answer = Through(self).deploy(name)
        assert answer.status_code == 202, answer.text

    def show(self, lab: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.json("show", lab)
        return found

    def end(self) -> None:
        self.way.close()
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(30)


@pytest.fixture
def two(tmp_path: Path, cluster: Cluster) -> Iterator[Two]:
    made = Two(tmp_path)
    try:
        made.begin(cluster.ready())
        yield made
    finally:
        made.end()


class Through(Server):
    """Both, for who comes by the one address."""

    def __init__(self, two: Two) -> None:
        self.top = two.top
        self._two = two

    def http(self, timeout: float = 30) -> Any:
        import httpx

        headers = {"authorization": f"Bearer {self._two.client.env['RACKLESS_TOKEN']}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self._two.way.port}/v1", headers=headers, timeout=timeout)


def whole(two: Two, lab: str) -> None:
    """The lab is ready with all that its blueprint has, once."""
    until(lambda: two.show(lab)["state"] == "ready", 180, lambda: two.client.run("logs", lab).stdout)
    found = two.show(lab)
    assert found["job"]["state"] == "succeeded", found["job"]
    assert sum(port["ready"] for port in found["ports"]) == len(found["ports"]) == 6
    assert [machine["state"] for machine in found["machines"]] == ["running"] * 5
    made = json.loads((two.top / "cloud" / f"{lab}.json").read_text())["machines"]
    assert sorted(made) == ["east-vcp", "east-vfp0", "west-vcp", "west-vfp0", "west-vfp1"]
    assert {name: machine["boots"] for name, machine in made.items()} == dict.fromkeys(made, 1), "each was started once"
    assert two.client.json("audit") == []


def test_what_a_dead_server_was_at_is_ended_by_the_other(two: Two) -> None:
    following = Following(Through(two))
    until(lambda: following.connected)
    two.deploy("first")
    two.deploy("one")
    until(lambda: sorted(two.held()) == ["a", "a"])
    (two.top / "go").touch()
    whole(two, "first")
    (two.top / "go").unlink()
    two.deploy("two")
    until(lambda: len(two.held()) == 3)
    console = two.client.start("console", "first", "west-vcp", stdin=subprocess.PIPE)
    said(console, "Serial line of west-vcp")

    two.signal("a", signal.SIGKILL)
    two.lead("b")
    died = time.monotonic()
    until(lambda: two.held()[-1] == "b", 90, lambda: (two.top / "b/out.log").read_text()[-3000:])
    print(f"the job went on in the other server {time.monotonic() - died:.1f} s after the kill, of which {SILENT} s are watching")
    (two.top / "go").touch()
    whole(two, "two")
    assert two.held() == ["a", "a", "a", "b"]
    assert "another one goes on with this job" in two.client.run("logs", "two").stdout

    # The console: through the other server, on the same line.
    said(console, "looking for it")
    said(console, "Serial line of west-vcp")
    assert console.stdin is not None
    assert console.stdout is not None
    console.stdin.write("\n\n")
    console.stdin.flush()
    line = ""
    while "login" not in line and "west" not in line:
        line = console.stdout.readline()
        assert line, "the console said nothing"
    console.communicate("\x1d", timeout=30)

    # The stream: taken up at the other server where it broke.
    newest = two.shells["b"].json("list") and ids(two)
    until(lambda: following.ids and following.ids[-1] >= max(newest))
    assert following.ids == [one for one in newest if one >= following.ids[0]]
    assert "reset" not in following.kinds
    assert following.connected >= 2
    following.end()


def ids(two: Two) -> list[int]:
    """Of all events, as the store has them."""
    import sqlalchemy as sa

    from rackless.store.database import Database

    database = Database(two.shells["b"].env["RACKLESS_DATABASE"])
    try:
        with database.engine.connect() as db:
            return [row.id for row in db.execute(sa.text("SELECT id FROM events ORDER BY id"))]
    finally:
        database.close()


def test_a_server_that_was_frozen_wakes_as_none(two: Two) -> None:
    two.deploy("one")
    until(lambda: two.held() == ["a"])
    pid = two.shells["a"].server()
    two.signal("a", signal.SIGSTOP)
    two.lead("b")
    until(lambda: two.held() == ["a", "b"], 90)
    two.signal("a", signal.SIGCONT)
    until(lambda: not alive(pid), 60, "it goes on beside the other")
    (two.top / "go").touch()
    whole(two, "one")
    assert two.held() == ["a", "b"]
    log = (two.top / "a/out.log").read_text()
    assert "took this server for dead" in log
    two.start("a")  # it comes back as a new one, and finds nothing to do
    two.lead("a")
    whole(two, "one")
    assert two.held() == ["a", "b"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_in_maintenance_hands_its_jobs_on_and_works_again(two: Two) -> None:
    two.deploy("one")
    until(lambda: two.held() == ["a"])
    first = Own(two.top / "a")
    assert first.ready() == (200, "ready")
    assert first.maintenance(on=True)["duty"] == "finishing"
    assert first.ready() == (503, "draining")
    two.lead("b")
    # What it is at may end here: the hook does, and what comes after it is the other's.
    (two.top / "go").touch()
    until(lambda: first.maintenance()["duty"] == "idle", 90)
    whole(two, "one")
    assert two.held() == ["a"]
    two.signal("a", signal.SIGTERM)
    pid = two.shells["a"].server()
    until(lambda: not alive(pid), 60)
    two.start("a")
    assert first.maintenance() == {"on": True, "duty": "idle"}
    two.lead("a")  # it answers, and what it is asked for begins at the other
    two.deploy("two")
    until(lambda: two.held() == ["a", "b"], 60)
    whole(two, "two")
    assert first.maintenance(on=False) == {"on": False, "duty": "working"}
    assert first.ready() == (200, "ready")
    two.signal("b", signal.SIGKILL)
    two.deploy("three")
    until(lambda: two.held() == ["a", "b", "a"], 60)
    whole(two, "three")


class Own(Server):
    """One server, by its own socket."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def ready(self) -> tuple[int, str]:
        with self.http() as http:
            answer = http.get("http://rackless/health/ready")
        return answer.status_code, answer.json()["status"]

    def maintenance(self, **wish: bool) -> dict[str, Any]:
        with self.http() as http:
            answer = http.put("/server/maintenance", json=wish) if wish else http.get("/server/maintenance")
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found
