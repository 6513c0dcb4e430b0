"""A client at the virtual address: writes numbers, one POST each and never one again, and keeps what was acknowledged and when.

Runs as a process at the client's place (`python writing.py URL AUTHORITY THREADS FIRST PATIENCE`), and writes a line an answer:
number, status (0: none came), moment it was asked and moment it was answered by the monotonic clock.
"""

from __future__ import annotations

import http.client
import itertools
import signal
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fabric.nodes import VIRTUAL, Net

PATIENCE = 20.0
"""Seconds for an answer; HAProxy has given up before."""
SHORT = 4.0
"""The same of one who looks how long service is away: a connection that ended in a node which was cut off tells nobody."""


@dataclass(frozen=True)
class Answer:
    number: int
    status: int
    asked: float
    answered: float

    @property
    def good(self) -> bool:
        return self.status == 201


class Writer:
    """Use as a context."""

    def __init__(self, net: Net, authority: Path, *, threads: int = 4, first: int = 0, patience: float = PATIENCE) -> None:
        self.file = net.folder / f"writer-{first}"
        words = [sys.executable, "-m", "tests.fabric.writing", VIRTUAL, authority, str(threads), str(first), str(patience)]
        self.output = self.file.open("w")
        self.process = subprocess.Popen(net.entered(*words), stdout=self.output, cwd=Path(__file__).parents[2])

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE + 10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()

    @property
    def answers(self) -> list[Answer]:
        found = []
        for line in self.file.read_text().splitlines(keepends=True):
            words = line.split()
            if len(words) == 4 and line.endswith("\n"):
                found.append(Answer(int(words[0]), int(words[1]), float(words[2]), float(words[3])))
        return found

    def acknowledged(self) -> set[int]:
        return {one.number for one in self.answers if one.good}

    def gap(self, since: float, until: float) -> float:
        """The longest time without an acknowledged write in there."""
        moments = [since, *sorted(one.answered for one in self.answers if one.good and since <= one.answered <= until), until]
        return max(after - before for before, after in itertools.pairwise(moments))


class Said:
    """One thread's connection."""

    def __init__(self, address: str, tls: ssl.SSLContext, patience: float) -> None:
        self.address, self.tls, self.patience = address, tls, patience
        self.connection: http.client.HTTPSConnection | None = None

    def post(self, number: int) -> int:
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=self.patience)
            self.connection.request("POST", f"/said/{number}")
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return 0


def main(address: str, authority: str, threads: int, first: int, patience: float) -> None:
    tls = ssl.create_default_context(cafile=authority)
    numbers = itertools.count(first)
    ended, lock = threading.Event(), threading.Lock()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())

    def write() -> None:
        said = Said(address, tls, patience)
        while not ended.is_set():
            with lock:
                number = next(numbers)
            asked = time.monotonic()
            status = said.post(number)
            with lock:
                print(number, status, asked, time.monotonic(), flush=True)
            time.sleep(0.02 if status == 201 else 0.1)

    running = [threading.Thread(target=write) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
