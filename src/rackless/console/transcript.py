"""The transcript of a serial line: a 0600 file, one time-stamped line for each line of the terminal, without secrets."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rackless.console.redaction import ESCAPES, Redactor

MOST_BYTES = 8 * 1024 * 1024
"""At this size the file becomes `<name>.1` and a new one starts: a guest that babbles cannot fill the disk."""
MOST_LINE = 4096


def rendered(line: str) -> str:
    """What a terminal would show of one line: escapes gone, backspace and carriage return moving the cursor."""
    cells: list[str] = []
    column = 0
    for char in ESCAPES.sub("", line):
        if char == "\r":
            column = 0
        elif char == "\b":
            column = max(0, column - 1)
        elif char >= " " or char == "\t":
            cells[column : column + 1] = [char]
            column += 1
    return "".join(cells).rstrip()


class Transcript:
    """Appends to `path`. Text must come through a `RedactedStream`; each rendered line is looked at once more.

    The file is open only while a line is written: a process may have fewer files open than there are lines in its labs.
    """

    def __init__(self, path: Path, redactor: Redactor, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._redactor = redactor
        self._now = now
        self._line = ""
        self._closed = False
        self._make()

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)

    def write(self, text: str) -> None:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._put(line)
        if len(self._line) > MOST_LINE:
            line, self._line = self._line, ""
            self._put(line)

    def note(self, text: str) -> None:
        """A line of our own: who took the line, when it was lost."""
        if self._line:
            line, self._line = self._line, ""
            self._put(line)
        self._put(f"-- {text} --")

    def _put(self, line: str) -> None:
        stamp = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # Somebody took it away: it does not come back.
        try:
            os.write(fd, f"{stamp} {self._redactor.text(rendered(line))}\n".encode())
            full = os.fstat(fd).st_size >= MOST_BYTES
        finally:
            os.close(fd)
        if full:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._make()

    def close(self) -> None:
        if self._closed:
            return
        if self._line:
            line, self._line = self._line, ""
            self._put(line)
        self._closed = True
