"""Card: joins each traffic NIC `p<N>` and its VXLAN to the controller, says hello, and does what the controller wants.

NIC and VXLAN are joined by tc mirred redirect in both directions: a bridge would swallow LLDP and LACP.
"""

from __future__ import annotations

import select
import socket
import subprocess
import time
from pathlib import Path

from system import links
from system.identity import kept
from system.protocol import (
    CONTROL_PORT,
    CONTROLLER,
    INTERNAL_MTU,
    MOST_BYTES,
    VXLAN_PORT,
    WIRE_MTU,
    BadDatagram,
    Hello,
    PortReport,
    State,
    card_address,
    decode,
    encode,
    vni,
)

HELLO_EVERY = 1.0
TUNNEL_MTU = 9550
"""INTERNAL_MTU less 50 bytes of IPv4, UDP, VXLAN and inner Ethernet headers."""
READY_FILE = Path("/run/rackless/carddata.ready")
"""There once the controller has answered a hello of this run."""


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def internal_commands(slot: int) -> list[str]:
    return ["link set int up", *links.mtu_lines("int", INTERNAL_MTU), f"address replace {card_address(slot)}/16 dev int"]


def tunnel_commands(slot: int, port: int) -> list[str]:
    """`ip` lines for one port. Promiscuous, or the NIC would drop frames for MACs and VLANs that aren't the card's own."""
    return [
        f"link add vx{port} mtu {TUNNEL_MTU} type vxlan id {vni(slot, port)} dev int local {card_address(slot)}"
        f" remote {CONTROLLER} dstport {VXLAN_PORT} nolearning",
        f"link set vx{port} up",
        f"link set p{port} promisc on up",
        *links.mtu_lines(f"p{port}", WIRE_MTU),
    ]


def join_commands(port: int, tag: int | None = None) -> list[str]:
    """`tc` lines for one port. With a tag, only frames that have it come in, without; those that go get it."""
    lines = []
    off, on = ("", "") if tag is None else (" action vlan pop pipe", f" action vlan push id {tag} pipe")
    match = "protocol all prio 1 handle 1 matchall" if tag is None else f"protocol 802.1q prio 1 handle 1 flower vlan_id {tag}"
    for here, there, which, change in (
        (f"p{port}", f"vx{port}", match, off),
        (f"vx{port}", f"p{port}", "protocol all prio 1 handle 1 matchall", on),
    ):
        lines += [
            f"qdisc add dev {here} ingress",
            f"filter add dev {here} parent ffff: {which}{change} action mirred egress redirect dev {there}",
        ]
    return lines


def part_commands(port: int) -> list[str]:
    """`tc` lines that undo `join_commands`; one end may be another interface than it was, with nothing to undo."""
    return [f"qdisc del dev {name}{port} ingress" for name in ("p", "vx")]


def join(ports: list[int], tag: int | None, *, again: bool) -> None:
    """`again`: some were joined before. The kernel replaces no filter that matches all (EEXIST, net/sched/cls_matchall.c), and
    one whose target was unplugged drops what it gets."""
    if again:
        links.batch("tc", [line for port in ports for line in part_commands(port)], force=True)
    trouble = links.batch("tc", [line for port in ports for line in join_commands(port, tag)], force=True)
    if trouble:
        links.say(f"carddata: ports are not joined: {trouble.splitlines()[0]}")


def keep_tags(port: int) -> None:
    """Have a NIC leave VLAN tags alone: emulated and real ones take them off and put others on, and lose some (802.1ad, VLAN 0).

    virtio's has no such ability, and running ethtool takes a good part of a card's start under emulation.
    """
    driver = Path(f"/sys/class/net/p{port}/device/driver").resolve().name
    if driver != "virtio_net":
        command = ["/usr/sbin/ethtool", "-K", f"p{port}", "rxvlan", "off", "txvlan", "off"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            links.say(f"p{port} ({driver}) may change VLAN tags: {done.stderr.strip()}")


def nics() -> dict[int, str]:
    """The kernel's index of each traffic NIC: another one when it was plugged in anew."""
    names = [name for name in links.names() if name[0] == "p" and name[1:].isdigit()]
    return {int(name[1:]): links.index(name) for name in names}


class Card:
    def __init__(self, slot: int, tag: int | None = None) -> None:
        self.slot = slot
        self.tag = tag
        self.boot = boot_id()
        self.seq = 0
        self.last: tuple[PortReport, ...] = ()
        self.joined = nics()
        self.numbers = sorted(self.joined)
        self.control: socket.socket | None = None
        self.watch = links.monitor()

    def prepare(self) -> None:
        """All interfaces and their joints. Repeated by a respawned daemon without harm."""
        links.batch("ip", internal_commands(self.slot), force=True)
        fresh = [port for port in self.numbers if links.read(f"vx{port}") is None]
        links.batch("ip", [line for port in fresh for line in tunnel_commands(self.slot, port)], force=True)
        join(self.numbers, self.tag, again=fresh != self.numbers)
        for port in self.numbers:
            keep_tags(port)
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.control.bind((card_address(self.slot), CONTROL_PORT))

    def join_plugged(self) -> None:
        """Ports whose NIC came while the card runs, or is another one than before: some places wire by plugging NICs."""
        there = nics()
        new = sorted(port for port, index in there.items() if self.joined.get(port) != index)
        self.joined = there
        if not new:
            return
        self.numbers = sorted({*self.numbers, *new})
        lines = []
        for port in new:
            mine = tunnel_commands(self.slot, port)
            lines += mine if links.read(f"vx{port}") is None else mine[2:]
        links.batch("ip", lines, force=True)
        join(new, self.tag, again=True)
        for port in new:
            keep_tags(port)
        links.say(f"carddata: plugged in: {' '.join(f'p{port}' for port in new)}")

    def reports(self) -> tuple[PortReport, ...]:
        found = []
        for port in self.numbers:
            link = links.read(f"p{port}")
            if link is not None:
                found.append(PortReport(port=port, mac=link.mac, mtu=link.mtu, carrier=link.carrier))
        return tuple(found)

    def hello(self, ports: tuple[PortReport, ...]) -> None:
        assert self.control is not None
        self.seq += 1
        self.last = ports
        try:
            self.control.sendto(
                encode(Hello(slot=self.slot, boot=self.boot, seq=self.seq, ports=ports)), (CONTROLLER, CONTROL_PORT)
            )
        except OSError as error:
            links.say(f"carddata: no way to the controller: {error}")

    def hear(self) -> None:
        assert self.control is not None
        while True:
            try:
                datagram, (source, _) = self.control.recvfrom(MOST_BYTES + 1)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            try:
                message = decode(datagram)
            except BadDatagram as error:
                links.say(f"carddata: datagram of {source} ignored: {error}")
                continue
            if source == CONTROLLER and isinstance(message, State) and message.slot == self.slot:
                self.follow(message)
                if not READY_FILE.exists():
                    READY_FILE.touch()

    def follow(self, state: State) -> None:
        """Set the NICs as the controller wants them, if they aren't yet."""
        lines = []
        for wish in state.ports:
            link = links.read(f"p{wish.port}")
            if link is None:
                continue
            mtu = min(wish.mtu, WIRE_MTU)
            if link.mtu != mtu:
                lines += links.mtu_lines(f"p{wish.port}", mtu)
            if link.up != wish.up:
                lines.append(f"link set p{wish.port} {'up' if wish.up else 'down'}")
        links.batch("ip", lines, force=True)

    def run(self) -> None:
        self.prepare()
        assert self.control is not None
        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                self.hello(self.reports())
                due = now + HELLO_EVERY
            ready, _, _ = select.select([self.control, self.watch], [], [], max(0.0, due - now))
            if self.control in ready:
                self.hear()
            if self.watch in ready:
                links.drain(self.watch)
                self.join_plugged()
                ports = self.reports()
                if ports != self.last:
                    self.hello(ports)


def main() -> None:
    identity = kept()
    if identity is None or identity.slot is None:
        raise SystemExit("carddata: this machine has no slot")
    Card(identity.slot, identity.tag).run()
