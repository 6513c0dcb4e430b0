"""Serial lines over the network, through real sockets: the machine's telnet is the simulator's own."""

from __future__ import annotations

import asyncio

import pytest
from tests.conformance import specs

from rackless.model.errors import AbsentError, DeadlineError, ProviderError
from rackless.model.places import SerialLine
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.vsphere import consoles
from rackless.providers.vsphere.provider import VsphereProvider

pytestmark = pytest.mark.vsphere
VCP = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")


async def on(venue, port: int, **changed) -> tuple[VsphereProvider, MachineSpec]:
    provider = venue.provider(**changed)
    await provider.ensure(specs.internal("lab", "west"))
    spec = specs.machine("lab", "west-vcp", console=port)
    await provider.ensure(spec.disks[0])
    await provider.ensure(spec)
    await provider.power(VCP, Power.ON)
    return provider, spec


async def said(stream, wanted: bytes) -> bytes:
    """What the line says, up to `wanted`."""
    text = b""
    async with asyncio.timeout(20):
        while wanted not in text:
            piece = await stream.read()
            assert piece, text
            text += piece
    return text


async def test_the_line_is_octets_whatever_telnet_makes_of_them(venue) -> None:
    provider, _ = await on(venue, venue.free_port())
    stream = await provider.console(VCP)
    await stream.write(b"\r")
    text = await said(stream, b"login: ")
    assert text == b"\r\nwest-vcp.lab login: "  # No negotiation in it.
    await stream.write(b"root\x01caf\xc3\xa9\xff!")
    # The guest says an octet 255 for the octet 1, and echoes ours.
    assert await said(stream, b"\xa9\xff!") == b"root\xff!caf\xc3\xa9\xff!"
    await stream.close()


async def test_the_host_may_be_the_one_that_calls(venue) -> None:
    port = venue.free_port()
    provider, _ = await on(venue, port, serial_line=SerialLine.CLIENT)
    for _ in range(2):
        stream = await provider.console(VCP)
        await stream.write(b"\r")
        assert b"west-vcp.lab login: " in await said(stream, b"login: ")
        await stream.close()


async def test_a_caller_that_is_not_the_machines_host_is_sent_away(venue) -> None:
    port = venue.free_port()
    provider, _ = await on(venue, port, serial_line=SerialLine.CLIENT)
    opening = asyncio.create_task(provider.console(VCP))
    while not opening.done():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.99", 0))
        except OSError:
            await asyncio.sleep(0.01)
            continue
        assert await reader.read() == b""  # Not for us.
        writer.close()
        break
    stream = await asyncio.wait_for(opening, 20)
    await stream.write(b"\r")
    assert b"west-vcp.lab login: " in await said(stream, b"login: ")
    await stream.close()


async def test_a_host_that_never_calls(venue, monkeypatch: pytest.MonkeyPatch) -> None:
    port = venue.free_port()
    await on(venue, port)  # The port is the host's: nobody calls us.
    monkeypatch.setattr(consoles, "CALLED", 0.3)
    other = venue.provider(serial_line=SerialLine.CLIENT)
    with pytest.raises(DeadlineError, match="to connect the serial line of west-vcp"):
        await other.console(VCP)


async def test_a_concentrator_has_the_lines(venue) -> None:
    """Its port is ours here: what matters is that the line is opened there, and not at the host."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"through the concentrator")
        await writer.drain()
        writer.close()

    port = venue.free_port()
    provider, _ = await on(venue, port, serial_line=SerialLine.CONCENTRATOR, concentrator="telnet://127.0.0.77:13370")
    server = await asyncio.start_server(answer, "127.0.0.77", port)
    try:
        stream = await provider.console(VCP)
        assert await said(stream, b"concentrator") == b"through the concentrator"
        assert await stream.read() == b""
        await stream.close()
    finally:
        server.close()


async def test_a_line_that_is_not_there_is_told(venue) -> None:
    provider, _ = await on(venue, venue.free_port())
    found = await provider.machines.need("lab", "west-vcp")
    host = provider.inventory.known_host(found.host)
    with pytest.raises(AbsentError, match=f"does not answer at {host}:1"):
        await provider.consoles.open(host, 1, "west-vcp")


async def test_writing_to_a_line_that_has_ended(venue) -> None:
    provider, _ = await on(venue, venue.free_port())
    stream = await provider.console(VCP)
    await provider.power(VCP, Power.OFF)
    assert await asyncio.wait_for(_end(stream), 20)
    with pytest.raises(ProviderError, match="ended"):
        await _write_on(stream)
    await stream.close()


async def _write_on(stream) -> None:
    """The first of them may still go into the void: TCP tells only afterwards."""
    async with asyncio.timeout(20):
        while True:
            await stream.write(b"\r")
            await asyncio.sleep(0.01)


async def _end(stream) -> bool:
    while await stream.read():
        pass
    return True
