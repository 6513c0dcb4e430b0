"""Carries the frames of one wire, and delays, loses and slows them down: a program of its own that outlives the server.

Frames come from QEMU by a unix datagram socket for each direction, and go to that of the other. Argument: path of a JSON file:

    {"ways": [[LOCAL, REMOTE], ...], "delay": s, "jitter": s, "loss": share, "rate": bit/s or null}    local: bound here

SIGHUP has it read the file anew, SIGTERM ends it. Each direction is by itself. A frame is lost by chance before all else; then it
waits until those before it are out at this rate, and is dropped if that takes longer than QUEUE; then it is on its way for the
delay, more or less by the jitter, evenly spread. No frame overtakes another: the wire is one wire. No more than HELD octets are
on their way: what comes beyond is dropped. Imports nothing of ours and little else, to start in 30 ms.
"""

import collections
import contextlib
import json
import os
import random
import select
import signal
import socket
import sys
import time
from typing import Any

QUEUE = 0.5
"""Seconds that a frame waits for those before it."""
HELD = 64 << 20
BURST = 64
"""Frames that are taken from one socket before another has its turn."""
ROOM = 4 << 20
"""Octets of socket buffers."""


class Way:
    def __init__(self, local: str, remote: str) -> None:
        self.local, self.remote = local, remote
        self.waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self.held = 0
        self.free_at = self.last = 0.0
        self.blocked = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(local)
        self.end = self.fresh()
        self.end.bind(local)
        self.out = self.fresh()

    @staticmethod
    def fresh() -> socket.socket:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        return end

    def close(self) -> None:
        self.end.close()
        self.out.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.local)

    def take(self, how: dict[str, Any]) -> None:
        """Frames that have come, each with the time at which it goes."""
        delay, jitter, loss, rate = how["delay"], how["jitter"], how["loss"], how["rate"]
        now = time.monotonic()
        for _ in range(BURST):
            try:
                frame = self.end.recv(65536)
            except BlockingIOError:
                return
            if loss and random.random() < loss:
                continue
            goes = now
            if rate:
                goes = max(now, self.free_at)
                if goes - now > QUEUE:
                    continue
                goes = self.free_at = goes + len(frame) * 8 / rate
            if self.held + len(frame) > HELD:
                continue
            goes = self.last = max(self.last, goes + delay + (random.uniform(-jitter, jitter) if jitter else 0))
            self.held += len(frame)
            self.waiting.append((goes, frame))

    def give(self) -> None:
        """Send what is due."""
        waiting, now = self.waiting, time.monotonic()
        self.blocked = False
        while waiting and waiting[0][0] <= now:
            if not self.send(waiting[0][1]):
                self.blocked = True
                return
            self.held -= len(waiting.popleft()[1])

    def send(self, frame: bytes) -> bool:
        """False: the other end takes no more at the moment. Nobody there: the frame is lost, as on any wire."""
        for _ in range(2):
            try:
                self.out.send(frame)
            except BlockingIOError:
                return False
            except OSError:
                # Not connected yet, or to one that is gone: its path may be another one's now.
                self.out.close()
                self.out = self.fresh()
                with contextlib.suppress(OSError):
                    self.out.connect(self.remote)
            else:
                return True
        return True


class Relay:
    def __init__(self, file: str) -> None:
        self.file = file
        self.ways: list[Way] = []
        self.how: dict[str, Any] = {}
        self.ended = False
        self.woken, waking = socket.socketpair()
        self.woken.setblocking(False)
        waking.setblocking(False)
        self.waking = waking
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.signal(signal.SIGTERM, self.end)
        self.read()

    def end(self, *_: object) -> None:
        self.ended = True

    def read(self) -> None:
        with open(self.file, encoding="utf-8") as file:
            self.how = json.load(file)
        wanted = [tuple(way) for way in self.how["ways"]]
        there = [way for way in self.ways if (way.local, way.remote) in wanted and os.path.exists(way.local)]
        for way in self.ways:
            if way not in there:
                way.close()
        known = [(way.local, way.remote) for way in there]
        self.ways = there + [Way(local, remote) for local, remote in wanted if (local, remote) not in known]

    def run(self) -> None:
        while not self.ended:
            due = [way.waiting[0][0] for way in self.ways if way.waiting and not way.blocked]
            wait = max(0.0, min(due) - time.monotonic()) if due else None
            read = [self.woken, *(way.end for way in self.ways)]
            ready, _, _ = select.select(read, [way.out for way in self.ways if way.blocked], [], wait)
            if self.woken in ready:
                self.woken.recv(4096)
                if not self.ended:
                    self.read()
                continue
            for way in self.ways:
                if way.end in ready:
                    way.take(self.how)
                way.give()
        for way in self.ways:
            way.close()


if __name__ == "__main__":
    Relay(sys.argv[1]).run()
