"""The client against a guest's side of docs/reference/host-channel.md, over a real socket pair."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, GuestError, InputError
from rackless.model.family import Role
from rackless.shell.hostchannel import HostChannel, Identity


class Pair:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self, most: int = 65536) -> bytes:
        return await self.reader.read(most)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()


@pytest.fixture
async def ends():
    ours, theirs = socket.socketpair()
    pair = Pair(*await asyncio.open_connection(sock=ours)), Pair(*await asyncio.open_connection(sock=theirs))
    yield pair
    for end in pair:
        await end.close()


async def request(guest: Pair) -> dict:
    while True:
        line = (await guest.reader.readline()).strip()
        if line:
            return json.loads(line)


def limit() -> Deadline:
    return Deadline(5)


async def test_stale_lines_and_noise_are_skipped_and_pieces_put_together(ends) -> None:
    ours, guest = ends
    await guest.write(b'{"id": "old", "ok": true, "version": 9, "uptime": 1, "boot_id": "x"}\ngarbage\n[1]\n{"id')
    asking = asyncio.create_task(HostChannel("pc1", ours).ping(deadline=limit()))
    asked = await request(guest)
    assert asked["do"] == "ping"
    answer = json.dumps({"id": asked["id"], "ok": True, "version": 1, "uptime": 2.5, "boot_id": "b"}).encode()
    await guest.write(b'": "old"}\n' + answer[:9])
    await guest.write(answer[9:] + b"\n")
    assert (await asking).boot_id == "b"


async def test_identity_gives_host_keys_and_hosts_alone_get_addresses(ends) -> None:
    ours, guest = ends
    channel = HostChannel("pc1", ours)
    for role, has in ((Role.HOST, True), (Role.CARD, False)):
        who = Identity(role=role, slot=None, hostname="pc1", nics=(), addresses=(("eth1", "192.0.2.1/24"),))
        asking = asyncio.create_task(channel.identify(who, deadline=limit()))
        asked = await request(guest)
        assert ("addresses" in asked) is has
        assert asked["role"] == role.value
        await guest.write(json.dumps({"id": asked["id"], "ok": True, "host_keys": ["ssh-ed25519 AAAA"]}).encode() + b"\n")
        assert await asking == ("ssh-ed25519 AAAA",)


async def test_a_refusal_is_the_guests_own_sentence(ends) -> None:
    ours, guest = ends
    asking = asyncio.create_task(HostChannel("west-vfp0", ours).status(deadline=limit()))
    asked = await request(guest)
    await guest.write(json.dumps({"id": asked["id"], "ok": False, "error": "this guest is card 1 already"}).encode() + b"\n")
    with pytest.raises(GuestError, match="west-vfp0 refused 'status': this guest is card 1 already"):
        await asking


async def test_silence_ends_at_the_deadline_and_the_late_answer_is_not_taken_for_the_next(ends) -> None:
    ours, guest = ends
    channel = HostChannel("pc1", ours)
    with pytest.raises(DeadlineError, match="for pc1 to answer 'run' on its host channel"):
        await channel.run(["true"], deadline=Deadline(0.05))
    late = await request(guest)
    await guest.write(json.dumps({"id": late["id"], "ok": True, "code": 1, "out": "late", "err": ""}).encode() + b"\n")
    asking = asyncio.create_task(channel.run(["true"], stdin="in", deadline=limit()))
    asked = await request(guest)
    assert (asked["argv"], asked["stdin"]) == (["true"], "in")
    await guest.write(json.dumps({"id": asked["id"], "ok": True, "code": 0, "out": "now", "err": ""}).encode() + b"\n")
    assert await asking == (0, "now", "")


async def test_a_closed_channel_and_a_request_too_large_are_told(ends) -> None:
    ours, guest = ends
    channel = HostChannel("pc1", ours)
    with pytest.raises(InputError, match="at most 65536"):
        await channel.run(["cat"], stdin="x" * 70000, deadline=limit())
    await guest.close()
    with pytest.raises(GuestError, match="was closed"):
        await channel.ping(deadline=limit())
