"""The serial line of a server at OpenStack: opened again with a fresh token when it drops, and ended with its machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from rackless.model.errors import AbsentError, ProviderError
from rackless.providers.openstack.serial import SerialLine


class Proxy:
    """A serial proxy whose tokens are good once; it echoes, and drops the line when told to."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.given = 0
        self.used: list[str] = []
        self.running = True
        self.port = 0

    async def address(self) -> str | None:
        if not self.running:
            return None
        self.given += 1
        self.tokens.add(f"t{self.given}")
        return f"ws://127.0.0.1:{self.port}/?token=t{self.given}"

    async def line(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        token = connection.request.path.rpartition("=")[2]
        if token not in self.tokens:
            await connection.close(1008)
            return
        self.tokens.remove(token)
        self.used.append(token)
        async for data in connection:
            if data == b"drop":
                await connection.close(1011)
                return
            await connection.send(data)


@asynccontextmanager
async def serving() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    async with serve(proxy.line, "127.0.0.1", 0, subprotocols=["binary"]) as server:  # type: ignore[list-item]
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy


async def test_a_line_that_drops_is_opened_again_with_a_fresh_token() -> None:
    async with serving() as proxy:
        line = SerialLine("west-vcp", proxy.address)
        await line.open()
        await line.write(b"one")
        assert await line.read() == b"one"
        await line.write(b"drop")
        reading = asyncio.create_task(line.read())
        while line.opened < 2:
            await asyncio.sleep(0.01)
        await line.write(b"two")
        assert await asyncio.wait_for(reading, 60) == b"two"
        assert proxy.used == ["t1", "t2"]
        await line.close()


async def test_a_line_ends_with_its_machine() -> None:
    async with serving() as proxy:
        line = SerialLine("west-vcp", proxy.address)
        await line.open()
        proxy.running = False
        await line.write(b"drop")
        assert await asyncio.wait_for(line.read(), 10) == b""
        with pytest.raises(ProviderError, match="has ended"):
            await line.write(b"x")
        await line.close()
        with pytest.raises(AbsentError, match="west-vcp"):
            await SerialLine("west-vcp", proxy.address).open()


async def test_what_comes_in_one_piece_is_read_in_many() -> None:
    async with serving() as proxy:
        line = SerialLine("west-vcp", proxy.address)
        await line.open()
        await line.write(b"login: ")
        assert [await line.read(3), await line.read(3), await line.read(3)] == [b"log", b"in:", b" "]
        await line.close()
