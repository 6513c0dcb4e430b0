"""What is looked at before an operator's word counts."""

from __future__ import annotations

import asyncio
import socket

from rackless.fabric.operating import answers


async def test_a_machine_that_refuses_a_port_answers() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await answers("127.0.0.1", port)
    server.close()
    await server.wait_closed()
    assert await answers("127.0.0.1", port), "a port that is refused is an answer"
    with socket.socket() as full:  # takes nobody, as a machine that is off
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.socket() as first:
            first.connect(full.getsockname())
            waiting = [socket.socket() for _ in range(3)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            try:
                assert not await answers("127.0.0.1", full.getsockname()[1])
            finally:
                for one in waiting:
                    one.close()
