"""Nobody but the cards speaks the internal protocols with a controller: real VXLAN interfaces and nftables in a namespace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guest.mgmt_router import START, lines

from mgmt.render import firewall
from mgmt.world import Folder
from system import becoming, carddata, chassisd
from system.chassis import Make
from system.protocol import PortReport, vni

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")]

GUEST = Path(__file__).resolve().parents[2] / "guest"
PORT = PortReport(port=0, mac="52:54:00:00:00:10", mtu=1500, carrier=True)
FRAME = bytes.fromhex("ffffffffffff 5254000000ee 88b5") + bytes(46)
"""To all, of IEEE 802's EtherType for experiments."""
INJECT = """
import socket, sys
sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sending.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], int(sys.argv[3])))
"""
FILTER = """
set firewall family inet filter all term rest then accept
set interfaces lo0 unit 0 family inet filter input all
"""


class Controller:
    """A namespace with `int` and `fxp0`, and one with a station at each: a card, and a stranger on the management network."""

    def __init__(self) -> None:
        self.name, self.card, self.stranger = (f"rl-{part}-{os.getpid()}" for part in ("vcp", "vfp", "far"))
        for name in (self.name, self.card, self.stranger):
            run("ip", "netns", "add", name)
        for near, far, address in (("int", self.card, "128.0.0.16/16"), ("fxp0", self.stranger, "192.0.2.9/24")):
            run("ip", "-n", self.name, "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", far)
            run("ip", "-n", far, "addr", "add", address, "dev", "eth0")
            run("ip", "-n", far, "link", "set", "eth0", "up")
        run("ip", "-n", self.name, "addr", "add", "192.0.2.1/24", "dev", "fxp0")
        run("ip", "-n", self.name, "link", "set", "fxp0", "up")
        run("ip", "-n", self.stranger, "route", "add", "128.0.0.0/16", "via", "192.0.2.1")
        self.prepare()
        for line in chassisd.commands((Make(slot=0, report=PORT),), ()):
            run("ip", "-n", self.name, *line.split())

    def prepare(self) -> None:
        """What the daemon does first when it starts."""
        self.inside(sys.executable, "-c", "from system import chassisd; chassisd.prepare()")

    def inside(self, *argv: str, stdin: str = "") -> str:
        done = subprocess.run(["ip", "netns", "exec", self.name, *argv], input=stdin, capture_output=True, text=True, timeout=30,
                              check=False, env={**os.environ, "PYTHONPATH": str(GUEST)})  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inject(self, namespace: str, address: str, port: int = 4789) -> None:
        datagram = b"\x08\0\0\0" + (vni(0, 0) << 8).to_bytes(4, "big") + FRAME
        run("ip", "netns", "exec", namespace, sys.executable, "-c", INJECT, address, datagram.hex(), str(port))

    @property
    def received(self) -> int:
        shown = json.loads(self.inside("ip", "-j", "-s", "link", "show", "ge-0-0-0"))
        return int(shown[0]["stats64"]["rx"]["packets"])

    @property
    def dropped(self) -> int:
        shown = json.loads(self.inside("nft", "-j", "list", "counters", "table", "inet", chassisd.GUARD))
        return int(next(one["counter"]["packets"] for one in shown["nftables"] if "counter" in one))

    def stop(self) -> None:
        for name in (self.name, self.card, self.stranger):
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=10)


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    if not shutil.which("nft", path="/usr/sbin:/sbin"):
        pytest.fail("this test needs nft (apt-get install nftables)")
    made = Controller()
    try:
        yield made
    finally:
        made.stop()


def test_a_card_s_frames_come_in(controller: Controller) -> None:
    before = controller.received
    controller.inject(controller.card, "128.0.0.1")
    assert (controller.received, controller.dropped) == (before + 1, 0)


def test_a_stranger_s_do_not_at_any_address(controller: Controller) -> None:
    before, dropped = controller.received, controller.dropped
    for address in ("192.0.2.1", "128.0.0.1", "128.0.0.4"):
        controller.inject(controller.stranger, address)
    controller.inject(controller.stranger, "128.0.0.1", 4800)
    assert (controller.received, controller.dropped) == (before, dropped + 4)


def test_commits_and_restarts_keep_the_guard(controller: Controller, tmp_path: Path) -> None:
    part = firewall.render(lines(START + FILTER), Folder(str(tmp_path)))
    for rules in (part.files[firewall.RULES][0], firewall.EMPTY):
        controller.inside("nft", "-f", "-", stdin=rules)
        before = controller.received
        controller.inject(controller.stranger, "192.0.2.1")
        assert controller.received == before
    controller.prepare()
    before = controller.received
    controller.inject(controller.stranger, "192.0.2.1")
    controller.inject(controller.card, "128.0.0.1")
    assert (controller.received, controller.dropped) == (before + 1, 1)


def test_a_card_hears_the_internal_network_only() -> None:
    """A stranger at a NIC of the card, with the controller's address and before the NIC is joined to its VXLAN."""
    card, far, controller = (f"rl-{part}-{os.getpid()}" for part in ("card", "wire", "own"))

    def inject() -> int:
        """Frames that the port's VXLAN has taken since it is there, after one more from each."""
        datagram = b"\x08\0\0\0" + (vni(0, 0) << 8).to_bytes(4, "big") + FRAME
        for sender in senders:
            run("ip", "netns", "exec", sender, sys.executable, "-c", INJECT, "128.0.0.16", datagram.hex(), "4789")
        words = ["ip", "-n", card, "-j", "-s", "link", "show", "vx0"]
        return int(json.loads(subprocess.check_output(words, timeout=30))[0]["stats64"]["rx"]["packets"])

    try:
        for name in (card, far, controller):
            run("ip", "netns", "add", name)
        for near, there in (("int", controller), ("p0", far)):
            run("ip", "-n", card, "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", there)
            run("ip", "-n", there, "addr", "add", "128.0.0.1/16", "dev", "eth0")
            run("ip", "-n", there, "link", "set", "eth0", "up")
        for line in carddata.internal_commands(0) + carddata.tunnel_commands(0, 0):
            run("ip", "-n", card, *line.split())
        senders = [controller]
        assert inject() == 1
        near_mac = json.loads(subprocess.check_output(["ip", "-n", card, "-j", "link", "show", "p0"]))[0]["address"]
        run("ip", "-n", far, "neighbor", "add", "128.0.0.16", "lladdr", near_mac, "dev", "eth0")
        for path, value in becoming.SETTINGS["card"]:
            run("ip", "netns", "exec", card, "sysctl", "-qw", f"{path.replace('/', '.')}={value}")
        senders = [far, controller]
        assert inject() == 2
    finally:
        for name in (card, far, controller):
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=10)
