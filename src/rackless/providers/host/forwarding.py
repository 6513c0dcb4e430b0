"""Loopback ports of this machine that lead to guests at a VM host: the same numbers that the host's own loopback ports have, for
they come out of this server's pool. TCP and UDP, each connection (or UDP client) through a stream of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from rackless.model.errors import RacklessError
from rackless.model.plan import Forward
from rackless.providers.host.calling import RemoteStream

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
IDLE = 60.0
"""Seconds without a word from a UDP client until its stream is closed."""

Open = Callable[[str], Awaitable[RemoteStream]]
"""A stream to a service of the guest."""


class Forwarding:
    """Use on one event loop."""

    def __init__(self) -> None:
        self._open: dict[int, asyncio.AbstractServer | asyncio.DatagramTransport] = {}
        self._of: dict[tuple[str, str], frozenset[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def keep(self, machine: tuple[str, str], forwards: Iterable[Forward], open_: Open) -> None:
        """These lead to this machine from now on, and none other does."""
        wanted = {forward.host_port: forward for forward in forwards}
        for port in self._of.get(machine, frozenset()) - set(wanted):
            self._close(port)
        for port, forward in wanted.items():
            if port not in self._open:
                await self._listen(forward, open_)
        self._of[machine] = frozenset(wanted)

    def drop(self, machine: tuple[str, str]) -> None:
        for port in self._of.pop(machine, frozenset()):
            self._close(port)

    def _close(self, port: int) -> None:
        end = self._open.pop(port, None)
        if end is not None:
            end.close()

    async def _listen(self, forward: Forward, open_: Open) -> None:
        port = forward.host_port
        loop = asyncio.get_running_loop()
        try:
            if forward.proto == "udp":

                def made() -> _Datagrams:
                    return _Datagrams(forward.service, open_, self._run)

                transport, _ = await loop.create_datagram_endpoint(made, local_addr=(LOOPBACK, port))
                self._open[port] = transport
            else:

                async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    await _piped(reader, writer, forward.service, open_)

                self._open[port] = await asyncio.start_server(come, LOOPBACK, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # a host that is this machine has it open itself
                log.warning("port %d for %s cannot be had: %s", port, forward.service, error)

    def _run(self, what: Awaitable[None]) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: str, open_: Open) -> None:
    try:
        stream = await open_(service)
    except RacklessError as error:
        log.info("%s: %s", service, error.message)
        writer.close()
        return

    async def there() -> None:
        while data := await reader.read(65536):
            await stream.write(data)

    async def back() -> None:
        while data := await stream.read():
            writer.write(data)
            await writer.drain()

    tasks = [asyncio.create_task(there()), asyncio.create_task(back())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await stream.close()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Each client's datagrams go through a stream of its own, one message each; answers go back to that client."""

    def __init__(self, service: str, open_: Open, run: Callable[[Awaitable[None]], None]) -> None:
        self._service = service
        self._open = open_
        self._run = run
        self._clients: dict[tuple[str, int], asyncio.Queue[bytes]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # which Python 3.11's is not by its class

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        queue = self._clients.get(client)
        if queue is None:
            queue = self._clients[client] = asyncio.Queue(1000)
            self._run(self._serve(client, queue))
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(data)

    async def _serve(self, client: tuple[str, int], queue: asyncio.Queue[bytes]) -> None:
        try:
            stream = await self._open(self._service)
        except RacklessError as error:
            log.info("%s: %s", self._service, error.message)
            self._clients.pop(client, None)
            return
        back = asyncio.create_task(self._back(client, stream))
        try:
            while not back.done():
                await stream.write(await asyncio.wait_for(queue.get(), IDLE))
        except (TimeoutError, RacklessError):
            pass
        finally:
            self._clients.pop(client, None)
            back.cancel()
            await stream.close()

    async def _back(self, client: tuple[str, int], stream: RemoteStream) -> None:
        while data := await stream.message():
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(data, client)
