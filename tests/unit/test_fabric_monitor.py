"""The monitor of an installation that is no fabric, and of one that is: API, metrics, alarms that outlive the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.stories.fabric.simulated import first
from tests.unit.api_client import Client

from rackless.api import fabric
from rackless.fabric import saying, serving, showing
from rackless.fabric.monitoring import Monitor
from rackless.fabric.node import NodeDaemon
from rackless.fabric.observing import configured, expiry, filesystems, tracking
from rackless.fabric.places import Folder
from rackless.fabric.truth import Truth, Verdict, as_text
from rackless.fabric.watching import Watch, look
from rackless.model.errors import NotFoundError, ProviderError
from rackless.model.fabric import Alarm, Filesystem, Health, Life, Node, NodeRole, Severity


class Machine:
    """What the next look finds."""

    def __init__(self) -> None:
        self.health = Health(node="n1")

    async def look(self) -> Health:
        return self.health

    def fill(self, percent: int) -> None:
        self.health = replace(self.health, filesystems=(Filesystem(path="/", size=100, used=percent),))


def monitor(machine: Machine, folder: Path, told: list[Alarm]) -> Monitor:
    async def tell(alarm: Alarm) -> None:
        told.append(alarm)

    node = Node(id="n1", name="n1", address="")
    shared = folder / "monitor.json"
    return Monitor(node, machine, database="sqlite", kept=folder / "alarms.json", fabric=shared, tell=tell)


async def test_a_full_disk_of_a_single_server_is_told_once_over_restarts(tmp_path: Path) -> None:
    machine, told = Machine(), list[Alarm]()
    machine.fill(85)
    one = monitor(machine, tmp_path, told)
    await one.look()
    assert (await one.acknowledge("disk-full:n1:/", "ann")).acknowledged_by == "ann"
    another = monitor(machine, tmp_path, told)
    await another.look()
    assert [(alarm.key, alarm.severity.value) for alarm in told] == [("disk-full:n1:/", "minor")]
    assert [alarm.acknowledged_by for alarm in another.status().alarms] == ["ann"]
    assert "85 % full" in told[0].cause
    machine.fill(92)
    await another.look()
    assert [alarm.severity.value for alarm in told] == ["minor", "major"]
    status = another.status()
    assert (status.embedded, status.database, status.health_of("n1")) == (True, "sqlite", machine.health)


async def test_a_fabric_shows_what_its_daemon_wrote(tmp_path: Path) -> None:
    told: list[Alarm] = []
    one = monitor(Machine(), tmp_path, told)
    truth = first({"a": NodeRole.FULL, "b": NodeRole.FULL, "w": NodeRole.WITNESS}).judged(
        "b", Verdict(life=Life.DEAD, term=3, why="silent")
    )
    written = as_text(showing.status(truth, look(Watch(), truth.layout, (), 1.0)))
    (tmp_path / "monitor.json").write_text(written)
    await one.look()
    status = one.status()
    assert [(each.node, each.life.value, each.term) for each in status.members] == [
        ("a", "alive", 0),
        ("b", "dead", 3),
        ("w", "alive", 0),
    ]
    assert (status.embedded, status.layout) == (False, truth.layout)
    old = time.time() - 100
    import os

    os.utime(tmp_path / "monitor.json", (old, old))
    assert [alarm.name for alarm in one.status().alarms] == ["daemon-silent"]


class Daemon:
    """As much of a node's daemon as keeps the truth."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    async def change(self, what: Callable[[Truth], Truth]) -> Truth:
        self.truth = what(self.truth)
        return self.truth


async def test_an_alarm_of_a_fabric_is_acknowledged_by_the_daemon_of_the_node(tmp_path: Path) -> None:
    alarm = Alarm(name="node-dead", severity=Severity.MAJOR, since=1.0, cause="b is away.", hint="Look at it.", node="b")
    truth = replace(first({"a": NodeRole.FULL, "b": NodeRole.FULL}), alarms=(alarm,))
    daemon = Daemon(truth)
    (tmp_path / "monitor.json").write_text(as_text(showing.status(truth, look(Watch(), truth.layout, (), 1.0))))
    one = monitor(Machine(), tmp_path, [])
    with pytest.raises(ProviderError, match="daemon on this node does not answer"):
        await one.acknowledge("node-dead:b", "ann")
    listening = Folder(tmp_path).listening(saying.SOCKET, serving._unix)
    assert (tmp_path / saying.SOCKET).stat().st_mode & 0o777 == 0o600
    server = serving._Server(serving._config(serving.Answers(cast(NodeDaemon, daemon)).application(), None))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        found = await one.acknowledge("node-dead:b", "ann")
        assert (found.key, found.acknowledged_by) == ("node-dead:b", "ann")
        assert [each.acknowledged_by for each in daemon.truth.alarms] == ["ann"]
        with pytest.raises(NotFoundError, match="There is no alarm other"):
            await one.acknowledge("other", "ann")
    finally:
        server.should_exit = True
        await task


async def test_api_and_metrics_of_a_single_server(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fabric.watching(client.world)
    await made.look()
    monkeypatch.setattr(fabric, "watching", lambda here: made)  # a server looks by itself; here there is only its API
    found = await client.ask("GET", "/fabric")
    assert (found["embedded"], found["database"].split(":")[0]) == (
        True,
        "postgresql" if client.world.database.shared else "sqlite",
    )
    (node,) = found["nodes"]
    assert node["functions"] == ["application"]
    assert node["life"] == "alive"
    assert 0 < node["disk"] < 100
    assert node["memory_used"] < node["memory"]
    assert node["filesystems"][0]["path"] == str(client.world.settings.state)
    page = await client.ask("GET", "/fabric/alarms")
    assert page["items"] == found["alarms"]
    refused = await client.ask("POST", "/fabric/alarms/acknowledge", {"key": "nothing"}, status=404)
    assert "no alarm nothing" in refused["detail"]
    metrics = (await client.http.get(str(client.http.base_url).removesuffix("/v1/").removesuffix("/v1") + "/metrics")).text
    assert "rackless_node_disk_percent{node=" in metrics
    assert 'rackless_alarms{severity="critical"}' in metrics


# ---- facts of a real machine


def test_chrony() -> None:
    line = "C0000201,192.0.2.1,3,1790000000.1,0.000123,0.0001,0.0002,1.5,0.0,0.1,0.01,0.001,64.2,Normal\n"
    assert tracking(line, ("192.0.2.1",)) == (-0.000123, "192.0.2.1", ("192.0.2.1",))
    assert tracking("7F7F0101,,0,0.0,0,0,0,0,0,0,1,1,0,Not synchronised\n", ("a",)) == (None, "", ("a",))


def test_sources_of_chrony(tmp_path: Path) -> None:
    (tmp_path / "chrony.conf").write_text("# server no\nserver a.example iburst\npool b.example\n")
    (tmp_path / "sources.d").mkdir()
    (tmp_path / "sources.d" / "x.sources").write_text("server c.example\nserver a.example\n")
    assert configured([tmp_path / "chrony.conf", tmp_path / "sources.d", tmp_path / "none"]) == (
        "a.example",
        "b.example",
        "c.example",
    )


def test_file_systems_are_each_told_once(tmp_path: Path) -> None:
    (found,) = filesystems([tmp_path, tmp_path / ".", tmp_path / "none"])
    assert found.path == str(tmp_path)
    assert 0 < found.used < found.size


def test_the_first_certificate_to_expire(tmp_path: Path) -> None:
    from rackless import certificate

    assert expiry([tmp_path / "none"]) is None
    pair = certificate.own(tmp_path, ["localhost"])
    until = expiry([tmp_path / "none", pair.certificate])
    assert until is not None
    assert until > time.time()
