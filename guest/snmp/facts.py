"""What the kernel and chassisd know of interfaces, addresses and cards, in the router's own names."""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Any

PORT = re.compile(r"ge-(\d+)-0-(\d+)\Z")
SYS = "/sys/class/net"
CHASSIS = "/run/chassisd.json"
GIGABIT = 1_000_000_000
ETHERNET_HEADER = 14
"""Junos counts it in the MTU of a physical interface ("media MTU"): kernel 1500 is 1514."""
IFF_UP, IFF_LOOPBACK = 1, 8
RTM_GETADDR, NLM_F_DUMP_REQUEST, NLMSG_DONE, NLMSG_ERROR = 22, 0x301, 3, 2
IFA_ADDRESS, IFA_LOCAL = 1, 2

Address = tuple[int, bytes, int]
"""Family, octets, prefix length."""


class Interface:
    """`card` is None for fxp0 and lo0. Speed in bit/s, MTU in bytes as Junos reports it."""

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel
        self.flags = int(_sys(kernel, "flags") or "0", 16)
        self.index = int(_sys(kernel, "ifindex") or "0")
        self.card: int | None = None
        self.port = 0
        match = PORT.match(kernel)
        if match:
            self.card, self.port = int(match[1]), int(match[2])
        self.name = {"lo": "lo0"}.get(kernel, kernel) if self.card is None else f"ge-{self.card}/0/{self.port}"
        self.mac = bytes.fromhex((_sys(kernel, "address") or "").replace(":", "")) if not self.loopback else b""
        mtu = int(_sys(kernel, "mtu") or "0")
        self.mtu = mtu if self.loopback else mtu + ETHERNET_HEADER
        self.speed = 0 if self.loopback else GIGABIT
        self.alias = _sys(kernel, "ifalias") or ""
        self.admin_up = bool(self.flags & IFF_UP)
        # protodown (a card without carrier) shows as no carrier; `unknown` is what loopbacks and some NICs say when up.
        self.oper_up = self.admin_up and (self.loopback or _sys(kernel, "carrier") == "1")
        self.addresses: list[Address] = []

    @property
    def loopback(self) -> bool:
        return bool(self.flags & IFF_LOOPBACK)

    @property
    def if_index(self) -> int:
        """A function of the name alone, so that it outlives restarts of card and controller."""
        if self.card is not None:
            return 500 + self.card * 64 + self.port
        return {"fxp0": 1, "lo0": 6}.get(self.name, 0)

    @property
    def unit_index(self) -> int:
        """ifIndex of the logical interface (unit 0), which has the addresses."""
        return {1: 13, 6: 16}.get(self.if_index, 10_000 + self.if_index)

    def count(self, what: str) -> int:
        return int(_sys(self.kernel, f"statistics/{what}") or "0")


class Card:
    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.since = 0.0
        self.ports: list[Interface] = []


def _sys(name: str, what: str) -> str | None:
    """None where the kernel has no answer: a file that is absent, or carrier of an interface that is down."""
    try:
        with open(f"{SYS}/{name}/{what}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def interfaces() -> list[Interface]:
    """Ports, fxp0 and lo0 in the order of ifIndex. One that goes away while it is read is left out."""
    found = []
    for name in os.listdir(SYS):
        if name in {"lo", "fxp0"} or PORT.match(name):
            interface = Interface(name)
            if interface.index:
                found.append(interface)
    by_kernel = {interface.index: interface for interface in found}
    for index, address in addresses():
        if index in by_kernel:
            by_kernel[index].addresses.append(address)
    return sorted(found, key=lambda interface: interface.if_index)


def addresses() -> list[tuple[int, Address]]:
    """(kernel's interface index, address) pairs out of an rtnetlink dump, IPv4 and IPv6."""
    found: list[tuple[int, Address]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
        line.settimeout(2)
        line.send(struct.pack("=LHHLLBBBBL", 24, RTM_GETADDR, NLM_F_DUMP_REQUEST, 1, 0, socket.AF_UNSPEC, 0, 0, 0, 0))
        while True:
            data = line.recv(65536)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=LH", data, at)
                if kind in {NLMSG_DONE, NLMSG_ERROR}:
                    return found
                entry = _address(data[at + 16 : at + length])
                if entry:
                    found.append(entry)
                at += (length + 3) & ~3


def _address(message: bytes) -> tuple[int, Address] | None:
    family, prefix, _, _, index = struct.unpack_from("=BBBBL", message)
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    attributes: dict[int, bytes] = {}
    at = 8
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        attributes[kind] = message[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)
    octets = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
    return (index, (family, octets, prefix)) if octets else None


def cards(chassis: str, ports: list[Interface]) -> list[Card]:
    """The cards that chassisd has; without its file, those whose ports the kernel has."""
    found: dict[int, Card] = {}
    for entry in _chassis(chassis):
        card = found.setdefault(int(entry["slot"]), Card(int(entry["slot"])))
        card.since = float(entry.get("since") or 0)
    for port in ports:
        if port.card is not None:
            found.setdefault(port.card, Card(port.card)).ports.append(port)
    return [found[slot] for slot in sorted(found)]


def _chassis(path: str) -> list[dict[str, Any]]:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
    except (OSError, ValueError):
        # Not there yet, or being written: the kernel's interfaces tell.
        return []
    return list(read.get("cards", ()))
