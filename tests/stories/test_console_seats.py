"""Several people at one serial line over the websocket that the page uses: all see it, one writes, and everybody knows who."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.stories.shell import EXAMPLE, Shell, until
from websockets.sync.client import ClientConnection, connect

LAB = "back-to-back"
WRITING: dict[str, Any] = {"write": True}


class Seat:
    """One page at the console of west's controller."""

    def __init__(self, port: int, token: str, **query: str) -> None:
        asked = "&".join(f"{key}={value}" for key, value in {"write": "false", "state": "true", **query}.items())
        address = f"ws://127.0.0.1:{port}/v1/labs/{LAB}/machines/west-vcp/console?{asked}"
        self.line: ClientConnection = connect(address, additional_headers={"authorization": f"Bearer {token}"})
        self.shown = b""
        self.notes: list[str] = []
        self.state: dict[str, Any] = {}

    def ask(self, body: Any) -> None:
        self.line.send(json.dumps(body))

    def until(self, wanted: Any) -> None:
        """Read on until that is true of this seat; fails when nothing comes any more."""
        while not wanted(self):
            message = self.line.recv(timeout=30)
            if isinstance(message, bytes):
                self.shown += message
                continue
            body = json.loads(message)
            self.state = body.get("state", self.state)
            if "note" in body:
                self.notes.append(body["note"])

    def sees(self, text: bytes) -> None:
        self.until(lambda seat: text in seat.shown)

    def writer(self, name: str | None, *, you: bool = False) -> None:
        self.until(lambda seat: seat.state and (seat.state["writer"], seat.state["you"]) == (name, you))

    def close(self) -> None:
        self.line.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    shell = Shell(tmp_path_factory.mktemp("c"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = shell.start("serve", "--tcp", str(port), "--plain")
    until(server, "server ")
    shell.run("up", EXAMPLE)
    found: dict[str, Any] = {"port": port}
    for name, role in (("una", "user"), ("uwe", "user"), ("viv", "viewer")):
        shell.run("user", "add", name, "--role", role)
        found[name] = shell.run("token", "add", name, "test").stdout.strip()
        shell.run("share", LAB, name)
    yield found
    shell.run("down", LAB)
    shell.run("stop")
    server.communicate(timeout=60)


def seat(place: dict[str, Any], name: str, **query: str) -> Seat:
    return Seat(place["port"], place[name], **query)


def test_one_writes_the_other_watches_and_takes_over(place: dict[str, Any]) -> None:
    una, uwe = seat(place, "una"), seat(place, "uwe")
    una.writer(None)
    una.ask(WRITING)
    una.writer("una", you=True)
    uwe.writer("una")
    una.line.send(b"first-line ")
    uwe.sees(b"first-line")
    uwe.ask(WRITING)
    uwe.until(lambda seat: any("being written to by una" in note for note in seat.notes))
    uwe.line.send(b"not-mine ")
    uwe.ask({"write": True, "takeover": True})
    uwe.writer("uwe", you=True)
    una.writer("uwe")
    una.until(lambda seat: any("taken over from una by uwe" in note for note in seat.notes))
    una.line.send(b"not-any-more ")
    uwe.line.send(b"second-line ")
    una.sees(b"second-line")
    assert b"not-mine" not in una.shown
    assert b"not-any-more" not in una.shown
    uwe.ask({"write": False})
    una.writer(None)
    una.close()
    uwe.until(lambda seat: seat.state["watchers"] == 1)
    uwe.close()


def test_who_leaves_gives_the_place_up_and_what_was_is_seen_by_who_comes(place: dict[str, Any]) -> None:
    una = seat(place, "una", write="true")
    una.writer("una", you=True)
    una.line.send(b"seen-before ")
    una.sees(b"seen-before")
    uwe = seat(place, "uwe")
    uwe.sees(b"seen-before")
    uwe.writer("una")
    una.close()
    uwe.writer(None)
    uwe.close()


def test_a_viewer_is_told_that_watching_is_all(place: dict[str, Any]) -> None:
    viv = seat(place, "viv", write="true", who="somebody-else")
    viv.writer(None)
    assert viv.state["may"] is False
    viv.ask({"write": True, "takeover": True})
    viv.until(lambda seat: any("watch only" in note for note in seat.notes))
    viv.ask("neither this nor the next is understood")
    viv.line.send("{")
    viv.close()


def test_nobody_writes_under_another_name(place: dict[str, Any]) -> None:
    una = seat(place, "una", write="true", who="uwe")
    una.writer("una", you=True)
    una.close()
