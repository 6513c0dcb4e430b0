"""The reference image in real guests: its own bootloader, its roles, and what passes between a controller and its cards."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import store
from rackless.images.store import Image
from tests.machines.reference_vm import MAC, Vm

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def image() -> Image:
    return store.find(settings.load().images, "reference")


PASSWORD = "$6$salt$egUxKNxDs8kPfh8iPMNcosMhb2eWah6d3R44JDm5Rj/j/XWR5E33QPd0YmHXoDHOIDR6kL5D3JcQcz0O8FHE00"
"""A crypt(5) hash of \"secret\"."""


class Chassis:
    """A controller and two cards with two ports each. The far ends of all wires are sockets of this test."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.folder = folder
        extra: list[str] = []
        for slot in (0, 1):
            link = self.dgram(f"vcp{slot}", f"vfp{slot}")
            extra += ["-netdev", f"{link},id=up{slot}", "-netdev", f"hubport,id=hub{slot},hubid=1,netdev=up{slot}"]
        self.controller = Vm(
            folder, "vcp", image, [("hubport,hubid=9", MAC.format(0, 0, 0)), ("hubport,hubid=1", MAC.format(0, 0, 1))]
        )
        self.controller.extra = extra
        self.wires: dict[tuple[int, int], socket.socket] = {}
        self.cards = [self.card(slot, image) for slot in (0, 1)]

    def dgram(self, here: str, there: str) -> str:
        local, remote = self.folder / here, self.folder / there
        return f"dgram,local.type=unix,local.path={local},remote.type=unix,remote.path={remote}"

    def card(self, slot: int, image: Image) -> Vm:
        nics = [("hubport,hubid=9", self.mac(slot, 0)), (self.dgram(f"vfp{slot}", f"vcp{slot}"), self.mac(slot, 1))]
        for port in (0, 1):
            wire = self.wires[slot, port] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            wire.bind(str(self.folder / f"far{slot}{port}"))
            wire.settimeout(15)
            nics.append((self.dgram(f"near{slot}{port}", f"far{slot}{port}"), self.mac(slot, 2 + port)))
        return Vm(self.folder, f"vfp{slot}", image, nics, memory=128)

    @staticmethod
    def mac(slot: int, nic: int) -> str:
        return MAC.format(1, slot, nic)

    def start_card(self, slot: int) -> dict[str, object]:
        self.cards[slot].start()
        return self.name_card(slot)

    def name_card(self, slot: int) -> dict[str, object]:
        return self.cards[slot].identify("card", slot, ["mgmt0", "int", f"ge-{slot}/0/0", f"ge-{slot}/0/1"])

    def configure(self, *statements: str) -> None:
        """Commit statements. The router puts back what is set behind its back, so a test that wants a state configures it."""
        password = f'set system root-authentication encrypted-password "{PASSWORD}"'
        commands = "; ".join(["configure", password, *statements, "commit and-quit"])
        told = self.controller.shell(f"cli -c '{commands}'", 60)
        assert "commit complete" in told, told

    def inject(self, slot: int, port: int, frame: bytes) -> None:
        self.wires[slot, port].sendto(frame, str(self.folder / f"near{slot}{port}"))

    def comes_out(self, slot: int, port: int, frame: bytes) -> bool:
        """The frame arrives at the far end; others before it are let pass."""
        return any(self.wires[slot, port].recv(20000) == frame for _ in range(50))


@pytest.fixture(scope="module")
def chassis(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chassis]:
    chassis = Chassis(tmp_path_factory.mktemp("c"), image)
    machines = [chassis.controller, *chassis.cards]
    try:
        for machine in machines:
            machine.start()
        answers = [chassis.controller.identify("controller", None, ["fxp0", "int"]), chassis.name_card(0), chassis.name_card(1)]
        assert all(answer["ok"] for answer in answers), answers
        chassis.controller.log_in()
        for slot in (0, 1):
            chassis.controller.wait_for("ifconfig -a", rf"ge-{slot}-0-1: ", 120)
        yield chassis
    finally:
        for machine in machines:
            machine.kill()
        for wire in chassis.wires.values():
            wire.close()


def test_the_disk_boots_by_itself_and_nobody_makes_it_a_controller(image: Image, tmp_path: Path) -> None:
    machine = Vm(tmp_path, "Amnesiac", image, [], direct=False, channel=False)
    machine.start()
    try:
        assert "Amnesiac (ttyS0)" in machine.console.until(r"Amnesiac login: ", 120)
        machine.console.send(b"root\n")
        machine.console.until(r"root@Amnesiac:~ # ", 60)
        assert "sshd" not in machine.shell("ps -e")
        assert "PUBLIC" not in machine.shell("grep -r public /etc/snmp /var/lib/snmp | tr a-z A-Z")
        assert "this machine is controller" in machine.shell("dmesg")
    finally:
        machine.kill()


def test_every_port_shows_on_the_controller_with_its_cards_mac(chassis: Chassis) -> None:
    shown = chassis.controller.shell("ip -o link")
    for slot in (0, 1):
        for port in (0, 1):
            line = next(line for line in shown.splitlines() if f"ge-{slot}-0-{port}:" in line)
            assert chassis.mac(slot, 2 + port) in line
            assert "LOWER_UP" in line
    status = chassis.controller.ask("status")
    assert status["ready"] is True
    assert [port["label"] for port in status["ports"]] == ["ge-0/0/0", "ge-0/0/1", "ge-1/0/0", "ge-1/0/1"]  # type: ignore[attr-defined]


def test_identity_is_taken_once(chassis: Chassis) -> None:
    first = chassis.name_card(0)
    assert first["ok"] is True
    assert chassis.name_card(0)["host_keys"] == first["host_keys"]
    other = chassis.cards[0].identify("card", 3, ["mgmt0", "int", "ge-3/0/0", "ge-3/0/1"])
    assert other["ok"] is False
    assert "card 0 already" in str(other["error"])
    refused = chassis.controller.ask("run", argv=["true"], stdin="", deadline=5)
    assert refused["ok"] is False
    done = chassis.cards[0].ask("run", argv=["ip", "-4", "-o", "addr", "show", "int"], stdin="", deadline=20)
    assert "128.0.0.16/16" in str(done["out"])


def ethernet(to: str, kind: int, payload: bytes) -> bytes:
    head = bytes.fromhex(to.replace(":", "") + "520000009999") + struct.pack("!H", kind)
    return (head + payload).ljust(60, b"\0")


FRAMES = {
    "lldp": ethernet("01:80:c2:00:00:0e", 0x88CC, b"\x02\x07\x04\x52\0\0\0\x99\x99\x04\x02\x07p\x06\x02\0\x78\0\0"),
    "lacp": ethernet("01:80:c2:00:00:02", 0x8809, b"\x01\x01" + bytes(108)),
    "stp": ethernet("01:80:c2:00:00:00", 0x0026, b"\x42\x42\x03" + bytes(35)),
    "vlan": ethernet("52:00:00:00:77:77", 0x8100, b"\x00\x64\x08\x00" + bytes(80)),
    "priority": ethernet("52:00:00:00:77:77", 0x8100, b"\xe0\x00\x08\x00" + bytes(80)),
    "qinq": ethernet("52:00:00:00:77:77", 0x88A8, b"\x00\x64\x81\x00\x00\x0a\x08\x00" + bytes(80)),
    "mpls": ethernet("52:00:00:00:77:77", 0x8847, b"\x00\x01\x01\xff" + bytes(80)),
    "isis": ethernet("01:80:c2:00:00:14", 0x0030, b"\xfe\xfe\x03\x83" + bytes(44)),
    "jumbo": ethernet("52:00:00:00:77:77", 0x0800, b"\x45" + bytes(range(256)) * 35 + bytes(39)),
    "foreign": ethernet("02:aa:bb:cc:dd:ee", 0x0800, b"\x45" + bytes(63)),
}


def test_frames_of_every_kind_pass_both_ways_unchanged(chassis: Chassis) -> None:
    """In at a port of card 0, through the controller, out at a port of card 1, and back: all four tunnels' directions."""
    vcp = chassis.controller
    chassis.configure("set interfaces ge-0/0/0 mtu 9192", "set interfaces ge-1/0/0 mtu 9192")
    for here, there in (("ge-0-0-0", "ge-1-0-0"), ("ge-1-0-0", "ge-0-0-0")):
        vcp.shell(f"tc qdisc replace dev {here} ingress")
        vcp.shell(
            f"tc filter replace dev {here} parent ffff: protocol all prio 1 handle 1 matchall"
            f" action mirred egress redirect dev {there}"
        )
    for slot in (0, 1):
        chassis.cards[slot].ask("run", argv=["sh", "-c", wait_for_mtu(9178)], stdin="", deadline=20)
    for name, frame in FRAMES.items():
        for here, there in ((0, 1), (1, 0)):
            chassis.inject(here, 0, frame)
            assert chassis.comes_out(there, 0, frame), (name, here)


def wait_for_mtu(mtu: int) -> str:
    return f"until [ $(cat /sys/class/net/p0/mtu) = {mtu} ]; do sleep 0.1; done"


def test_mtu_and_disable_on_the_controller_reach_the_cards_nic(chassis: Chassis) -> None:
    chassis.configure("set interfaces ge-1/0/1 mtu 4014", "set interfaces ge-1/0/1 disable")
    script = "until [ $(cat /sys/class/net/p1/mtu) = 4000 ] && ip link show p1 | grep -q 'state DOWN'; do sleep 0.1; done"
    done = chassis.cards[1].ask("run", argv=["sh", "-c", script], stdin="", deadline=20)
    assert done.get("code") == 0, done
    chassis.configure("delete interfaces ge-1/0/1 disable")
    chassis.controller.wait_for("ip link show ge-1-0-1", "LOWER_UP", 20)


def test_carrier_follows_the_wire(chassis: Chassis) -> None:
    chassis.cards[1].qmp("set_link", name="nic2", up=False)
    chassis.controller.wait_for("ip link show ge-1-0-0", "NO-CARRIER", 10)
    assert "LOWER_UP" in chassis.controller.shell("ip link show ge-1-0-1")
    chassis.cards[1].qmp("set_link", name="nic2", up=True)
    chassis.controller.wait_for("ip link show ge-1-0-0", "LOWER_UP", 10)


def test_a_killed_daemon_comes_back_and_the_interfaces_stay(chassis: Chassis) -> None:
    vcp = chassis.controller
    index = vcp.shell("cat /sys/class/net/ge-0-0-1/ifindex").split()[-2]
    old = vcp.shell("cat /run/chassisd.pid").split()[-2]
    vcp.shell("kill -9 $(cat /run/chassisd.pid)")
    vcp.wait_for(f"[ $(cat /run/chassisd.pid) != {old} ] && grep -c online.*online /run/chassisd.json", r"(?m)^1$", 20)
    # Both cards have been heard by the new one once their boot ids are known.
    vcp.wait_for("cat /run/chassisd.json", r'"boot": "[0-9a-f-]{36}".*"boot": "[0-9a-f-]{36}"', 20)
    assert vcp.shell("cat /sys/class/net/ge-0-0-1/ifindex").split()[-2] == index


def test_a_lost_card_takes_its_interfaces_along_and_brings_them_back(chassis: Chassis) -> None:
    keys = chassis.name_card(1)["host_keys"]
    chassis.cards[1].kill()
    chassis.controller.wait_for("ls /sys/class/net | grep -c ge-1-", r"(?m)^0$", 20)
    assert "ge-0-0-1" in chassis.controller.shell("ls /sys/class/net")
    chassis.cards[1].start()
    # Nobody tells it again who it is: it has kept that.
    chassis.controller.wait_for("ip -o link", rf"ge-1-0-1: .*LOWER_UP.*{chassis.mac(1, 3)}", 150)
    assert chassis.name_card(1)["host_keys"] == keys


def test_a_host_has_its_addresses_and_a_shell(image: Image, tmp_path: Path) -> None:
    nics = [("user,restrict=on", MAC.format(2, 0, 0)), ("hubport,hubid=3", MAC.format(2, 0, 1))]
    machine = Vm(tmp_path, "client", image, nics, memory=128)
    machine.start()
    try:
        answer = machine.identify(
            "host",
            None,
            ["eth0", "eth1"],
            addresses=[{"label": "eth1", "address": "192.0.2.2/24"}],
            routes=[{"to": "198.51.100.0/24", "via": "192.0.2.1"}],
            authorized_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP0000000000000000000000000000000000000000000 test",
        )
        assert answer["ok"] is True
        assert str(answer["host_keys"][0]).startswith("ssh-ed25519 ")  # type: ignore[index]
        routes = machine.ask("run", argv=["ip", "route"], stdin="", deadline=20)
        assert "198.51.100.0/24 via 192.0.2.1 dev eth1" in str(routes["out"])
        script = "until [ -e /run/sshd.pid ]; do sleep 0.1; done; cat; stat -c %a /root/.ssh/authorized_keys"
        done = machine.ask("run", argv=["sh", "-c", script], stdin="given\n", deadline=20)
        assert done["out"] == "given\n600\n"
        assert machine.ask("status")["ready"] is True
        machine.ask("power-off")
        assert machine.process is not None
        assert machine.process.wait(30) == 0
    finally:
        machine.kill()
