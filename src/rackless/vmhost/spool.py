"""Where bundles lie that somebody sends, until they are installed or given up. Private to the agent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from pathlib import Path

from rackless.model.errors import CapacityError, InputError

SPARE = 64 << 20
"""Bytes that stay free on the spool's file system: a host whose disk is full has other troubles."""


class Spool:
    """A folder of unfinished bundles; `spare` bytes of its disk are left free. What an earlier life left is removed."""

    def __init__(self, folder: Path, *, spare: int = SPARE) -> None:
        self._spare = spare
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob("*.part"):
            left.unlink(missing_ok=True)
        self._number = 0

    def begin(self, size: int) -> Arriving:
        """Raises:
        CapacityError: it would not fit, with the numbers.
        """
        facts = os.statvfs(self.folder)
        free = facts.f_bavail * facts.f_frsize - self._spare
        if size > free:
            raise CapacityError(
                f"The bundle has {size} bytes, and the host's disk has {max(0, free)} free for it.",
                hint="`request vmhost cleanup` removes old logs and crash dumps.",
            )
        self._number += 1
        return Arriving(self.folder / f"{os.getpid()}-{self._number}.part", size)


class Arriving:
    """One bundle on its way. `path` is whole after `finish`; `discard` removes it, at any time and more than once."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.arrived = 0
        self._digest = hashlib.sha256()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    async def take(self, data: bytes) -> None:
        if self.arrived + len(data) > self.size:
            raise InputError(f"More than the {self.size} bytes came that the bundle was said to have.")
        try:
            await asyncio.to_thread(self._write, data)
        except OSError as error:
            raise CapacityError(f"The bundle can't be kept on the host's disk: {error.strerror}.") from error
        self.arrived += len(data)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]

    def finish(self, sha256: str) -> None:
        """Raises:
        InputError: not all of it came, or not what was sent.
        """
        self._close()
        if self.arrived != self.size:
            raise InputError(f"{self.arrived} bytes of the bundle came, and it was said to have {self.size}.")
        if self._digest.hexdigest() != sha256:
            raise InputError("The bundle did not arrive as it was sent: its SHA-256 differs.", hint="Send it again.")

    def discard(self) -> None:
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = -1
