"""Frames into one datagram socket of a wire and out of another: how many a second, and how long each is under way.

Both ends are sockets of this process, so one clock times a frame from its sending to its coming. An end says what a neighbour on
Ethernet says, too: it answers ARP, and throws away what is not the bench's.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import statistics
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMES = 20.0
"""Seconds until the first frame has to be through: whoever is in between may have to find its neighbour first."""
LOST = 0.5
"""Seconds without any frame after which those under way are taken for lost."""
LATE = 5.0
"""Seconds after which a frame is taken for lost when it is that which is asked: who is in between may wait for a processor."""
MOST = 1 << 16
MAGIC = slice(42, 50)
"""Behind the headers of Ethernet, IPv4 and UDP: which flow it is of, and then the frame's number in it."""
NUMBER = slice(50, 58)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Who sends to whom: MAC addresses of the sender and of the next hop, IPv4 addresses."""

    source_mac: str = "52:00:00:00:00:0a"
    next_mac: str = "52:00:00:00:00:01"
    source: str = "192.0.2.10"
    to: str = "192.0.2.138"

    def head(self, octets: int) -> bytes:
        """Of frames of so many octets without their checksum, up to their number."""
        addresses = socket.inet_aton(self.source) + socket.inet_aton(self.to)
        fields = struct.pack("!BBHHHBBH", 0x45, 0, octets - 14, 0, 0x4000, 64, socket.IPPROTO_UDP, 0) + addresses
        total = sum(struct.unpack("!10H", fields))
        total = (total & 0xFFFF) + (total >> 16)
        check = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        # The discard port, and no checksum of UDP (RFC 768).
        ports = struct.pack("!HHHH", 9, 9, octets - 34, 0)
        ethernet = _mac(self.next_mac) + _mac(self.source_mac) + b"\x08\x00"
        return ethernet + fields[:10] + struct.pack("!H", check) + fields[12:] + ports + os.urandom(8)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """`frames`: a second that came through. `sent` and `came`: in all. `work`: seconds of processor time in between."""

    frames: float
    work: float
    sent: int
    came: int


@dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds of a frame alone."""

    median: float
    p99: float
    lost: int


class End:
    """A socket at `here` that speaks with whoever is at `there`."""

    def __init__(self, here: Path, there: Path, mac: str) -> None:
        self.mac = mac
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        here.unlink(missing_ok=True)
        self.socket.bind(str(here))
        self._here = here
        end = time.monotonic() + COMES
        while True:
            try:
                self.socket.connect(str(there))
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def close(self) -> None:
        self.socket.close()
        self._here.unlink(missing_ok=True)

    def send(self, frame: bytes) -> bool:
        """False: the other one's queue is full."""
        try:
            self.socket.send(frame)
        except BlockingIOError:
            return False
        return True

    def take(self) -> Iterator[bytes]:
        """What has come by now; who asks for this end's address is answered."""
        while True:
            try:
                frame = self.socket.recv(MOST)
            except BlockingIOError:
                return
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\x01":
                mine = _mac(self.mac)
                answer = frame[6:12] + mine + frame[12:20] + b"\0\x02" + mine + frame[38:42] + frame[22:32]
                with contextlib.suppress(BlockingIOError):
                    self.socket.send(answer)
            yield frame


class Way:
    """From one end to the other, which are closed by whoever has made them. `pids`: of the processes that are in between."""

    def __init__(self, into: End, out: End, flow: Flow, pids: tuple[int, ...] = ()) -> None:
        self._into, self._out, self._flow = into, out, flow
        self.pids = pids
        self._both = select.poll()
        self._both.register(into.socket, select.POLLIN)
        self._both.register(out.socket, select.POLLIN)

    def open(self, octets: int) -> None:
        """Frames of that length come through, and none is under way. Raises TimeoutError: they do not."""
        head = self._flow.head(octets)
        end, sent = time.monotonic() + COMES, 0
        while time.monotonic() < end:
            sent += self._into.send(_whole(head, sent, octets))
            if came := len(self._came(head[MAGIC], LOST)):
                while came < sent and (fresh := self._came(head[MAGIC], LOST)):
                    came += len(fresh)
                return
        raise TimeoutError(f"No frame of {octets} octets came through in {COMES:g} s.")

    def count(self, octets: int, *, span: float, window: int) -> Counted:
        """With as many frames under way as `window` says, for `span` seconds, or until the first has come."""
        head = self._flow.head(octets)
        sent = came = under_way = 0
        worked, began = work(self.pids), time.perf_counter()
        heard = began
        self._both.modify(self._into.socket, select.POLLIN | select.POLLOUT)
        try:
            while (now := time.perf_counter()) < began + span or (not came and now < began + span + COMES):
                while under_way < window and self._into.send(_whole(head, sent, octets)):
                    sent, under_way = sent + 1, under_way + 1
                more = select.POLLOUT if under_way < window else 0
                self._both.modify(self._into.socket, select.POLLIN | more)
                if fresh := self._came(head[MAGIC], LOST / 10):
                    came, under_way, heard = came + len(fresh), under_way - len(fresh), now
                elif now > heard + LOST:
                    under_way, heard = 0, now
            seconds = time.perf_counter() - began
            rate = came / seconds
        finally:
            self._both.modify(self._into.socket, select.POLLIN)
        while came < sent and (fresh := self._came(head[MAGIC], LATE)):
            came += len(fresh)
        return Counted(frames=rate, sent=sent, came=came, work=work(self.pids) - worked)

    def time(self, octets: int, *, span: float) -> Took:
        """One frame after the other."""
        head = self._flow.head(octets)
        took: list[float] = []
        sent = 0
        ends_at = time.perf_counter() + span
        while not took or time.perf_counter() < ends_at:
            began = time.perf_counter()
            self._into.send(_whole(head, sent, octets))
            while sent not in (fresh := self._came(head[MAGIC], LOST)) and time.perf_counter() < began + LATE:
                pass
            if sent in fresh:
                took.append(time.perf_counter() - began)
            sent += 1
            if not took and time.perf_counter() > ends_at + COMES:
                raise TimeoutError(f"No frame of {octets} octets came through.")
        took.sort()
        return Took(median=statistics.median(took), p99=took[int(len(took) * 0.99)], lost=sent - len(took))

    def _came(self, magic: bytes, seconds: float) -> list[int]:
        """The numbers of this flow's frames that have come; waits for something up to so long."""
        self._both.poll(seconds * 1000)
        for _ in self._into.take():
            pass
        return [int.from_bytes(frame[NUMBER], "big") for frame in self._out.take() if frame[MAGIC] == magic]


def work(pids: Iterable[int]) -> float:
    """Seconds of processor time that these have taken (Linux, Documentation/scheduler/sched-stats.rst: of each thread, first)."""
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _whole(head: bytes, number: int, octets: int) -> bytes:
    return (head + number.to_bytes(8, "big")).ljust(octets, b"\0")


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
