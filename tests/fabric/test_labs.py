"""The servers of a fabric are real ones: a lab that is under way on the node that is lost finishes on another, and whoever
was connected at the web address goes on there."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fabric import conftest
from tests.fabric.nodes import VIRTUAL, Net, Node, wait
from tests.fabric.test_database_away import LAB, Following
from tests.stories.shell import until as said

pytestmark = [pytest.mark.fabric, pytest.mark.root]

HELD = """#!/bin/sh
echo "$RACKLESS_LAB $(hostname)" >> {top}/held.log
while [ ! -e {top}/go-$RACKLESS_LAB ]; do sleep 0.2; done
"""
CLONE_NEWNET = 0x40000000
MACHINES = ["east-vcp", "east-vfp0", "west-vcp", "west-vfp0", "west-vfp1"]


@contextlib.contextmanager
def placed(net: Net) -> Iterator[None]:
    """This thread is at the client's place."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path: str) -> None:
        with open(path) as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    with open("/proc/thread-self/ns/net") as before:
        enter(f"/proc/{net.outer.pid}/ns/net")
        try:
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


class Web:
    """The fabric at its web address, for somebody with a token. Serves as the server of a `Following`."""

    def __init__(self, net: Net, token: str) -> None:
        self.net, self.token = net, token
        self.authority = net.nodes[0].top / "own/ca.crt"

    def http(self, timeout: float = 30) -> Any:
        import ssl

        return httpx.Client(
            base_url=f"https://{VIRTUAL}/v1",
            headers={"authorization": f"Bearer {self.token}"},
            verify=ssl.create_default_context(cafile=str(self.authority)),
            timeout=timeout,
            trust_env=False,
        )

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        with placed(self.net), self.http() as http:
            return http.request(method, path, **more)

    def deploy(self, name: str) -> None:
        answer = self.request("POST", "/labs", json={"text": LAB.format(name=name), "file": "lab.yaml", "files": {}})
        assert answer.status_code == 202, answer.text

    def show(self, lab: str) -> dict[str, Any]:
        try:
            answer = self.request("GET", f"/labs/{lab}")
        except httpx.HTTPError:
            return {"state": "no answer"}
        return dict(answer.json()) if answer.status_code == 200 else {"state": str(answer.status_code)}

    def cli(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """The command line at the client's place."""
        env = {
            **os.environ,
            "RACKLESS_URL": f"https://{VIRTUAL}",
            "RACKLESS_TOKEN": self.token,
            "RACKLESS_CA": str(self.authority),
        }
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **more}
        command = self.net.entered(sys.executable, "-m", "rackless.cli.main", *words)
        return subprocess.Popen(command, env=env, text=True, **pipes)

    def run(self, *words: str) -> str:
        process = self.cli(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, f"{words}: {out}{err}"
        return out


class There(Following):
    """At the client's place."""

    def _run(self) -> None:
        with placed(self._server.net):  # type: ignore[attr-defined]
            super()._run()


def rackless(node: Node, *words: str, check: bool = True) -> str:
    """The command line on a node."""
    return node.inside(sys.executable, "-m", "rackless.cli.main", *words, check=check)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    top = tmp_path_factory.mktemp("labs")
    top.chmod(0o755)
    (top / "hooks").mkdir()
    held = top / "hooks/held"
    held.write_text(HELD.format(top=top))
    held.chmod(0o755)
    (top / "cloud").mkdir()
    (top / "site.yaml").write_text(f"hooks: {{executables: {top}/hooks}}\nprovider: fake\n")
    with Net(application=(), RACKLESS_SITE=str(top / "site.yaml")) as found, conftest.timed(found):
        found.top = top  # type: ignore[attr-defined]
        yield found


def top_of(net: Net) -> Path:
    return net.top  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="module")
def web(net: Net) -> Web:
    """Three nodes; machines are at a place that all of them reach."""
    conftest.begun(net, 3)
    for node in net.nodes:
        share(net, node)
    one = net.nodes[0]
    rackless(one, "user", "add", "una", "--role", "admin")
    token = json.loads(rackless(one, "token", "add", "una", "test", "--json"))["token"]
    return Web(net, token)


def share(net: Net, node: Node) -> None:
    own = node.top / "application/state/fake-cloud"
    own.rmdir()
    own.symlink_to(top_of(net) / "cloud")


def held(net: Net) -> list[tuple[str, str]]:
    """Lab and node, in order."""
    log = top_of(net) / "held.log"
    return [(line.split()[0], line.split()[1]) for line in log.read_text().splitlines()] if log.exists() else []


def logs(net: Net) -> str:
    found = []
    for node in net.nodes:
        for name in ("node", "application", "patroni"):
            path = node.top / f"log/{name}.log"
            lines: Sequence[str] = path.read_text(errors="replace").splitlines() if path.exists() else []
            found += [f"--- {node.name} {name}", *lines[-25:]]
    return "\n".join(found)


def whole(web: Web, lab: str, seconds: float = 240) -> None:
    """The lab is ready with all that its blueprint has, once."""
    end = time.monotonic() + seconds
    while (found := web.show(lab))["state"] != "ready" or found["job"]["state"] == "running":
        assert time.monotonic() < end, f"{found}\n{logs(web.net)}"
        assert found["state"] not in {"failed"}, found
        time.sleep(0.5)
    assert found["job"]["state"] == "succeeded", found["job"]
    assert sum(port["ready"] for port in found["ports"]) == len(found["ports"]) == 6
    assert [machine["state"] for machine in found["machines"]] == ["running"] * 5
    made = json.loads((top_of(web.net) / "cloud" / f"{lab}.json").read_text())["machines"]
    assert sorted(made) == MACHINES
    assert {name: machine["boots"] for name, machine in made.items()} == dict.fromkeys(made, 1), "each was started once"
    assert json.loads(web.run("audit", "--json")) == []


def ids(net: Net) -> list[int]:
    """Of all events, as the store has them."""
    node = next(node for node in net.nodes if node.outer.poll() is None and node.is_primary())
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "psql", "-h", node.top / "postgresql/run"]
    out = node.inside(*words, "-Atc", "SELECT id FROM events ORDER BY id", "rackless")
    return [int(line) for line in out.split()]


def test_a_lab_under_way_on_the_node_that_is_lost_finishes_on_another(web: Web) -> None:
    net = web.net
    following = There(web)  # type: ignore[arg-type]
    wait(lambda: following.connected, "the stream of events")
    go = top_of(net)
    (go / "go-first").touch()
    web.deploy("first")
    whole(web, "first")

    # One after the other until one is the primary's node: that is what is lost, with all that it does.
    lost = next(node for node in net.nodes if node.is_primary())
    names = [f"lab{number}" for number in range(6)]
    asked: list[str] = []
    for name in names:
        web.deploy(name)
        asked.append(name)
        wait(lambda name=name: name in dict(held(net)), f"{name} to be under way")
        if dict(held(net))[name] == lost.name:
            break
    assert dict(held(net))[asked[-1]] == lost.name, held(net)
    console = web.cli("console", "first", "west-vcp", stdin=subprocess.PIPE)
    said(console, "Serial line of west-vcp")

    before = held(net)
    lost.power_off()
    died = time.monotonic()
    try:
        wait(lambda: [one for one in held(net)[len(before) :] if one[0] == asked[-1]], "the lab to go on elsewhere", 240)
    except AssertionError:
        print(logs(net))
        raise
    print(f"the lab goes on {time.monotonic() - died:.1f} s after its node was lost")
    for name in asked:
        (go / f"go-{name}").touch()
    for name in asked:
        whole(web, name)
    after = held(net)[len(before) :]
    assert lost.name not in {node for _, node in after}
    # Those of living servers stayed there; a hook was begun anew where the database was away for longer than a server waits.
    assert all(node == dict(before)[lab] for lab, node in after if dict(before)[lab] != lost.name), (before, after)
    assert [lab for lab, _ in after].count(asked[-1]) == 1
    assert "another one goes on with this job" in web.run("logs", asked[-1])

    # The console, on the same line.
    assert console.poll() is None, console.communicate()
    assert console.stdin is not None
    assert console.stdout is not None
    answers: list[str] = []
    reading = threading.Thread(target=lambda: answers.extend(iter(console.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
    reading.start()

    def login() -> bool:
        assert console.stdin is not None
        console.stdin.write("\n")
        console.stdin.flush()
        return any("login" in line or "west" in line for line in answers)

    wait(login, "the console to answer", 60, 1.0)
    console.stdin.write("\x1d")
    console.stdin.flush()
    console.wait(30)

    # The stream: taken up where it broke.
    newest = ids(net)
    wait(lambda: following.ids and following.ids[-1] >= max(newest), "the stream to be there")
    assert following.ids == [one for one in newest if one >= following.ids[0]]
    assert "reset" not in following.kinds
    following.end()
    assert following.connected >= 2


def test_the_node_that_comes_back_takes_labs(web: Web) -> None:
    net = web.net
    lost = next(node for node in net.nodes if node.outer.poll() is not None)
    lost.start()
    lost.boot()
    net.settled()
    (top_of(net) / "go-last").touch()
    web.deploy("last")
    whole(web, "last")


def test_nobody_but_the_fabric_starts_a_nodes_server(web: Web) -> None:
    net = web.net
    node = net.nodes[2]
    assert [lab["name"] for lab in json.loads(rackless(node, "list", "--json"))]
    node.fabric("maintenance", node.name, "on")
    socket = node.top / "application/run/api.sock"
    wait(lambda: not socket.exists(), "its server to end")
    line = node.entered(sys.executable, "-m", "rackless.cli.main", "list")
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4, "not now"
    assert "The server of this node does not run." in done.stderr
    node.fabric("maintenance", node.name, "off")
    net.settled()
