"""Who answers at the virtual address, looked at every EVERY seconds from the client's place: by ARP (RFC 826), as every machine
on the segment finds it, and by a TCP connection to its web port.

`python holders.py CARD ADDRESS PORT` at the client's place: a line a look: monotonic moment, whether the port took a connection
within that look, and the hardware addresses that answered, or `-`.

It asks under a hardware address that nobody has (RFC 5227, a probe): what this client's kernel believes is left as it is, else
two that answer would have its connections in turns.
"""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.1
"""Seconds: that is how finely the moves of the address are known."""
ARP, ASKS, ANSWERS = 0x0806, 1, 2
NOBODY = bytes.fromhex("0299000000fe")
PACKET, MEMBERSHIP, PROMISCUOUS = 263, 1, 1
"""packet(7): SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC."""


@dataclass(frozen=True)
class Look:
    at: float
    connects: bool
    macs: frozenset[str]


class Holders:
    """Use as a context. `command`: what runs words at the client's place."""

    def __init__(self, command: Sequence[str], file: Path, address: str) -> None:
        self.file = file
        self.output = file.open("w")
        words = [*command, sys.executable, str(Path(__file__)), "br0", address, "443"]
        self.process = subprocess.Popen(words, stdout=self.output, start_new_session=True)

    def __enter__(self) -> Holders:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        self.output.close()

    def looks(self, since: float = 0.0) -> list[Look]:
        found = []
        for line in self.file.read_text().splitlines(keepends=True):
            words = line.split()
            if len(words) == 3 and line.endswith("\n") and float(words[0]) >= since:
                macs = frozenset() if words[2] == "-" else frozenset(words[2].split(","))
                found.append(Look(float(words[0]), words[1] == "1", macs))
        return found

    def away(self, since: float, until: float) -> float:
        """The longest time in there in which nobody took a connection."""
        moments = [since, *(look.at for look in self.looks(since) if look.connects and look.at <= until), until]
        return max(after - before for before, after in itertools.pairwise(moments))

    def doubled(self, since: float, until: float) -> float:
        """Seconds in there in which two answered for it."""
        looks = [look for look in self.looks(since) if look.at <= until]
        return sum(two.at - one.at for one, two in itertools.pairwise(looks) if len(one.macs) > 1)


def _question(address: bytes) -> bytes:
    frame = struct.pack("!6s6sH", b"\xff" * 6, NOBODY, ARP)
    return frame + struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, ASKS, NOBODY, bytes(4), bytes(6), address)


def _answered(frame: bytes, address: bytes) -> str:
    """The hardware address of whoever says there that the address is its own; else empty."""
    if len(frame) < 42 or struct.unpack("!H", frame[12:14])[0] != ARP:
        return ""
    kind, mac, sender = struct.unpack("!H6s4s", frame[20:32])
    return mac.hex(":") if kind == ANSWERS and sender == address else ""


def main(card: str, address: str, port: int) -> None:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
    wire.bind((card, 0))
    wire.setsockopt(PACKET, MEMBERSHIP, struct.pack("iHH8s", socket.if_nametoindex(card), PROMISCUOUS, 0, bytes(8)))
    wanted = socket.inet_aton(address)
    while True:
        began = time.monotonic()
        wire.send(_question(wanted))
        trying = socket.socket()
        trying.settimeout(EVERY)
        connects = not trying.connect_ex((address, port))
        trying.close()
        macs = set()
        while (left := began + EVERY - time.monotonic()) > 0:
            wire.settimeout(left)
            try:
                macs.add(_answered(wire.recv(100), wanted))
            except TimeoutError:
                break
        print(began, int(connects), ",".join(sorted(macs - {""})) or "-", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
