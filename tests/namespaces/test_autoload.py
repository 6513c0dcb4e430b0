"""A real snmpd with the guest's own programs, in a network namespace with ports named as the router's, discovered."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rackless.autoload.discovery import discover
from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError
from rackless.model.inventory import Inventory

pytestmark = pytest.mark.root

GUEST = Path(__file__).parents[2] / "guest" / "snmp"
COMMUNITY = "Test-Community-77"
PORT = 16100
CLONE_NEWNET = 0x40000000


def sh(*words: str) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


class Router:
    def __init__(self, tmp: Path) -> None:
        self.ns = f"rl-snmp-{os.getpid()}"
        self.chassis = tmp / "chassisd.json"
        self.conf = tmp / "snmpd.conf"
        self.log = tmp / "snmpd.log"
        self.daemon: subprocess.Popen[bytes] | None = None

    def inside(self, *words: str) -> str:
        return sh("ip", "netns", "exec", self.ns, *words)

    def start(self) -> None:
        sh("ip", "netns", "add", self.ns)
        ip = ("ip", "-n", self.ns)
        sh(*ip, "link", "set", "lo", "up")
        sh(*ip, "link", "add", "fxp0", "address", "52:00:00:00:00:01", "type", "veth", "peer", "name", "peer-fxp0")
        for card in (0, 1):
            for port in (0, 1):
                mac = f"52:00:00:00:0{card}:1{port}"
                sh(
                    *ip,
                    "link",
                    "add",
                    f"ge-{card}-0-{port}",
                    "address",
                    mac,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    f"peer-{card}-{port}",
                )
        for name in ("fxp0", "peer-fxp0", "ge-0-0-0", "peer-0-0", "ge-1-0-1"):
            sh(*ip, "link", "set", name, "up")
        sh(*ip, "link", "set", "ge-0-0-0", "mtu", "9178", "alias", "to east: card 0")
        sh(*ip, "addr", "add", "192.0.2.7/24", "dev", "fxp0")
        sh(*ip, "addr", "add", "198.51.100.1/30", "dev", "ge-0-0-0")
        sh(*ip, "addr", "add", "2001:db8::1/64", "dev", "ge-0-0-0", "nodad")
        self.chassis.write_text(json.dumps({"cards": [{"slot": 0, "ports": [], "since": time.time()}, {"slot": 2, "ports": []}]}))
        part = (GUEST / "snmpd.conf.part").read_text()
        part = part.replace("/usr/lib/rackless-router/snmp/run", f"{GUEST}/run --chassis {self.chassis}")
        self.conf.write_text(f"agentaddress udp:127.0.0.1:{PORT}\nrocommunity {COMMUNITY}\nsysname west\n{part}")
        self.conf.chmod(0o600)
        self.daemon = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, "snmpd", "-f", "-r", "-C", "-c", str(self.conf), "-Lf", str(self.log), "-p", ""],
            env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.conf.parent / "persist")},
        )

    def stop(self) -> None:
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(10)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)

    def within(self, work: Callable[[], object]) -> object:
        """Call `work` in a thread of its own in the namespace, so that its sockets are the namespace's."""
        result: list[object] = []

        def enter() -> None:
            with open(f"/run/netns/{self.ns}") as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(handle.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                result.append(work())
            except Exception as error:  # noqa: BLE001 - handed to the caller's thread
                result.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return result[0]

    def discover(self, community: str = COMMUNITY, seconds: float = 30, **wanted: object) -> object:
        async def ask() -> Inventory:
            return await discover("127.0.0.1", PORT, community, deadline=Deadline(seconds), **wanted)

        return self.within(lambda: asyncio.run(ask()))

    def walk(self, oid: str) -> str:
        return self.inside(
            "snmpbulkwalk", "-v2c", "-m", "", "-On", "-t", "5", "-r", "3", "-c", COMMUNITY, f"127.0.0.1:{PORT}", oid
        )


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")
    if not shutil.which("snmpd"):
        pytest.fail("this test needs snmpd (apt-get install snmpd)")
    made = Router(tmp_path_factory.mktemp("snmp"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_inventory_is_the_router(router: Router) -> None:
    found = router.discover(expected=["ge-0/0/0", "ge-1/0/1"])
    assert isinstance(found, Inventory), found
    assert (found.system_name, found.system_object_id) == ("west", "1.3.6.1.4.1.2636.1.1.1.2.108")
    assert (found.chassis, found.serial) == ("Rackless reference router", "RR520000000001")
    assert [card.slot for card in found.cards] == [0, 1, 2]
    assert [port.name for port in found.ports] == ["fxp0", "ge-0/0/0", "ge-0/0/1", "ge-1/0/0", "ge-1/0/1"]
    first = found.port("ge-0/0/0")
    assert first is not None
    assert (first.mac, first.mtu, first.speed, first.card) == ("52:00:00:00:00:10", 9192, 1_000_000_000, 0)
    assert (first.admin_up, first.oper_up, first.description) == (True, True, "to east: card 0")
    assert [text for text in first.addresses if not text.startswith("fe80")] == ["198.51.100.1/30", "2001:db8::1/64"]
    fxp0 = found.port("fxp0")
    assert fxp0 is not None
    assert fxp0.card is None
    assert "192.0.2.7/24" in fxp0.addresses
    down = found.port("ge-1/0/0")
    lost = found.port("ge-1/0/1")
    assert down is not None
    assert lost is not None
    assert (down.admin_up, down.oper_up) == (False, False)
    assert (lost.admin_up, lost.oper_up) == (True, False)


def test_an_ordinary_client_sees_the_routers_names_alone(router: Router) -> None:
    names = router.walk(".1.3.6.1.2.1.31.1.1.1.1")
    assert '"ge-0/0/0"' in names
    assert '"ge-0/0/0.0"' in names
    assert "peer" not in names
    assert "ge-0-0-0" not in router.walk(".1.3.6.1.2.1.2.2")
    assert ".4.20.1.3.198.51.100.1 = IpAddress: 255.255.255.252" in router.walk(".1.3.6.1.2.1.4.20")
    assert "Counter64" in router.walk(".1.3.6.1.2.1.31.1.1.1.6")
    assert 'STRING: "FPC: Reference card @ 2/*/*"' in router.walk(".1.3.6.1.4.1.2636.3.1")
    assert '"ge-1/0/1"' in router.walk(".1.3.6.1.2.1.47.1")
    whole = router.walk(".1.3.6.1.2.1")
    assert "No more variables" not in whole.splitlines()[0]
    assert "peer" not in "\n".join(
        line for line in whole.splitlines() if line.startswith((".1.3.6.1.2.1.2.", ".1.3.6.1.2.1.31."))
    )


def test_a_card_that_comes_back_keeps_its_interface_index(router: Router) -> None:
    before = router.walk(".1.3.6.1.2.1.31.1.1.1.1")
    ip = ("ip", "-n", router.ns)
    sh(*ip, "link", "del", "ge-1-0-0")
    until = time.monotonic() + 10
    while "ge-1/0/0" in router.walk(".1.3.6.1.2.1.31.1.1.1.1"):
        assert time.monotonic() < until, "the port never went"
        time.sleep(0.2)
    found = router.discover(seconds=3, expected=["ge-1/0/0"])
    assert isinstance(found, DeadlineError), found
    assert "the ports ge-1/0/0 in the SNMP inventory" in found.message
    sh(*ip, "link", "add", "ge-1-0-0", "type", "veth", "peer", "name", "peer-1-0")
    again = router.discover(expected=["ge-1/0/0"])
    assert isinstance(again, Inventory), again
    assert router.walk(".1.3.6.1.2.1.31.1.1.1.1") == before


def test_a_wrong_community_is_told_as_a_guess(router: Router) -> None:
    found = router.discover(community="nonsense", seconds=4)
    assert isinstance(found, DeadlineError)
    assert "SNMP from 127.0.0.1" in found.message
    assert "community" in found.hint


def test_one_resident_process_a_table(router: Router) -> None:
    router.walk(".1.3.6.1.2.1.2.2")
    assert router.daemon
    children = Path(f"/proc/{router.daemon.pid}/task/{router.daemon.pid}/children").read_text().split()
    before = set(children)
    router.walk(".1.3.6.1.2.1.2.2")
    after = set(Path(f"/proc/{router.daemon.pid}/task/{router.daemon.pid}/children").read_text().split())
    assert before == after
    assert 0 < len(after) <= 6
