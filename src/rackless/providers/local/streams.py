"""Byte streams to a machine's serial line and host channel, over the unix sockets of its QEMU."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from rackless.model.errors import AbsentError, StateError
from rackless.qemu.monitor import Monitor, connect

BUSY_SECONDS = 2.0
_AGAIN_SECONDS = 0.05


class SocketStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, most: int = 65536) -> bytes:
        try:
            return await self._reader.read(most)
        except ConnectionResetError:
            return b""

    async def write(self, data: bytes) -> None:
        """Raises AbsentError when the machine has ended."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except (ConnectionResetError, BrokenPipeError) as error:
            raise AbsentError("The machine has ended.", hint="Start it again.") from error

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ConnectionResetError, BrokenPipeError):
            return


async def open_stream(monitor: Monitor, name: str, path: Path, pid: int, what: str) -> SocketStream:
    """Connect to the character device `name`, whose socket serves one client at a time.

    Raises:
        StateError: somebody else has it open, still after 2 s (a client that has just hung up is gone by then).
        AbsentError, ProviderError: nobody, or another process, listens there.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BUSY_SECONDS
    while await _taken(monitor, name):
        if loop.time() > deadline:
            raise StateError(f"The {what} is open elsewhere.", hint="Close it there; the server lets several watch one console.")
        await asyncio.sleep(_AGAIN_SECONDS)
    end = await connect(path, pid)
    reader, writer = await asyncio.open_unix_connection(sock=_blocking(end))
    return SocketStream(reader, writer)


async def _taken(monitor: Monitor, name: str) -> bool:
    devices = await monitor.execute("query-chardev")
    return any(each["label"] == name and not str(each["filename"]).startswith("disconnected:") for each in devices)


def _blocking(end: socket.socket) -> socket.socket:
    end.setblocking(False)
    return end
