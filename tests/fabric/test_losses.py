"""What was acknowledged at the virtual address is never lost, whatever is lost: a fabric from nothing, a fourth node under
load, and then node after node killed, cut off, frozen, full and restarted, while a client writes and keeps what it was told.

Times are printed, not asserted.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fabric.conftest import joined
from tests.fabric.holders import Holders
from tests.fabric.nodes import TOP, VIRTUAL, Net, Node, sh, wait
from tests.fabric.writing import SHORT, Writer

pytestmark = [pytest.mark.fabric, pytest.mark.root]

FIRST = itertools.count(0, 1_000_000)
"""Of the numbers of each writer: no two write the same."""
ENOUGH = 30
"""Acknowledged writes after which service is taken for whole again."""
HEALED = 3.0
"""Seconds in which one only has the virtual address, when all is whole again."""
DISK = 1 << 30
"""Bytes for each node's database: PostgreSQL's files of 16 MB, of which it keeps 256 MB, and a little."""


def authority(net: Net) -> Path:
    return net.nodes[0].top / "own/ca.crt"


def kept(net: Net) -> set[int]:
    """All numbers that are in the database, asked through the virtual address."""
    words = ["curl", "-sS", "--fail", "--cacert", authority(net), f"https://{VIRTUAL}/all"]
    found = json.loads(sh(*net.entered(*words)))
    return {int(number) for number, _ in found["found"]}


def primary(net: Net) -> Node:
    def look() -> Node | None:
        return next((node for node in net.nodes if node.outer.poll() is None and node.is_primary()), None)

    return wait(look, "a primary")


def holder(net: Net) -> list[Node]:
    return [node for node in net.nodes if node.outer.poll() is None and node.holds()]


def alarms(node: Node) -> list[str]:
    """That stand, as this node sees them."""
    return [f"{one['name']}:{one['node']}" for one in node.status()["alarms"]]


class Primaries:
    """Looks at every node's database, until the end."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.files = {node.name: net.folder / f"primary-{node.name}-{time.monotonic_ns()}" for node in net.nodes}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for node in net.nodes:
            self.watch(node)

    def watch(self, node: Node) -> None:
        """Again, after a node lost all its processes."""
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        program = [TOP / ".venv-fabric/bin/python", Path(__file__).with_name("primaries.py"), node.top / "postgresql/run"]
        with self.files[node.name].open("ab") as file:
            self.running[node.name] = subprocess.Popen(
                node.entered(*who, *program), stdout=file, stderr=subprocess.DEVNULL, start_new_session=True
            )

    def end(self) -> None:
        for one in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)  # what nsenter began, too
            one.wait(10)

    def spans(self, name: str) -> list[tuple[float, float]]:
        """When it was certainly a primary: between two looks that both said so, one after the other."""
        looks = []
        for line in self.files[name].read_text().splitlines():
            words = line.split()
            if len(words) == 3:
                looks.append((float(words[0]), float(words[1]), words[2] == "1"))
        return [(one[1], two[0]) for one, two in itertools.pairwise(looks) if one[2] and two[2] and two[0] - one[1] < 1.0]

    def doubled(self) -> float:
        """Seconds in which two were."""
        found = 0.0
        for one, two in itertools.combinations(self.files, 2):
            for (a, b), (c, d) in itertools.product(self.spans(one), self.spans(two)):
                found += max(0.0, min(b, d) - max(a, c))
        return found


@contextlib.contextmanager
def lossless(net: Net, what: str, *, frozen: bool = False) -> Iterator[Writer]:
    """While this runs a client writes; at its end the fabric is whole again, and has all that was acknowledged."""
    looks = Primaries(net)
    number = next(FIRST)
    try:
        with (
            Holders(net.entered(), net.folder / f"holders-{number}", VIRTUAL) as holders,
            Writer(net, authority(net), first=number, patience=SHORT) as writer,
        ):
            wait(lambda: len(writer.acknowledged()) >= ENOUGH, "the first writes")
            began = time.monotonic()
            yield writer
            before = len(writer.acknowledged())
            wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes to go on", 180)
            net.settled()
            ended = time.monotonic()
            time.sleep(HEALED)
    finally:
        looks.end()
    answers = [one for one in writer.answers if one.asked >= began]
    failed = sum(not one.good for one in answers)
    doubled = looks.doubled()
    print(f"{what}: longest time without a write {writer.gap(began, ended):.1f} s, {failed} of {len(answers)} requests failed,"
          f" the virtual address away for {holders.away(began, ended):.2f} s, two that answer for it for"
          f" {holders.doubled(began, ended):.1f} s, two that call themselves primary for {doubled:.1f} s")  # fmt: skip
    lost = writer.acknowledged() - kept(net)
    assert not lost, f"{what}: {len(lost)} acknowledged writes are lost: {sorted(lost)[:10]}"
    healed = holders.doubled(ended, ended + HEALED)
    assert not healed, f"{what}: two answered for the virtual address for {healed:.1f} s after all was whole again"
    assert len(holder(net)) == 1, f"{what}: the virtual address is held by {[node.name for node in holder(net)]}"
    # One that was frozen and wakes calls itself primary until Patroni has looked. It acknowledges nothing: its standby left it.
    assert frozen or doubled == 0.0, f"{what}: two primaries for {doubled:.1f} s"


def test_a_fourth_node_joins_and_no_request_fails(fabric: Net) -> None:
    with Writer(fabric, authority(fabric), first=next(FIRST)) as writer:
        wait(lambda: len(writer.acknowledged()) >= ENOUGH, "the first writes")
        began = time.monotonic()
        joined(fabric)
        took = time.monotonic() - began
        new = fabric.nodes[3].id
        before = len(writer.answers)
        wait(lambda: len(writer.answers) >= before + 10 * ENOUGH, "more writes")
        fabric.settled()
    answers = writer.answers
    failed = [one for one in answers if not one.good]
    print(f"a fourth node: ready after {took:.1f} s; {len(failed)} of {len(answers)} requests failed;"
          f" longest time without a write {writer.gap(began, time.monotonic() - 0.0):.2f} s")  # fmt: skip
    assert not failed
    assert not writer.acknowledged() - kept(fabric)
    words = ["curl", "-sS", "--cacert", authority(fabric), f"https://{VIRTUAL}/all"]
    by = {node for _, node in json.loads(sh(*fabric.entered(*words)))["found"]}
    assert new in by, "the new node answered nobody"
    status = fabric.nodes[0].status()
    functions = {node["name"]: set(node["functions"]) for node in status["layout"]["nodes"]}
    assert [name for name, has in functions.items() if "vote" in has] == ["n1", "n2", "n3"]
    assert "replica" in functions["n4"]


def test_the_active_node_is_killed(fabric: Net) -> None:
    """Every process of it at once, supervisor too; then it is started as its service manager would."""
    with lossless(fabric, "killed") as writer:
        node = primary(fabric)
        node.kill()
        before = len(writer.acknowledged())
        wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes without it")
        assert primary(fabric) is not node
        node.boot()


def test_the_active_nodes_link_is_cut(fabric: Net) -> None:
    with lossless(fabric, "cut off") as writer:
        node = primary(fabric)
        node.cut()
        try:
            before = len(writer.acknowledged())
            wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes without it")
        finally:
            node.heal()


def test_the_link_of_the_virtual_addresss_holder_is_cut(fabric: Net) -> None:
    with lossless(fabric, "holder of the virtual address cut off"):
        (node,) = holder(fabric)
        node.cut()
        try:
            wait(lambda: [each for each in holder(fabric) if each is not node], "another to hold it", 60)
        finally:
            node.heal()


def test_the_active_nodes_disk_fills(fabric: Net) -> None:
    """Under its database. PostgreSQL goes on with what needs no page more, so nobody's election ends that."""
    with lossless(fabric, "full disk") as writer:
        node = primary(fabric)
        node.fill()
        wait(lambda: not node.is_primary(), "the primary to leave the full disk", 180)
        before = len(writer.acknowledged())
        wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes without it")
        other = next(each for each in fabric.nodes if each is not node)
        wait(lambda: any(f"disk-full:{node.id}" in key for key in alarms(other)), "the alarm", 60)
        node.make_room()


def test_the_active_node_is_frozen_and_wakes(fabric: Net) -> None:
    with lossless(fabric, "frozen", frozen=True) as writer:
        node = primary(fabric)
        node.freeze()
        try:
            before = len(writer.acknowledged())
            wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes without it")
        finally:
            node.wake()


def test_etcd_loses_a_member(fabric: Net) -> None:
    """The process is killed, and its supervisor starts it again; then its leader's."""
    with lossless(fabric, "etcd's leader killed"):
        status = fabric.nodes[0].status()
        leaders = {one["node"] for one in status["health"] if one["leader"]}
        node = next(node for node in fabric.nodes if node.id in leaders)
        node.inside("pkill", "-KILL", "-x", "etcd")


def test_two_nodes_restart_one_after_the_other(fabric: Net) -> None:
    """Power off and on: the first waits until it is whole again, as an operator does."""
    with lossless(fabric, "restarted one after the other"):
        for node in [each for each in fabric.nodes[:3] if each is not primary(fabric)]:
            node.power_off()
            node.start()
            node.boot()
            fabric.settled()


def test_the_primary_is_switched_over(fabric: Net) -> None:
    with lossless(fabric, "switched over"):
        old = primary(fabric)
        fabric.nodes[0].fabric("switchover")
        assert primary(fabric) is not old
