"""A small client of a server on a unix socket, for a process without threads and without an event loop."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOK = 0.03
"""Seconds between two looks at something awaited."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("rackless", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Api:
    def __init__(self, path: Path, *, token: str = "") -> None:
        self._path = path
        self._token = token

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer. Raises AssertionError for one that is no success, OSError when the server is not there."""
        status, answer = self.answer(method, path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def answer(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = _Connection(self._path)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            connection.request(method, f"/v1{path}", body=json.dumps(body) if body is not None else None, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def items(self, path: str) -> list[Any]:
        """All of a list, whether it comes in pages or not."""
        found = self.ask("GET", path)
        if isinstance(found, list):
            return found
        listed: list[Any] = found["items"]
        while found.get("next"):
            found = self.ask("GET", f"{path}{'&' if '?' in path else '?'}after={found['next']}")
            listed += found["items"]
        return listed

    def state(self, lab: str) -> str:
        """Of a lab; "ended" when there is none."""
        status, found = self.answer("GET", f"/labs/{lab}")
        return "ended" if status == 404 else str(found["state"])

    def jobs(self, lab: str) -> list[tuple[str, str]]:
        """(verb, state) of each job of the newest lab of this name."""
        status, found = self.answer("GET", f"/labs/{lab}/jobs")
        listed = [] if status == 404 else found if isinstance(found, list) else found["items"]
        return [(job["verb"], job["state"]) for job in listed]

    def idle(self, *labs: str) -> bool:
        return not any(state == "running" for lab in labs for _, state in self.jobs(lab))


def until(said: Callable[[], bool], seconds: float) -> bool:
    """Wait; False when it did not come in time."""
    end = time.monotonic() + seconds
    while not said():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK)
    return True
