"""Controller: hears the cards, makes `ge-<slot>-0-<port>` of what they report, and tells them what the configuration wants.

What it knows is in /run/chassisd.json for the CLI and SNMP (docs/reference/internal-protocol.md).
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from system import links
from system.chassis import Action, Carrier, Chassis, Make, Remove
from system.ports import card_port
from system.protocol import (
    CONTROL_PORT,
    CONTROLLER,
    CONTROLLER_ADDRESSES,
    INTERNAL_MTU,
    MOST_BYTES,
    VXLAN_PORT,
    BadDatagram,
    Hello,
    PortReport,
    PortWish,
    State,
    card_address,
    decode,
    encode,
    interface,
    vni,
)

CHASSIS_FILE = Path("/run/chassisd.json")
PID_FILE = Path("/run/chassisd.pid")
DEFAULT_MTU = 1500
GUARD = "rackless-guard"
"""nftables' table that keeps the internal protocols to the internal network; the configuration's filters have another one."""
RULES = f"""table inet {GUARD}
delete table inet {GUARD}
table inet {GUARD} {{
  counter dropped {{ }}
  chain input {{
    type filter hook input priority -300; policy accept;
    iifname != "int" udp dport {{ {VXLAN_PORT}, {CONTROL_PORT} }} counter name dropped drop
  }}
}}
"""
"""The kernel takes VXLAN at every address of the machine, and the internal addresses on every interface: without this, whoever
reaches a port of the router or its management network could put frames on any port. What is routed through is not touched."""


def commands(actions: tuple[Action, ...], present: Collection[str]) -> list[str]:
    """Lines for `ip -force -batch` that carry out the actions. `present`: names of the interfaces there are; for one that is
    not there the kernel would look for a module of its name, twice."""
    lines: list[str] = []
    for action in actions:
        if isinstance(action, Make):
            name = interface(action.slot, action.report.port)
            lines += [f"link del {name}"] if name in present else []
            lines += [
                f"link add {name} address {action.report.mac} mtu {DEFAULT_MTU} type vxlan"
                f" id {vni(action.slot, action.report.port)} dev int local {CONTROLLER} remote {card_address(action.slot)}"
                f" dstport {VXLAN_PORT} nolearning",
                f"link set {name} up",
                f"link set {name} protodown {'off' if action.report.carrier else 'on'}",
            ]
        elif isinstance(action, Remove):
            name = interface(action.slot, action.port)
            lines += [f"link del {name}"] if name in present else []
        else:
            lines.append(f"link set {interface(action.slot, action.port)} protodown {'off' if action.up else 'on'}")
    return lines


class Daemon:
    def __init__(self) -> None:
        self.chassis = Chassis()
        self.sequences: dict[int, int] = {}
        self.told: dict[int, tuple[PortWish, ...]] = {}
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.control.bind((CONTROLLER, CONTROL_PORT))
        self.watch = links.monitor()

    def adopt(self) -> None:
        """Take over the interfaces of an earlier run."""
        found: dict[int, list[PortReport]] = {}
        for name in links.names():
            place = card_port(name)
            link = links.read(name) if place is not None else None
            if place is not None and link is not None:
                report = PortReport(port=place[1], mac=link.mac, mtu=link.mtu, carrier=link.carrier)
                found.setdefault(place[0], []).append(report)
        for slot, ports in found.items():
            self.chassis.adopt(slot, tuple(ports), time.monotonic())

    def act(self, actions: tuple[Action, ...]) -> None:
        if not actions:
            return
        complaint = links.batch("ip", commands(actions, links.names()), force=True)
        wrong = [line for line in complaint.splitlines() if "Cannot find device" not in line and "Command failed" not in line]
        if wrong:
            links.say(f"chassisd: {wrong[0]}")
        for action in actions:
            if isinstance(action, Make):
                links.say(f"card {action.slot} port {action.report.port}: made, carrier {action.report.carrier}")
            elif isinstance(action, Remove):
                links.say(f"card {action.slot} port {action.port}: removed")
            elif isinstance(action, Carrier):
                links.say(f"card {action.slot} port {action.port}: carrier {action.up}")

    def publish(self) -> None:
        """Write what is known for others to read, whole or not at all."""
        cards = [
            {
                "slot": card.slot,
                "state": "online",
                "boot": card.boot,
                "since": round(time.time() - time.monotonic() + card.since, 1),
                "ports": [asdict(port) for port in card.ports],
            }
            for card in sorted(self.chassis.cards.values(), key=lambda card: card.slot)
        ]
        draft = CHASSIS_FILE.with_suffix(".new")
        draft.write_text(json.dumps({"cards": cards}))
        os.replace(draft, CHASSIS_FILE)

    def wishes(self, slot: int) -> tuple[PortWish, ...]:
        """What the interfaces of a card, as the configuration has set them, ask of its NICs."""
        card = self.chassis.cards[slot]
        wanted = []
        for report in card.ports:
            link = links.read(interface(slot, report.port))
            if link is not None:
                wanted.append(PortWish(port=report.port, up=link.up, mtu=link.mtu))
        return tuple(wanted)

    def tell(self, slot: int, *, always: bool) -> None:
        ports = self.wishes(slot)
        if not always and self.told.get(slot) == ports:
            return
        self.told[slot] = ports
        state = State(slot=slot, seq=self.sequences.get(slot, 0), ports=ports)
        try:
            self.control.sendto(encode(state), (card_address(slot), CONTROL_PORT))
        except OSError as error:
            links.say(f"chassisd: card {slot} cannot be told: {error}")

    def hear(self) -> None:
        while True:
            try:
                datagram, (source, _) = self.control.recvfrom(MOST_BYTES + 1)
            except BlockingIOError:
                return
            try:
                message = decode(datagram)
            except BadDatagram as error:
                links.say(f"chassisd: datagram of {source} ignored: {error}")
                continue
            if isinstance(message, Hello) and source == card_address(message.slot):
                self.sequences[message.slot] = message.seq
                before = self.chassis.cards.get(message.slot)
                self.act(self.chassis.hello(message, source, time.monotonic()))
                now = self.chassis.cards[message.slot]
                if before is None or (before.boot, before.ports) != (now.boot, now.ports):
                    self.publish()
                self.tell(message.slot, always=True)

    def run(self) -> None:
        self.adopt()
        self.publish()
        while True:
            pause = self.chassis.next_expiry(time.monotonic())
            ready, _, _ = select.select([self.control, self.watch], [], [], pause)
            if self.control in ready:
                self.hear()
            lost = self.chassis.expire(time.monotonic())
            if lost:
                self.act(lost)
                self.publish()
            if self.watch in ready:
                links.drain(self.watch)
                for slot in self.chassis.cards:
                    self.tell(slot, always=False)


def guard() -> None:
    """Before there is an interface to protect. Made anew in one transaction, it is never absent again."""
    try:
        done = subprocess.run(["/usr/sbin/nft", "-f", "-"], input=RULES, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        links.say(f"chassisd: the internal network is not guarded: {error}")
    else:
        if done.returncode:
            links.say(f"chassisd: the internal network is not guarded: {done.stderr.strip()}")


def prepare() -> None:
    """The internal interface; repeated by a respawned daemon without harm."""
    guard()
    links.batch(
        "ip",
        [
            "link set int up",
            *links.mtu_lines("int", INTERNAL_MTU),
            *(f"address replace {address}/16 dev int" for address in CONTROLLER_ADDRESSES),
        ],
        force=True,
    )


def main() -> None:
    PID_FILE.write_text(f"{os.getpid()}\n")
    prepare()
    Daemon().run()
