"""A machine's serial line takes one client, and a site may have several servers: each gets all that the machine says, and types.

Who of them may, a server decides among its own users. A server that was frozen, or cut off, keeps no other from the line.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from rackless.model.errors import RacklessError
from rackless.providers.contract import Ref, Stream

BACKLOG = 256 * 1024
"""Bytes that a server may lag behind before the oldest are dropped for it."""

Opener = Callable[[Ref], Awaitable[Stream]]
Key = tuple[str, str]


class Lines:
    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lines: dict[Key, _Line] = {}
        self._opening: dict[Key, asyncio.Lock] = {}

    async def open(self, machine: Ref) -> Stream:
        """One more who has this line; `close` gives it back, and the last one's closes it.

        Raises:
            RacklessError: the machine has none now.
        """
        key = (machine.sandbox, machine.name)
        async with self._opening.setdefault(key, asyncio.Lock()):
            line = self._lines.get(key)
            if line is None or line.ended:
                line = self._lines[key] = _Line(await self._opener(machine))
            return _Tap(line)


class _Line:
    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.taps: set[_Tap] = set()
        self.ended = False
        self._pump = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            with contextlib.suppress(RacklessError, OSError):
                while data := await self.stream.read():
                    for tap in self.taps:
                        tap.put(data)
        finally:
            self.ended = True
            for tap in self.taps:
                tap.put(b"")

    async def leave(self, tap: _Tap) -> None:
        self.taps.discard(tap)
        if not self.taps and not self.ended:
            self.ended = True
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            await self.stream.close()
        elif not self.taps:
            await self.stream.close()


class _Tap:
    def __init__(self, line: _Line) -> None:
        self._line = line
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._closed = False
        line.taps.add(self)

    def put(self, data: bytes) -> None:
        """b"" is the end."""
        self._chunks.append(data)
        self._size += len(data)
        while self._size > BACKLOG and len(self._chunks) > 1:
            self._size -= len(self._chunks.popleft())
        self._news.set()

    async def read(self, most: int = 65536) -> bytes:
        while not self._chunks:
            self._news.clear()
            await self._news.wait()
        data = self._chunks[0]
        if not data:
            return b""
        self._chunks.popleft()
        if len(data) > most:
            self._chunks.appendleft(data[most:])
            data = data[:most]
        self._size -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        await self._line.stream.write(data)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._line.leave(self)
