"""How the daemon asks etcd, where no etcd is needed to see it."""

from __future__ import annotations

import asyncio

import pytest

from rackless.fabric.etcd import Etcd
from rackless.model.errors import ProviderError


async def test_a_server_that_was_let_go_of_while_it_was_asked_ends_nothing_but_that_question() -> None:
    """A partner that took over asks itself, and no more the one that is off: a question to that one is still under way."""
    taken, gone = asyncio.Event(), asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Etcd([f"http://127.0.0.1:{port}"], None) as etcd:
            asked = asyncio.create_task(etcd.get("/x"))
            await taken.wait()
            etcd.use(["http://127.0.0.1:1"])
            gone.set()
            with pytest.raises(ProviderError, match="does not answer"):
                await asked
            with pytest.raises(ProviderError, match=":1 does not answer"):
                await etcd.get("/x")
