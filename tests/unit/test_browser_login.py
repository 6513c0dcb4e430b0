"""A login on the server's page: the browser brings a ticket to this machine, or somebody pastes where it ended."""

from __future__ import annotations

import io
import os
import queue
import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from rackless.client.browser import ticket_by_browser
from rackless.model.errors import DeadlineError, InputError, RacklessError

BASE = "https://labs.example.net:8443"


class Login:
    """One that waits, in a thread of its own."""

    def __init__(self, *, paste: bool = False) -> None:
        shown: queue.Queue[str] = queue.Queue()
        self.result: queue.Queue[str | RacklessError] = queue.Queue()

        def run() -> None:
            try:
                self.result.put(ticket_by_browser(BASE, shown.put, paste=paste, patience=60))
            except RacklessError as error:
                self.result.put(error)

        threading.Thread(target=run, daemon=True).start()
        self.address = shown.get(timeout=60)
        query = parse_qs(urlsplit(self.address).query)
        self.port, self.state = int(query["port"][0]), query["state"][0]

    def ask(self, **query: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/", params=query, timeout=30)

    def end(self) -> str | RacklessError:
        return self.result.get(timeout=60)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a line to standard input."""
    reading, writing = os.pipe()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(os.fdopen(reading, "rb", buffering=0)))

    def write(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    return write


def test_the_browser_brings_the_ticket() -> None:
    login = Login()
    assert login.address.startswith(f"{BASE}/cli?")
    assert login.ask(state="another", ticket="stolen").status_code == 404
    assert login.ask(ticket="bare").status_code == 404
    answer = login.ask(state=login.state, ticket="good")
    assert answer.status_code == 200
    assert "logged in" in answer.text
    assert login.end() == "good"


def test_where_the_browser_ended_is_pasted(typed: Callable[[str], None]) -> None:
    login = Login(paste=True)
    typed("")
    typed(f"http://127.0.0.1:{login.port}/?state={login.state}&ticket=good")
    assert login.end() == "good"


def test_what_is_pasted_must_be_of_this_login(typed: Callable[[str], None]) -> None:
    login = Login(paste=True)
    typed(f"http://127.0.0.1:{login.port}/?state=another&ticket=stolen")
    error = login.end()
    assert isinstance(error, InputError)
    assert "not the address" in error.message


def test_nobody_allows_it() -> None:
    with pytest.raises(DeadlineError, match="Nobody allowed it"):
        ticket_by_browser(BASE, lambda address: None, paste=False, patience=0.05)
