"""`rackless` on a terminal of its own, as a user types at it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from .cli import REPOSITORY, Installation


class Terminal:
    def __init__(self, here: Installation, *words: str) -> None:
        self._end, line = pty.openpty()
        self.size(33, 101)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rackless.cli.main", *words],
            env=here.environ, cwd=REPOSITORY, stdin=line, stdout=line, stderr=line, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # no thread runs here
        )  # fmt: skip
        os.close(line)
        self.seen = ""

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def until(self, text: str, seconds: float = 60, *, after: int = 0) -> None:
        """Wait until the text has been shown, at `after` or later in all that was seen."""
        end = time.monotonic() + seconds
        while text not in self.seen[after:]:
            assert time.monotonic() < end, f"{text!r} did not come; there was:\n{self.seen}"
            if select.select([self._end], [], [], 0.2)[0]:
                assert self._read(), f"it ended before {text!r}; there was:\n{self.seen}"

    def ask(self, keys: str, text: str, seconds: float = 60) -> str:
        """Type keys; what is shown from then on, up to the text."""
        after = len(self.seen)
        self.type(keys)
        self.until(text, seconds, after=after)
        return self.seen[after:].replace("\r", "")

    def code(self) -> int:
        end = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < end:
            if select.select([self._end], [], [], 0.2)[0] and not self._read():
                break
        return self._process.wait(timeout=20)

    def _read(self) -> bool:
        """What is there to be read; False when the other end is closed, which Linux tells by an error (EIO)."""
        try:
            data = os.read(self._end, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)
