"""Guests' serial consoles: the agent alone holds each line and always reads it; whoever wants to see it connects to the agent.

QEMU lets a guest wait that writes to a line whose other end does not read. A terminal that was left open, or stopped with
Ctrl-S, would hold up the guest: its shutdown, too. Here a client that does not read loses what it does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from rackless.console.hub import Feed

AGAIN = 0.5
"""Seconds until a line is opened again: its guest is off."""
PIECE = 1 << 16
TYPED = 10.0
"""Seconds in which a guest takes what was typed; one that does not read its console loses it."""


class Line:
    """One guest's: `serial` is QEMU's socket, `console` ours."""

    def __init__(self, serial: Path, console: Path) -> None:
        self._serial, self._console = serial, console
        self._feeds: set[Feed] = set()
        self._guest: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Until cancelled; clients are hung up on then, and the guest goes on writing to nobody."""
        self._console.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, str(self._console))
        os.chmod(self._console, 0o600)
        try:
            while True:
                with contextlib.suppress(OSError):
                    await self._listen()
                await asyncio.sleep(AGAIN)
        finally:
            server.close()
            for feed in self._feeds:
                feed.end()
            self._console.unlink(missing_ok=True)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._serial))
        self._guest = writer
        try:
            while data := await reader.read(PIECE):
                for feed in self._feeds:
                    feed.put(data)
        finally:
            self._guest = None
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        feed = Feed()
        self._feeds.add(feed)
        shown = asyncio.create_task(self._show(feed, writer))
        try:
            while data := await reader.read(PIECE):
                await self._type(data)
        except OSError:
            pass
        finally:
            self._feeds.discard(feed)
            shown.cancel()
            writer.close()

    async def _show(self, feed: Feed, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await feed.read():
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _type(self, data: bytes) -> None:
        guest = self._guest
        if guest is None:
            return
        guest.write(data)
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.wait_for(guest.drain(), TYPED)
