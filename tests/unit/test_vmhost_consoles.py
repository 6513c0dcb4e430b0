"""A guest's console as the agent offers it: many see it, and nobody holds up the guest."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rackless.vmhost.consoles import Line


class Guest:
    """QEMU's end of a serial line."""

    def __init__(self) -> None:
        self.typed = b""
        self.line: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.line = writer
        while data := await reader.read(1 << 16):
            self.typed += data
        writer.close()


@pytest.fixture
async def there() -> AsyncIterator[tuple[Guest, Path]]:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    guest = Guest()
    server = await asyncio.start_unix_server(guest.serve, str(folder / "serial"))
    task = asyncio.create_task(Line(folder / "serial", folder / "console").run())
    try:
        async with asyncio.timeout(30):
            while guest.line is None or not (folder / "console").exists():
                await asyncio.sleep(0.01)
        yield guest, folder / "console"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()
        shutil.rmtree(folder)


async def test_all_see_what_the_guest_says_and_any_may_type(there: tuple[Guest, Path]) -> None:
    guest, path = there
    assert guest.line is not None
    assert path.stat().st_mode & 0o777 == 0o600
    first, second = [await asyncio.open_unix_connection(str(path)) for _ in range(2)]
    async with asyncio.timeout(30):
        first[1].write(b"root\r")
        while guest.typed != b"root\r":
            await asyncio.sleep(0.01)
        second[1].write(b"x")
        while guest.typed != b"root\rx":
            await asyncio.sleep(0.01)
        guest.line.write(b"login: ")
        assert await first[0].readexactly(7) == b"login: "
        assert await second[0].readexactly(7) == b"login: "
    for _, writer in (first, second):
        writer.close()


async def test_who_does_not_read_does_not_hold_up_the_guest(there: tuple[Guest, Path]) -> None:
    guest, path = there
    assert guest.line is not None
    _, stopped = await asyncio.open_unix_connection(str(path))
    reader, watching = await asyncio.open_unix_connection(str(path))
    piece = b"".join(b"line %07d\r\n" % number for number in range(20_000))
    async with asyncio.timeout(60):
        stopped.write(b"?")
        while guest.typed != b"?":
            await asyncio.sleep(0.01)
        for _ in range(20):  # more than sockets and the agent keep for the one who does not read
            guest.line.write(piece)
            await guest.line.drain()
            assert await reader.readexactly(len(piece)) == piece
    stopped.close()
    watching.close()
