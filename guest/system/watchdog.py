"""The machine's watchdog, where it has one: fed by the agent, which everything else of this guest hangs on.

A guest that hangs, or whose agent does, feeds it no more, and the host resets the machine. An orderly shutdown leaves it armed:
one that hangs is ended by it too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time

SETTIMEOUT = 0xC0045706
"""WDIOC_SETTIMEOUT (linux/watchdog.h): the seconds after which it runs out."""
SECONDS = 60
"""Long enough for an emulated guest on a machine that is busy with others."""
EVERY = 10.0
"""Seconds between two feedings."""


class Watchdog:
    def __init__(self, device: str) -> None:
        self.device = device
        self.handle: int | None = None
        self.due = 0.0

    def feed(self) -> None:
        """Arm it, and feed it when it is time to. Children of an agent that died may hold it for a moment still."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + EVERY
        with contextlib.suppress(OSError):
            if self.handle is None:
                self.handle = os.open(self.device, os.O_WRONLY | os.O_CLOEXEC)
                with contextlib.suppress(OSError):
                    fcntl.ioctl(self.handle, SETTIMEOUT, struct.pack("i", SECONDS))
            os.write(self.handle, b"\0")

    def patience(self) -> float:
        """Seconds until it has to be fed."""
        return max(0.0, self.due - time.monotonic())
