"""One lab over two VM hosts, with real guests: enrolled by their tokens, a jumbo wire between them, a host that dies.

A host is a network namespace with a `rackless-vmhost` of its own; the server is outside of both.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.host_place import Agent, Namespace, ip

from .cli import Installation, await_that

pytestmark = [
    pytest.mark.machines,
    pytest.mark.root,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
]

LAB = "far"
BLUEPRINT = """
name: far
routers:
  west: {place: alpha, cards: 1, ports_per_card: 1, startup: west.set}
  east: {place: hall, cards: 1, ports_per_card: 1, startup: east.set}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
STARTUP = """set interfaces ge-0/0/0 mtu 9192
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.{}/30
"""


class Hosts:
    """Two hosts, and an installation whose places they are."""

    def __init__(self, folder: Path) -> None:
        self.agents: dict[str, Agent] = {}
        for name in ("alpha", "beta"):
            namespace = Namespace(mtu=9600)
            # Short: socket paths are limited to 107 bytes.
            self.agents[name] = Agent(Path(f"/tmp/rh{os.getpid():x}{name[0]}"), namespace, name)
            self.agents[name].folder.mkdir(mode=0o700)
        for name, other in (("alpha", "beta"), ("beta", "alpha")):
            mine, theirs = self.agents[name].namespace, self.agents[other].namespace
            ip("-n", mine.name, "route", "add", f"{theirs.address}/32", "via", mine.ours)
        places = "".join(
            f"  {name}: {{provider: host, address: {agent.namespace.address}, numbers: 5000-5099, fabric: core, group: hall}}\n"
            for name, agent in self.agents.items()
        )
        site = folder / "site.yaml"
        site.write_text(f"provider: alpha\nreconcile_every: 10s\nplaces:\n{places}")
        self.here = Installation.make(RACKLESS_SITE=str(site), RACKLESS_PROVIDER="alpha")
        with socket.socket() as end:
            end.bind(("127.0.0.1", 0))
            self._port = end.getsockname()[1]
        words = [sys.executable, "-m", "rackless.cli.main", "serve", "--tcp", f"0.0.0.0:{self._port}"]
        self.here.state.mkdir(parents=True)
        with (self.here.state / "server.log").open("ab") as log:
            self._server = subprocess.Popen(words, env=self.here.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await_that("the server", (self.here.run_dir / "api.sock").exists, bool)

    def enrol(self, name: str) -> None:
        agent = self.agents[name]
        invited = self.here.json("host", "add", name)
        words = ["ip", "netns", "exec", agent.namespace.name, sys.executable, "-m", "rackless.vmhost.serving"]
        words += invited["command"].split()[1:]
        done = subprocess.run(words, input=invited["token"].encode(), env=agent.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert (agent.settings.state / "serving/host.key").stat().st_mode & 0o777 == 0o600
        again = subprocess.run(
            [*words, "--again"], input=invited["token"].encode(), env=agent.environment, capture_output=True, check=False
        )
        assert again.returncode != 0
        assert b"not good" in again.stderr
        agent.start()

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.here.json("host", "list")}

    def places(self) -> dict[str, str]:
        return {name: one["place"] for name, one in self.here.machines(LAB).items()}

    def end(self) -> None:
        try:
            for agent in self.agents.values():
                if not agent.runs and (agent.settings.state / "serving/host.key").exists():
                    agent.boot += "+"
                    agent.start()
            self.here.down_all()
        finally:
            self.here.run("stop", check=False)
            self._server.wait(60)
            self.here.close()
            for agent in self.agents.values():
                agent.crash()
                agent.namespace.end()
                subprocess.run(["rm", "-rf", str(agent.folder)], check=True)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    forwards = Path("/proc/sys/net/ipv4/ip_forward")
    before = forwards.read_text()
    forwards.write_text("1")
    made = Hosts(tmp_path)
    try:
        yield made
    finally:
        made.end()
        forwards.write_text(before)


def reaches(here: Installation) -> None:
    """With packets that only a jumbo wire carries whole."""

    def ping() -> str:
        return here.on(LAB, "west", "ping 10.0.0.2 count 3 size 9000 do-not-fragment")

    await_that("east to answer west", ping, lambda out: " 0% packet loss" in out, deadline=180)


def test_a_lab_over_two_hosts_one_of_which_dies(hosts: Hosts, tmp_path: Path) -> None:
    here = hosts.here
    for number, router in enumerate(("west", "east"), start=1):
        (tmp_path / f"{router}.set").write_text(STARTUP.format(number))
    file = tmp_path / "far.yaml"
    file.write_text(BLUEPRINT)
    assert hosts.states() == {"alpha": "not-enrolled", "beta": "not-enrolled"}
    # alpha has the server's images, beta gets what it lacks.
    images = here.environ["RACKLESS_IMAGES"]
    hosts.agents["alpha"].settings.images.symlink_to(images)
    for name in hosts.agents:
        hosts.enrol(name)
    await_that("both", hosts.states, lambda found: set(found.values()) == {"ready"})
    assert here.run("site", "check", "alpha", "--quick").out.count("wires to beta: packets of 9554 octets come through") == 1

    here.run("up", str(file), deadline=1200)
    assert hosts.places() == {"west-vcp": "alpha", "west-vfp0": "alpha", "east-vcp": "beta", "east-vfp0": "beta"}
    assert (hosts.agents["beta"].settings.images / "reference/current").exists()
    reaches(here)

    hosts.agents["beta"].crash()
    await_that("the news", lambda: hosts.states()["beta"], lambda state: state == "silent")
    assert "west" in here.on(LAB, "west", "show version")
    here.run("evacuate", "beta", deadline=1200)
    assert set(hosts.places().values()) == {"alpha"}
    reaches(here)
    assert hosts.states()["beta"] == "given-up"

    # It comes back, and has nothing of the lab any more.
    hosts.agents["beta"].boot = "two"
    hosts.agents["beta"].start()
    await_that("beta", lambda: hosts.states()["beta"], lambda state: state == "ready")
    assert not list((hosts.agents["beta"].settings.state / "labs").glob("*/machines/*"))
    assert here.run("audit").code == 0

    # The one that has all of the lab restarts: the lab comes back by itself, with its wire.
    hosts.agents["alpha"].crash()
    await_that("the news", lambda: hosts.states()["alpha"], lambda state: state == "silent")
    hosts.agents["alpha"].boot = "two"
    hosts.agents["alpha"].start()
    await_that("alpha", lambda: hosts.states()["alpha"], lambda state: state == "ready")
    reaches(here)
    assert set(hosts.places().values()) == {"alpha"}
    here.run("down", LAB)
    assert hosts.states() == {"alpha": "ready", "beta": "ready"}

    here.run("host", "remove", "beta")
    assert hosts.states()["beta"] == "not-enrolled"
    await_that("the end of beta's agent", lambda: hosts.agents["beta"].runs, lambda runs: not runs)
    assert not (hosts.agents["beta"].settings.state / "serving/host.key").exists()
