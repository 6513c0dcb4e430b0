"""A machine's serial line at a host, for several servers: each hears all of it, each may type, none keeps others from it."""

from __future__ import annotations

import asyncio

from rackless.providers.contract import Ref, RefKind
from rackless.vmhost.serving.lines import BACKLOG, Lines

MACHINE = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")


class Serial:
    """One client at a time, as QEMU's socket."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.typed = b""
        self.closed = False

    async def read(self, most: int = 65536) -> bytes:
        return await self.said.get()

    async def write(self, data: bytes) -> None:
        self.typed += data

    async def close(self) -> None:
        self.closed = True


class Machine:
    def __init__(self) -> None:
        self.opened: list[Serial] = []

    async def console(self, machine: Ref) -> Serial:
        assert not self.opened or self.opened[-1].closed, "it is open elsewhere"
        self.opened.append(Serial())
        return self.opened[-1]


async def test_two_servers_have_one_line() -> None:
    machine = Machine()
    lines = Lines(machine.console)
    one, other = await asyncio.gather(lines.open(MACHINE), lines.open(MACHINE))
    (serial,) = machine.opened
    serial.said.put_nowait(b"login: ")
    assert [await one.read(), await other.read()] == [b"login: "] * 2
    await other.write(b"root\n")
    assert serial.typed == b"root\n"
    await one.close()
    assert not serial.closed, "the other has it still"
    serial.said.put_nowait(b"# ")
    assert await other.read(1) + await other.read() == b"# "
    await other.close()
    await other.close()
    assert serial.closed
    again = await lines.open(MACHINE)
    assert len(machine.opened) == 2
    await again.close()


async def test_a_server_that_sleeps_loses_the_oldest_and_disturbs_nobody() -> None:
    machine = Machine()
    lines = Lines(machine.console)
    one, asleep = await lines.open(MACHINE), await lines.open(MACHINE)
    piece = b"x" * 65536
    for _ in range(3 * BACKLOG // len(piece)):
        machine.opened[0].said.put_nowait(piece)
        assert await one.read() == piece
    held = 0
    while held < BACKLOG - len(piece):
        held += len(await asleep.read())
    assert held <= BACKLOG
    await one.close()
    await asleep.close()


async def test_the_end_of_the_machine_is_told_to_all_and_the_next_boot_is_another_line() -> None:
    machine = Machine()
    lines = Lines(machine.console)
    one, other = await lines.open(MACHINE), await lines.open(MACHINE)
    machine.opened[0].said.put_nowait(b"bye")
    machine.opened[0].said.put_nowait(b"")
    for each in (one, other):
        assert await each.read() == b"bye"
        assert await each.read() == b""
        await each.close()
    assert machine.opened[0].closed
    fresh = await lines.open(MACHINE)
    machine.opened[1].said.put_nowait(b"boot")
    assert await fresh.read() == b"boot"
    await fresh.close()
