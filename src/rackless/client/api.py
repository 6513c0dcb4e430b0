"""Requests to the server, and its streams. Every error is one of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from rackless.client.errors import error_of
from rackless.client.starting import ensure_server
from rackless.model.errors import DefectError, ServerGoneError
from rackless.settings import Settings, load

Json = Any

CONNECT = 5.0
BASE = "http://rackless/v1"
"""The host is the unix socket's other end; the version is of the API."""
PAGE = 1000
"""Items that are asked for at once."""
ANSWER = 60.0
"""Seconds for an answer that does not wait for a job."""


class Api:
    """Use as a context manager. The server is started if none answers (`start` false: then it is an error)."""

    def __init__(self, settings: Settings | None = None, *, start: bool = True) -> None:
        self.settings = settings or load()
        self._start = start
        self._http: httpx.Client | None = None

    def __enter__(self) -> Api:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.close()

    def connect(self) -> None:
        """Make sure of a server, also after one was lost."""
        ensure_server(self.settings, start=self._start)
        if self._http is not None:
            self._http.close()
        transport = httpx.HTTPTransport(uds=str(self.settings.socket))
        self._http = httpx.Client(
            transport=transport, base_url=BASE, timeout=httpx.Timeout(ANSWER, connect=CONNECT), trust_env=False
        )

    def ask(self, method: str, path: str, *, body: Json = None, query: dict[str, Any] | None = None, wait: float = 0) -> Json:
        """One request, one JSON answer. `wait`: seconds that the server may wait for a job's end before it answers."""
        assert self._http is not None
        asked = {key: value for key, value in (query or {}).items() if value is not None}
        if wait:
            asked["wait"] = wait
        try:
            answer = self._http.request(method, path, json=body, params=asked, timeout=ANSWER + wait)
        except httpx.TransportError as error:
            raise _gone(error) from error
        if answer.is_error:
            raise _error(answer.content, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/plain"):
            return answer.text
        return answer.json() if answer.content else None

    def items(self, path: str, *, query: dict[str, Any] | None = None, most: int | None = None) -> list[Any]:
        """The items of a list, over all its pages; the first `most` of them."""
        found: list[Any] = []
        after = None
        while True:
            left = PAGE if most is None else min(PAGE, most - len(found))
            page = self.ask("GET", path, query={**(query or {}), "limit": left, "after": after})
            found += page["items"]
            after = page["next"]
            if after is None or (most is not None and len(found) >= most):
                return found

    @contextmanager
    def stream(
        self, method: str, path: str, *, body: Json = None, query: dict[str, Any] | None = None
    ) -> Iterator[httpx.Response]:
        """An answer that comes piece by piece, for as long as it takes."""
        assert self._http is not None
        timeout = httpx.Timeout(None, connect=CONNECT)
        try:
            with self._http.stream(method, path, json=body, params=query, timeout=timeout) as answer:
                if answer.is_error:
                    raise _error(answer.read(), answer.status_code)
                yield answer
        except httpx.TransportError as error:
            raise _gone(error) from error

    def lines(self, method: str, path: str, *, body: Json = None, query: dict[str, Any] | None = None) -> Iterator[Json]:
        """NDJSON, one value a line."""
        with self.stream(method, path, body=body, query=query) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)


def _gone(error: Exception) -> ServerGoneError:
    return ServerGoneError(f"The server went away ({error or type(error).__name__}).", hint="Run the same command again.")


def _error(content: bytes, status: int) -> Exception:
    try:
        body = json.loads(content)
    except ValueError:
        return DefectError(
            f"The server answered with status {status} and no reason.", hint="Its log is server.log in its state directory."
        )
    if "code" not in body:
        return DefectError(f"The server answered with status {status}: {body}.")
    return error_of(body)
