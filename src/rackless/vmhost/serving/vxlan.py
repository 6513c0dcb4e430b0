"""Carries wires to other hosts: a program of its own that outlives the agent, so that frames flow while that is replaced.

Ethernet frames come from QEMU by a unix datagram socket a wire, and go to the other host as VXLAN (RFC 7348): an 8-octet header
with the wire's VNI, in UDP. What comes from there is let in only from the address that the wire's other end has.

Arguments: path of the control socket, IP address and UDP port to send from and to listen at. The control socket (SOCK_SEQPACKET)
takes one JSON object and answers one:

    {"do": "wire", "vni": 5001, "local": PATH, "remote": PATH, "peer": [ADDRESS, PORT]}    local: bound here; remote: QEMU's
    {"do": "unwire", "vni": 5001}
    {"do": "allow", "nonce": HEX}                      probes with this nonce are answered for a minute
    {"do": "probe", "nonce": HEX, "peer": [ADDRESS, PORT], "octets": 9554}    octets of IP: did a packet so long come back?
    {"do": "status"}                                   {"wires": {VNI: {"sent", "received", "dropped"}}}
    {"do": "end"}

No packet is fragmented, ever: the UDP socket has the don't-fragment bit set, and does not listen to what others say of the path
(IP_PMTUDISC_PROBE, ip(7)). Probes have a VNI that no wire has. Imports nothing of ours and little else, to start in 30 ms.
"""

import contextlib
import errno
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

Peer = tuple[str, int]

HEADER = bytes([0x08, 0, 0, 0])
"""Flags of a VXLAN header whose VNI is valid, and what is reserved."""
PROBE_VNI = 0xFFFFFF
ASKS, ANSWERS = b"rackless-probe?", b"rackless-probe!"
ALLOWED = 60.0
BURST = 64
"""Frames that are taken from one socket before another has its turn."""
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3
"""linux/in.h, linux/in6.h"""
ROOM = 4 << 20
"""Octets of socket buffers: a burst of jumbo frames of several wires."""


class Wire:
    def __init__(self, vni: int, local: str, remote: str, peer: Peer) -> None:
        self.vni, self.local, self.remote, self.peer = vni, local, remote, peer
        self.header = HEADER + vni.to_bytes(3, "big") + b"\0"
        self.sent = self.received = self.dropped = 0
        self.end = bound(local)

    def same(self, local: str, remote: str, peer: Peer) -> bool:
        return (self.local, self.remote, self.peer) == (local, remote, peer) and os.path.exists(local)

    def close(self) -> None:
        self.end.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.local)


def bound(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    end.bind(path)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return end


def udp(address: str, port: int) -> tuple[socket.socket, int]:
    """The socket, and the octets of its headers."""
    six = ":" in address
    end = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if six:
        end.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
    else:
        end.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    end.bind((address, port))
    return end, 48 if six else 28


class Carrier:
    def __init__(self, control: str, address: str, port: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.udp, self.around = udp(address, port)
        self.wires: dict[int, Wire] = {}
        self.allowed: dict[str, float] = {}
        self.echoed: set[tuple[str, int]] = set()
        self.room = bytearray(65536)
        self.view = memoryview(self.room)
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(control)
        before = os.umask(0o177)
        self.control.bind(control)
        os.umask(before)
        self.control.listen(8)
        self.path = control
        self.ended = False
        self.selector.register(self.udp, selectors.EVENT_READ, self.from_network)
        self.selector.register(self.control, selectors.EVENT_READ, self.come)

    def run(self) -> None:
        while not self.ended:
            for key, _ in self.selector.select():
                key.data()
        for wire in self.wires.values():
            wire.close()
        os.unlink(self.path)

    def from_guest(self, wire: Wire) -> None:
        view, send, receive, peer = self.view, self.udp.sendto, wire.end.recv_into, wire.peer
        view[:8] = wire.header
        frame = view[8:]
        for _ in range(BURST):
            try:
                size = receive(frame)
            except BlockingIOError:
                return
            try:
                send(view[: 8 + size], peer)
                wire.sent += 1
            except OSError:
                wire.dropped += 1

    def from_network(self) -> None:
        view, receive, wires = self.view, self.udp.recvfrom_into, self.wires
        for _ in range(BURST):
            try:
                size, peer = receive(self.room)
            except BlockingIOError:
                return
            except OSError:
                continue  # what an earlier packet met with (ECONNREFUSED)
            if size < 8 or not view[0] & 0x08:
                continue
            vni = int.from_bytes(view[4:7], "big")
            wire = wires.get(vni)
            if wire is None:
                if vni == PROBE_VNI:
                    self.probed(bytes(view[8:size]), peer)
                continue
            if peer[0] != wire.peer[0]:
                continue
            try:
                wire.end.sendto(view[8:size], wire.remote)
                wire.received += 1
            except OSError:
                wire.dropped += 1

    # Probes

    def probed(self, data: bytes, peer: Peer) -> None:
        kind, nonce = data[: len(ASKS)], data[len(ASKS) : len(ASKS) + 16].hex()
        if kind == ANSWERS:
            self.echoed.add((nonce, len(data)))
        elif kind == ASKS and self.allowed.get(nonce, 0) > time.monotonic():
            self.send_probe(ANSWERS, nonce, len(data), peer)

    def send_probe(self, kind: bytes, nonce: str, size: int, peer: Peer) -> bool:
        packet = HEADER + PROBE_VNI.to_bytes(3, "big") + b"\0" + kind + bytes.fromhex(nonce)
        try:
            self.udp.sendto(packet + bytes(8 + size - len(packet)), peer)
        except OSError as error:
            return error.errno != errno.EMSGSIZE
        return True

    def probe(self, nonce: str, peer: Peer, octets: int) -> bool:
        """A packet of so many octets of IP is sent; whether it came back is asked later: {"do": "echoed"}."""
        return self.send_probe(ASKS, nonce, octets - self.around - 8, peer)

    # Control

    def come(self) -> None:
        try:
            end, _ = self.control.accept()
        except BlockingIOError:
            return
        end.setblocking(False)
        self.selector.register(end, selectors.EVENT_READ, lambda: self.told(end))

    def told(self, end: socket.socket) -> None:
        try:
            data = end.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(end)
            end.close()
            return
        try:
            answer = self.answer(json.loads(data))
        except (ValueError, KeyError, TypeError, OSError) as error:
            answer = {"error": str(error)}
        with contextlib.suppress(OSError):
            end.send(json.dumps(answer).encode())

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        do = asked["do"]
        if do == "wire":
            self.add(int(asked["vni"]), asked["local"], asked["remote"], tuple(asked["peer"]))
        elif do == "unwire":
            self.drop(int(asked["vni"]))
        elif do == "allow":
            now = time.monotonic()
            self.allowed = {nonce: until for nonce, until in self.allowed.items() if until > now}
            self.allowed[asked["nonce"]] = now + ALLOWED
        elif do == "probe":
            return {"sent": self.probe(asked["nonce"], tuple(asked["peer"]), int(asked["octets"]))}
        elif do == "echoed":
            return {"echoed": (asked["nonce"], int(asked["octets"]) - self.around - 8) in self.echoed}
        elif do == "end":
            self.ended = True
        return {"wires": {wire.vni: {"sent": wire.sent, "received": wire.received, "dropped": wire.dropped}
                          for wire in self.wires.values()}}  # fmt: skip

    def add(self, vni: int, local: str, remote: str, peer: Peer) -> None:
        known = self.wires.get(vni)
        if known is not None:
            if known.same(local, remote, peer):
                return
            self.drop(vni)
        wire = self.wires[vni] = Wire(vni, local, remote, peer)
        self.selector.register(wire.end, selectors.EVENT_READ, lambda: self.from_guest(wire))

    def drop(self, vni: int) -> None:
        wire = self.wires.pop(vni, None)
        if wire is not None:
            self.selector.unregister(wire.end)
            wire.close()


if __name__ == "__main__":
    Carrier(sys.argv[1], sys.argv[2], int(sys.argv[3])).run()
