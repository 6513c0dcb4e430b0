"""Around every request: its id, its line in the log, its count and its time."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless import metrics, observing

log = logging.getLogger(__name__)

HEADER = b"x-request-id"
SANE = re.compile(rb"[A-Za-z0-9._-]{8,64}")
"""An id that somebody sends along is taken when it can do no harm in a log."""
STREAMS = {"text/event-stream": "events", "application/x-ndjson": "lines", "application/vnd.tcpdump.pcap": "capture"}
WATCHING = frozenset({"/metrics", "/healthz", "/readyz", "/health/live", "/health/ready"})
"""Asked every few seconds by machines: not worth a line each."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observed:
    """The outermost layer of the application (ASGI), so that it sees every answer, also of errors, streams and websockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request = _id(scope)
        scope.setdefault("state", {})["request_id"] = request
        with observing.bound(request=request):
            await (self._http if scope["type"] == "http" else self._websocket)(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.monotonic()
        answer = _Answer(scope, begun)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.begin(message)
                message["headers"] = [*message.get("headers", []), (HEADER, scope["state"]["request_id"].encode())]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            answer.end()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.monotonic()
        stream = metrics.STREAMS.labels("websocket")
        stream.inc()
        try:
            await self._app(scope, receive, send)
        finally:
            stream.dec()
            took = time.monotonic() - begun
            with observing.bound(**_who(scope)):
                log.info("websocket %s ended after %.1f s", scope["path"], took)


class _Answer:
    """What is told of one answer."""

    def __init__(self, scope: Scope, begun: float) -> None:
        self._scope = scope
        self._begun = begun
        self._status = 0
        self._stream: Any = None

    def begin(self, message: Message) -> None:
        self._status = message["status"]
        method, route = _method(self._scope), _route(self._scope)
        metrics.REQUESTS.labels(method, route, str(self._status)).inc()
        metrics.REQUEST_SECONDS.labels(method, route).observe(time.monotonic() - self._begun)
        kind = STREAMS.get(_type(message))
        if kind:
            self._stream = metrics.STREAMS.labels(kind)
            self._stream.inc()

    def end(self) -> None:
        if self._stream is not None:
            self._stream.dec()
        path = self._scope["path"]
        level = logging.WARNING if self._status >= 500 else logging.DEBUG if path in WATCHING else logging.INFO
        seconds = time.monotonic() - self._begun
        about = {"status": self._status, "seconds": round(seconds, 4)}
        with observing.bound(**_who(self._scope)):
            log.log(
                level, "%s %s: %s in %.1f ms", self._scope["method"], path, self._status or "gone", seconds * 1000, extra=about
            )


def _id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return str(given.decode()) if SANE.fullmatch(given) else uuid.uuid4().hex


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "OTHER"


def _route(scope: Scope) -> str:
    """The template of the path, as /labs/{name}."""
    return str(getattr(scope.get("route"), "path", metrics.NO_ROUTE))


def _who(scope: Scope) -> dict[str, str]:
    caller = scope["state"].get("caller")
    return {"caller": caller.name} if caller is not None else {}


def _type(message: Message) -> str:
    found = next((value for name, value in message.get("headers", []) if name.lower() == b"content-type"), b"")
    return found.decode("latin-1").split(";")[0].strip().lower()
