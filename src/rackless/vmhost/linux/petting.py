"""The host's hardware watchdog (Linux, Documentation/watchdog/watchdog-api.rst)."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
from pathlib import Path

from rackless.vmhost.watchdogs import TIMEOUT

SET_TIMEOUT = 0xC0045706
"""WDIOC_SETTIMEOUT."""


class Watchdog:
    """Opened, it must be fed. Left in order it is stopped (magic close), where the driver lets it be."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, SET_TIMEOUT, array.array("i", [TIMEOUT]))

    def feed(self) -> None:
        os.write(self._fd, b"\0")

    def close(self) -> None:
        os.write(self._fd, b"V")
        os.close(self._fd)
