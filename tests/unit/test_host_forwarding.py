"""Loopback ports that lead to guests at a VM host: TCP and UDP, opened with the machine and closed with it."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from pathlib import Path

import pytest

from rackless.images import store
from rackless.model.errors import AbsentError
from rackless.model.places import HostPlace
from rackless.model.plan import Forward
from rackless.model.site import Site
from rackless.providers.contract import Ref, RefKind
from rackless.providers.host import wire
from rackless.providers.host.enrolment import Host
from rackless.providers.host.forwarding import Forwarding
from rackless.providers.host.provider import HostProvider
from rackless.settings import Settings


class Echo:
    """A stream whose far end says what it hears, in capitals."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    async def read(self, most: int = 65536) -> bytes:
        return await self._said.get()

    message = read

    async def write(self, data: bytes) -> None:
        self._said.put_nowait(data.upper())

    async def close(self) -> None:
        self.closed = True


def free(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as end:
        end.bind(("127.0.0.1", 0))
        return int(end.getsockname()[1])


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)


async def test_tcp_and_udp_lead_there_and_back_until_the_machine_goes() -> None:
    tcp, udp = free(socket.SOCK_STREAM), free(socket.SOCK_DGRAM)
    forwards = (
        Forward(service="ssh", proto="tcp", host_port=tcp, guest_port=22),
        Forward(service="snmp", proto="udp", host_port=udp, guest_port=161),
    )
    opened: list[tuple[str, Echo]] = []

    async def open_(service: str) -> Echo:
        opened.append((service, Echo()))
        return opened[-1][1]

    forwarding = Forwarding()
    for _ in range(2):  # again is fine
        await forwarding.keep(("lab", "west-vcp"), forwards, open_)
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
    writer.write(b"hello")
    assert await asyncio.wait_for(reader.readexactly(5), 10) == b"HELLO"
    writer.close()
    clients = []
    loop = asyncio.get_running_loop()
    for word in (b"one", b"two"):
        transport, client = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", udp))
        transport.sendto(word)
        clients.append((transport, client, word))
    for transport, client, word in clients:
        assert await asyncio.wait_for(client.heard.get(), 10) == word.upper()  # each hears its own
        transport.close()
    assert [service for service, _ in opened] == ["ssh", "snmp", "snmp"]
    forwarding.drop(("lab", "west-vcp"))
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", tcp)


async def test_who_comes_while_the_host_is_silent_is_hung_up_on() -> None:
    port = free(socket.SOCK_STREAM)

    async def refuse(service: str) -> Echo:
        raise AbsentError(f"{service} cannot be reached.")

    forwarding = Forwarding()
    await forwarding.keep(("lab", "x"), (Forward(service="ssh", proto="tcp", host_port=port, guest_port=22),), refuse)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    forwarding.drop(("lab", "x"))


async def test_the_ports_of_what_leaves_a_dead_host_are_free_for_the_next(tmp_path: Path) -> None:
    """The machine has the same numbers where it is made anew."""
    place = HostPlace(name="alpha", address="127.0.0.1:9")
    settings = Settings(state=tmp_path / "s", run=tmp_path / "r", images=tmp_path / "i", site_file=tmp_path / "site.yaml")
    provider = HostProvider(place, settings, Site(places=(place,)), partial(store.find, settings.images))
    forward = Forward(service="ssh", proto="tcp", host_port=free(socket.SOCK_STREAM), guest_port=22)
    ref = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp", running=True)
    await provider._mine(wire.There(ref=ref, forwards=(forward,)))
    provider.enrolments.keep(Host(name="alpha", identity="alpha-1", left=True))
    await provider.remove(ref)
    await asyncio.sleep(0)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", forward.host_port)
    server.close()
