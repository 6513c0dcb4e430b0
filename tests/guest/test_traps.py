"""Notifications of a real snmpd, with the file that the configuration is rendered to and the guest's sub-agent, at a receiver."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mgmt.render.snmp import CONFIG, MODULES, SILENT, render
from mgmt.world import Folder
from system import ifindex

pytestmark = pytest.mark.root

HERE = Path(__file__).parent
GUEST = HERE.parents[1] / "guest"
AGENT = 16110
ALL, LINK, FAILURES, START, OLD, BOTH, NONE = range(16111, 16118)
COLD_START, LINK_DOWN, LINK_UP, FAILURE = (f"1.3.6.1.6.3.1.1.5.{number}" for number in (1, 3, 4, 5))
TITLES = {COLD_START: "coldStart", LINK_DOWN: "linkDown", LINK_UP: "linkUp", FAILURE: "authenticationFailure"}
GROUPS = {
    "all": (ALL, "v2", []),
    "link": (LINK, "v2", ["link"]),
    "failures": (FAILURES, "v2", ["authentication"]),
    "start": (START, "v2", ["startup", "authentication"]),
    "old": (OLD, "v1", ["link"]),
    "both": (BOTH, None, ["link"]),
    "none": (NONE, "v2", ["chassis"]),
}


def tree() -> dict[str, Any]:
    groups = {}
    for name, (port, version, categories) in GROUPS.items():
        groups[name] = {"targets": {"target": {"127.0.0.1": {}}}, "destination-port": str(port)}
        groups[name] |= {"version": version} if version else {}
        groups[name] |= {"categories": dict.fromkeys(categories, True)} if categories else {}
    return {"snmp": {"community": {"public": {}}, "trap-group": groups}}


class Router:
    def __init__(self, tmp: Path) -> None:
        self.ns = f"rl-traps-{os.getpid()}"
        self.tmp = tmp
        self.processes: list[subprocess.Popen[str]] = []
        self.heard: queue.Queue[Any] = queue.Queue()

    def sh(self, *words: str) -> None:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def ip(self, *words: str) -> None:
        self.sh("ip", "-n", self.ns, *words)

    def popen(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        self.processes.append(subprocess.Popen(["ip", "netns", "exec", self.ns, *words], text=True, **more))
        return self.processes[-1]

    def start(self) -> None:
        self.sh("ip", "netns", "add", self.ns)
        self.ip("link", "set", "lo", "up")
        for card, port in ((0, 0), (1, 0)):
            self.ip("link", "add", f"ge-{card}-0-{port}", "type", "veth", "peer", "name", f"peer-{card}-{port}")
            self.ip("link", "set", f"ge-{card}-0-{port}", "up")
            self.ip("link", "set", f"peer-{card}-{port}", "up")
        self.ip("addr", "add", "192.0.2.1/24", "dev", "ge-0-0-0")
        receiver = self.popen(
            sys.executable, str(HERE / "trap_receiver.py"), *map(str, range(ALL, NONE + 1)), stdout=subprocess.PIPE
        )
        threading.Thread(target=self.listen, args=(receiver,), daemon=True).start()
        assert self.heard.get(timeout=20) == "listening"
        text, _ = render(tree(), Folder(str(self.tmp))).files[CONFIG]
        text += (GUEST / "snmp/snmpd.conf.part").read_text()
        text = text.replace("/run/agentx.sock", str(self.tmp / "agentx.sock"))
        conf = self.tmp / "snmpd.conf"
        conf.write_text(text.replace("udp:161,udp6:[::]:161", f"udp:127.0.0.1:{AGENT}"))
        code = "import sys; from snmp.subagent import run; run(sys.argv[1], sys.argv[2], print, sys.argv[3])"
        words = [sys.executable, "-uc", code, str(self.tmp / "agentx.sock"), str(self.tmp / "none"), str(self.tmp / "no-traps")]
        with (self.tmp / "subagent.log").open("wb") as log:
            self.popen(*words, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(GUEST)})
        modules = [word for module in MODULES.split() for word in ("-I", module)]
        words = ["/usr/sbin/snmpd", "-f", "-r", "-m", "", *modules, "-C", "-c", str(conf), "-Lf", str(self.tmp / "log"), "-p", ""]
        self.snmpd = self.popen(*words, env={**os.environ, "SNMP_PERSISTENT_DIR": str(self.tmp / "persist")})
        end = time.monotonic() + 20
        while "ge-0/0/0" not in self.ask("public"):
            assert time.monotonic() < end, (self.tmp / "log").read_text() + (self.tmp / "subagent.log").read_text()
            time.sleep(0.1)

    def listen(self, receiver: subprocess.Popen[str]) -> None:
        assert receiver.stdout is not None
        for line in receiver.stdout:
            self.heard.put(json.loads(line))

    def ask(self, community: str) -> str:
        index = ifindex.physical("ge-0/0/0")
        words = ["snmpget", "-v2c", "-m", "", "-c", community, "-t", "1", "-r", "0", f"127.0.0.1:{AGENT}"]
        done = subprocess.run(
            ["ip", "netns", "exec", self.ns, *words, f".1.3.6.1.2.1.2.2.1.2.{index}"], check=False, capture_output=True, text=True
        )
        return done.stdout

    def told(self, count: int) -> list[dict[str, Any]]:
        """The next `count` notifications."""
        return [self.heard.get(timeout=20) for _ in range(count)]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(60)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")
    if not shutil.which("snmpd"):
        pytest.fail("this test needs snmpd (apt-get install snmpd)")
    made = Router(tmp_path_factory.mktemp("traps"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def short(told: list[dict[str, Any]]) -> list[tuple[int, str, int]]:
    """(port, what, version) of each."""
    return sorted((one["port"], TITLES[one["trap"]], one["version"]) for one in told)


def test_the_start_is_told_to_those_who_ask_for_it(router: Router) -> None:
    assert short(router.told(2)) == [(ALL, "coldStart", 2), (START, "coldStart", 2)]


LISTENERS = ((ALL, 2), (LINK, 2), (OLD, 1), (BOTH, 1), (BOTH, 2))
"""Who is told of links, and in which version; both for a group that chooses none."""


def links(told: list[dict[str, Any]], port: int, version: int) -> list[tuple[str, str, tuple[str, ...]]]:
    """(what, name, (ifIndex, ifAdminStatus, ifOperStatus)) as one listener heard it, in that order."""
    found = []
    for one in told:
        if (one["port"], one["version"]) == (port, version):
            values = one["values"]
            (index,) = (name.rpartition(".")[2] for name in values if name.startswith("1.3.6.1.2.1.2.2.1.1."))
            row = tuple(values[f"1.3.6.1.2.1.2.2.1.{column}.{index}"] for column in (1, 7, 8))
            found.append((TITLES[one["trap"]], values[f"1.3.6.1.2.1.31.1.1.1.1.{index}"], row))
    return found


@pytest.mark.parametrize(
    ("change", "title", "states"),
    [
        (("link", "set", "peer-0-0", "down"), "linkDown", ("1", "2")),
        (("link", "set", "peer-0-0", "up"), "linkUp", ("1", "1")),
        (("link", "set", "ge-0-0-0", "down"), "linkDown", ("2", "2")),
        (("link", "set", "ge-0-0-0", "up"), "linkUp", ("1", "1")),
    ],
)
def test_a_port_and_its_unit_that_go_and_come_are_told(
    router: Router, change: tuple[str, ...], title: str, states: tuple[str, str]
) -> None:
    router.ip(*change)
    heard = router.told(2 * len(LISTENERS))
    port, unit = ifindex.physical("ge-0/0/0"), ifindex.logical("ge-0/0/0.0")
    for listener in LISTENERS:
        assert links(heard, *listener) == [
            (title, "ge-0/0/0", (str(port), *states)), (title, "ge-0/0/0.0", (str(unit), *states))
        ]  # fmt: skip
    assert {one["community"] for one in heard} == {"all", "link", "old", "both"}
    kinds = {one.get("enterprise") or one["values"]["1.3.6.1.6.3.1.1.4.3.0"] for one in heard}
    assert kinds == {"1.3.6.1.4.1.2636.1.1.1.2.108"}, "what sysObjectID says"


def test_the_ports_of_a_lost_card_go_down_and_a_new_ones_come_up(router: Router) -> None:
    router.ip("link", "del", "ge-1-0-0")
    index = str(ifindex.physical("ge-1/0/0"))
    assert links(router.told(len(LISTENERS)), LINK, 2) == [("linkDown", "ge-1/0/0", (index, "2", "2"))]
    router.ip("link", "add", "ge-1-0-0", "type", "veth", "peer", "name", "peer-1-0")
    router.ip("link", "set", "peer-1-0", "up")
    router.ip("link", "set", "ge-1-0-0", "up")
    assert links(router.told(len(LISTENERS)), LINK, 2) == [("linkUp", "ge-1/0/0", (index, "1", "1"))]


def test_the_last_change_is_told_in_the_agents_time(router: Router) -> None:
    """ifLastChange is the sysUpTime of then; of what has not changed since the agent's start, 0."""

    def ticks(oid: str) -> int:
        words = ["snmpget", "-v2c", "-m", "", "-c", "public", "-t", "5", "-OtqvU", f"127.0.0.1:{AGENT}", oid]
        done = subprocess.run(["ip", "netns", "exec", router.ns, *words], check=True, capture_output=True, text=True)
        return int(done.stdout)

    last = f".1.3.6.1.2.1.2.2.1.9.{ifindex.physical('ge-0/0/0')}"
    before = ticks(".1.3.6.1.2.1.1.3.0")
    router.ip("link", "set", "peer-0-0", "down")
    router.told(2 * len(LISTENERS))
    assert before - 100 <= ticks(last) <= ticks(".1.3.6.1.2.1.1.3.0") + 100
    assert ticks(f".1.3.6.1.2.1.2.2.1.9.{ifindex.physical('lo0')}") == 0
    router.ip("link", "set", "peer-0-0", "up")
    router.told(2 * len(LISTENERS))


def test_an_interface_that_is_to_be_silent_is(router: Router) -> None:
    """Its unit and others are not: each has a statement of its own."""
    configured = {"ge-0/0/0": {"no-traps": True, "unit": {"0": {}, "7": {"no-traps": True}}}}
    text, _ = render({**tree(), "interfaces": {"interface": configured}}, Folder(str(router.tmp))).files[SILENT]
    assert text == "ge-0/0/0\nge-0/0/0.7\n"
    (router.tmp / "no-traps").write_text(text)
    router.ip("link", "set", "peer-0-0", "down")
    unit = str(ifindex.logical("ge-0/0/0.0"))
    assert links(router.told(len(LISTENERS)), LINK, 2) == [("linkDown", "ge-0/0/0.0", (unit, "1", "2"))]
    (router.tmp / "no-traps").unlink()
    router.ip("link", "set", "peer-0-0", "up")
    assert [name for _, name, _ in links(router.told(2 * len(LISTENERS)), LINK, 2)] == ["ge-0/0/0", "ge-0/0/0.0"]


def test_a_wrong_community_is_told_to_those_who_ask_for_it(router: Router) -> None:
    assert router.ask("wrong") == ""
    assert short(router.told(3)) == [
        (port, "authenticationFailure", 2) for port in (ALL, FAILURES, START)
    ]  # fmt: skip


def test_a_reload_changes_nothing_for_anybody(router: Router) -> None:
    """It is how a commit reaches snmpd; and nobody hears of snmpd's own affairs."""
    router.snmpd.send_signal(signal.SIGHUP)
    router.ask("public")
    router.ip("link", "set", "peer-1-0", "down")
    heard = router.told(len(LISTENERS))
    assert {one["trap"] for one in heard} == {LINK_DOWN}
    assert sorted((one["port"], one["version"]) for one in heard) == sorted(LISTENERS)


def test_nothing_else_was_heard(router: Router) -> None:
    router.snmpd.terminate()
    router.snmpd.wait(60)
    assert router.heard.empty()
