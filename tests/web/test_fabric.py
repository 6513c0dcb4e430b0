"""Admin -> Fabric: the page of a server on a node, of what the node's daemon writes, and the daemon's socket behind it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import expect
from tests.stories.fabric.simulated import first
from tests.web.conftest import Site, Visitor

from rackless.fabric import saying, serving, showing
from rackless.fabric.node import NodeDaemon
from rackless.fabric.places import Folder
from rackless.fabric.truth import Beat, Truth, Verdict, as_text
from rackless.fabric.watching import Watch, look
from rackless.model.fabric import Alarm, DatabaseRole, Filesystem, Health, Life, NodeRole, Severity

GONE = Alarm(name="node-dead", severity=Severity.MAJOR, since=1.0, cause="n3 is away.", hint="Look at it.", node="n3")
FULL = Alarm(
    name="disk-full", severity=Severity.MINOR, since=2.0, cause="The disk of n1 is 85 % full.", hint="Enlarge it.", node="n1"
)


class Daemon(threading.Thread):
    """As much of a node's daemon as there is to see: the truth, the file that the server reads, and the server's socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        folder.mkdir()
        self._folder = Folder(folder)
        truth = first(dict.fromkeys(("n1", "n2", "n3"), NodeRole.FULL))
        dead = Verdict(life=Life.DEAD, since=1.0, why="nothing was heard of it for 10 s", term=1, incarnation="n31")
        self.truth: Truth = replace(truth.judged("n3", dead), alarms=(GONE, FULL), decider="n2")
        self._ended = threading.Event()
        self.write()

    async def change(self, what: Callable[[Truth], Truth]) -> Truth:
        self.truth = what(self.truth)
        self.write()
        return self.truth

    def write(self) -> None:
        now = time.time()
        beats = []
        for id, role in (("n1", DatabaseRole.PRIMARY), ("n2", DatabaseRole.SYNCHRONOUS)):
            facts = Health(
                node=id,
                at=now,
                release="0.1.0",
                processors=2,
                cpu=12.0,
                memory=4 << 30,
                memory_used=1 << 30,
                filesystems=(Filesystem(path="/", size=100, used=85 if id == "n1" else 20),),
                database=role,
                etcd=True,
                leader=id == "n2",
                clock_offset=0.0012,
                certificate_until=now + 300 * 86400 + 60,
                holds_address=id == "n1",
                serving=True,
            )
            beats.append(Beat(node=id, fabric="f-1", incarnation=f"{id}1", count=1, machine=f"m-{id}", facts=as_text(facts)))
        watch = look(Watch(), self.truth.layout, beats, 1.0)
        self._folder.write("monitor.json", as_text(showing.status(self.truth, watch)), afresh=True)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        listening = self._folder.listening(saying.SOCKET, serving._unix)
        server = serving._Server(serving._config(serving.Answers(cast(NodeDaemon, self)).application(), None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not self._ended.is_set():
            self.write()  # as every two seconds a real one does
            await asyncio.sleep(1.0)
        server.should_exit = True
        await task

    def end(self) -> None:
        self._ended.set()
        self.join(20)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("f") / "application")
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, daemon: Daemon) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("w"), RACKLESS_FABRIC=str(daemon._folder.path.parent))
    yield made
    made.end()


def test_nodes_and_alarms_are_shown_and_an_alarm_is_acknowledged(
    visit: Callable[..., Visitor], site: Site, daemon: Daemon
) -> None:
    visitor = visit()
    page = visitor.log_in("ada", "/admin/fabric")
    visitor.shown()
    expect(page.get_by_text("fabric lab")).to_be_visible()
    nodes = page.get_by_role("region", name="Nodes")
    rows = {name: nodes.get_by_role("row").filter(has=page.get_by_text(name, exact=True)) for name in ("n1", "n2", "n3")}
    for word in ("alive", "primary", "holds the address", "12 %", "25 %", "85 %", "1.2 ms", "300 days", "0.1.0"):
        expect(rows["n1"]).to_contain_text(word)
    expect(rows["n2"]).to_contain_text("leads")
    expect(rows["n3"]).to_contain_text("dead")
    expect(rows["n3"]).to_contain_text("nothing was heard of it for 10 s")
    alarms = page.get_by_role("region", name="Alarms")
    expect(alarms.get_by_role("row")).to_have_count(3)
    expect(alarms.get_by_role("row").nth(1)).to_contain_text("major")
    assert visitor.violations() == []
    visitor.shot("fabric-nodes")

    page.get_by_role("button", name="Acknowledge node-dead:n3").click()
    expect(alarms.get_by_role("row").nth(1)).to_contain_text("by ada")
    assert {alarm.key: alarm.acknowledged_by for alarm in daemon.truth.alarms} == {"node-dead:n3": "ada", "disk-full:n1": ""}

    # What changes is shown without a word.
    daemon.truth = replace(daemon.truth, alarms=())
    expect(page.get_by_text("No alarms.")).to_be_visible()
