"""Ports of a router as its controller tells them over the host channel, with a guest's side of docs/reference/host-channel.md."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from rackless.deadline import Deadline
from rackless.model.errors import GuestError
from rackless.providers.contract import Ref, RefKind
from rackless.workflows import cardports
from rackless.workflows.cardports import told_ports

CONTROLLER = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")
MACS = {"ge-0/0/0": "02:00:00:00:00:10", "ge-0/0/1": "02:00:00:00:00:11", "ge-1/0/0": "02:00:00:00:00:20"}


class Stream:
    def __init__(self, end: socket.socket) -> None:
        self._end = end

    async def read(self, most: int = 65536) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._end, most)

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._end, data)

    async def close(self) -> None:
        self._end.close()


class Controller:
    """Answers each new channel with the next of `turns`; the last one again and again. `None` closes the channel unanswered."""

    def __init__(self, turns: list[dict[str, str] | None]) -> None:
        self.turns = turns
        self.tasks: list[asyncio.Task[None]] = []

    async def channel(self, ref: Ref) -> Stream:
        assert ref == CONTROLLER
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        ports = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        self.tasks.append(asyncio.create_task(self._answer(theirs, ports)))
        return Stream(ours)

    async def _answer(self, end: socket.socket, ports: dict[str, str] | None) -> None:
        reader, writer = await asyncio.open_connection(sock=end)
        while ports is not None and (line := await reader.readline()):
            if line.strip():
                asked = json.loads(line)
                assert asked["do"] == "status"
                told = [{"label": label, "mac": mac, "mtu": 1500, "up": True, "carrier": True} for label, mac in ports.items()]
                status: dict[str, Any] = {"role": "controller", "slot": None, "ready": True, "ports": told}
                writer.write(json.dumps({"id": asked["id"], "ok": True, **status}).encode() + b"\n")
        writer.close()


@pytest.fixture
async def controller() -> AsyncIterator[Callable[..., Controller]]:
    made: list[Controller] = []

    def make(*turns: dict[str, str] | None) -> Controller:
        made.append(Controller(list(turns)))
        return made[-1]

    yield make
    for one in made:
        await asyncio.gather(*one.tasks, return_exceptions=True)  # a client that gives up resets its channel


def ask(guest: Controller, seconds: float, said: list[str]) -> Awaitable[dict[str, str]]:
    return told_ports(guest, CONTROLLER, {0: 2, 1: 1}, deadline=Deadline(seconds), tell=said.append)


async def test_it_waits_until_the_last_port_of_the_last_card_is_there(controller: Callable[..., Controller]) -> None:
    said: list[str] = []
    first = {label: MACS[label] for label in ("ge-0/0/0", "ge-0/0/1")}
    upper = {label: mac.upper() for label, mac in MACS.items()}
    assert await ask(controller({}, first, first, upper), 20, said) == MACS
    assert said == ["waiting for card 0: 0 of 2 ports; card 1: 0 of 1 ports", "waiting for card 1: 0 of 1 ports"]


async def test_a_port_beyond_those_planned_is_left_out(controller: Callable[..., Controller]) -> None:
    assert await ask(controller({**MACS, "ge-1/0/1": "02:00:00:00:00:21"}), 20, []) == MACS


async def test_a_channel_that_closes_is_opened_again(controller: Callable[..., Controller]) -> None:
    assert await ask(controller(None, MACS), 20, []) == MACS


async def test_at_the_deadline_it_names_the_cards_that_are_missing(
    controller: Callable[..., Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cardports, "ASK", 0.01)
    with pytest.raises(GuestError, match=r"west-vcp still waits for .*card 1") as caught:
        await ask(controller({label: MACS[label] for label in ("ge-0/0/0", "ge-0/0/1")}), 0.3, [])
    assert "rackless restart" in caught.value.hint


async def test_at_the_deadline_it_says_why_the_guest_did_not_answer(
    controller: Callable[..., Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cardports, "ASK", 0.01)
    with pytest.raises(GuestError, match=r"waits for its cards\. The host channel of west-vcp was closed"):
        await ask(controller(None), 0.3, [])
