"""A classic pcap stream out of a FIFO that is always drained, so that the writer never waits for a slow reader.

Whole records are dropped (and counted) when the reader is too slow: what it gets is a valid file all the way.
Format: https://www.tcpdump.org/manpages/pcap-savefile.5.html; QEMU's filter-dump writes it in the host's byte order.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

FILE_HEADER = 24
RECORD_HEADER = 16
MOST_QUEUED = 32 << 20
"""Bytes."""
_F_SETPIPE_SZ = 1031
_PIPE = 1 << 20


class Splitter:
    """Cuts a pcap byte stream into its header and its records."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_records = False

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        pieces = []
        while (size := self._next()) is not None and len(self._rest) >= size:
            pieces.append(self._rest[:size])
            self._rest = self._rest[size:]
            self._in_records = True
        return pieces

    def _next(self) -> int | None:
        if not self._in_records:
            return FILE_HEADER
        if len(self._rest) < RECORD_HEADER:
            return None
        return RECORD_HEADER + int(struct.unpack_from("=I", self._rest, 8)[0])


class Fifo:
    """A FIFO at `path` with its reading end open before any writer comes. `dropped` counts records."""

    def __init__(self, path: Path, *, most: int = MOST_QUEUED) -> None:
        self.path = path
        self._most = most
        self._splitter = Splitter()
        self._pieces: deque[bytes] = deque()
        self._queued = 0
        self._ready = asyncio.Event()
        self._ended = False
        self.dropped = 0
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with suppress(PermissionError):  # Over the user's pipe limit: the default size does as well.
            fcntl.fcntl(self._fd, _F_SETPIPE_SZ, _PIPE)
        asyncio.get_running_loop().add_reader(self._fd, self._drain)

    def _drain(self) -> None:
        try:
            data = os.read(self._fd, _PIPE)
        except BlockingIOError:
            return
        if not data:
            self.end()
            return
        for piece in self._splitter.feed(data):
            if self._queued + len(piece) > self._most:
                self.dropped += 1
                continue
            self._pieces.append(piece)
            self._queued += len(piece)
        self._ready.set()

    def end(self) -> None:
        """No more will come; what is queued can still be read."""
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().remove_reader(self._fd)
        self._ready.set()

    async def read(self) -> AsyncIterator[bytes]:
        """Chunks of whole records, until the writer ends."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            if self._pieces:
                chunk = b"".join(self._pieces)
                self._pieces.clear()
                self._queued = 0
                yield chunk
            if self._ended and not self._pieces:
                return

    def close(self) -> None:
        """The FIFO goes."""
        self.end()
        os.close(self._fd)
        self.path.unlink(missing_ok=True)
