"""A request with an Idempotency-Key is carried out once: the same again, within a day, gets the first answer.

The middleware takes the key and the body's digest, and keeps the answer; the guard, which knows who asks, claims the key before
the route does anything (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless.api.errors import MEDIA, answer_to
from rackless.lease import patience
from rackless.model.errors import IdempotencyError, InputError, StateError, TooLargeError, UnavailableError
from rackless.model.people import Caller
from rackless.store import answers
from rackless.workflows.world import World, world

HEADER = b"idempotency-key"
REPLAYED = "Idempotency-Replayed"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LONGEST = 255
"""Characters of a key."""
DAY = 86400.0
"""Seconds for which an answer is kept."""
WAIT, LOOK = 30.0, 0.5
"""Seconds that the second of two at once waits for the answer; and between two looks, if another server works on it."""
MOST = 1 << 20
"""Bytes of an answer that is kept."""
KEPT = {"application/json", MEDIA, ""}
"""Streams are not kept: whoever lost one asks with another key."""
UNKEPT = frozenset({"add_token", "make_ticket"})
"""Routes whose answers hold a secret that is kept nowhere. Their requests are carried out every time."""


@dataclass(kw_only=True)
class Asked:
    """A request with a key. `claimed`: under which the store has it, once the guard has claimed it for this request."""

    key: str
    digest: str
    claimed: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class ReplayError(Exception):
    """Not carried out: there is an answer already."""

    def __init__(self, answer: answers.Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


_working: dict[str, asyncio.Event] = {}
"""What this process works on, for those who wait for the same."""


class Once:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in METHODS or (raw := _header(scope, HEADER)) is None:
            await self._app(scope, receive, send)
            return
        media = _header(scope, b"content-type") or b"application/json"
        if media.partition(b";")[0].strip().lower() != b"application/json":  # an upload: the same again does no harm
            await self._app(scope, receive, send)
            return
        if not (0 < len(raw) <= LONGEST and raw.isascii() and raw.decode("ascii").isprintable()):
            wrong = InputError(f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters.", hint="Send a UUID.")
            await answer_to(wrong)(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except HTTPException as error:
            await answer_to(TooLargeError(f"{error.detail}."))(scope, receive, send)
            return
        asked = Asked(key=raw.decode("ascii"), digest=_digest(raw, scope, body))
        scope.setdefault("state", {})["once"] = asked
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self._app(scope, again, _Keeping(asked, send))
        finally:
            await _release(asked)


class _Keeping:
    """Passes an answer on, and keeps it before its last piece is sent."""

    def __init__(self, asked: Asked, send: Send) -> None:
        self._asked = asked
        self._send = send
        self._status = 0
        self._media = ""
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            found = [value for name, value in message.get("headers", ()) if name == b"content-type"]
            self._media = found[0].decode("latin-1") if found else ""
        elif message["type"] == "http.response.body":
            if len(self._body) <= MOST:
                self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._keep()
        await self._send(message)

    async def _keep(self) -> None:
        small = len(self._body) <= MOST and self._media.partition(";")[0] in KEPT
        if self._asked.claimed and self._status < 500 and small:
            key, self._asked.claimed = self._asked.claimed, ""
            await _settled(lambda: world().database.run(answers.keep, key, self._status, self._media, self._body))
            _told(key)


async def claim(connection: HTTPConnection, here: World, caller: Caller) -> None:
    """Claim the key of this request, if it has one. Called by the guard when the caller may ask for this.

    Raises:
        ReplayError: the same was answered before.
        IdempotencyError: the key came with another request.
        StateError: the same is being worked on, and there is no answer yet.
    """
    asked: Asked | None = connection.scope.get("state", {}).get("once")
    if asked is None or connection.scope["route"].name in UNKEPT:
        return
    key = hashlib.sha256(f"{caller.name}\0{asked.key}".encode()).hexdigest()
    end = time.monotonic() + WAIT
    while True:
        now = time.time()
        found = await here.database.run(answers.claim, key, asked.digest, server=here.server, now=now, old=now - DAY)
        if found is None:
            asked.claimed = key
            _working[key] = asked.done
            return
        if not hmac.compare_digest(found.digest, asked.digest):
            raise IdempotencyError(
                "This Idempotency-Key came with another request before.",
                hint="Give every request a key of its own, such as a UUID.",
            )
        if found.status is not None:
            raise ReplayError(found)
        if time.monotonic() > end:
            raise StateError("The request with this Idempotency-Key is still being worked on.", hint="Send it again later.")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_working.get(key, asyncio.Event()).wait(), LOOK)


async def replay(_: object, error: Exception) -> Response:
    """The answer of before."""
    assert isinstance(error, ReplayError)
    kept = error.answer
    assert kept.status is not None
    headers = {REPLAYED: "true"} | ({"content-type": kept.media} if kept.media else {})
    return Response(kept.body, status_code=kept.status, headers=headers)


async def _release(asked: Asked) -> None:
    """It failed, or its answer is not one that is kept: the key may be used again."""
    if asked.claimed:
        key, asked.claimed = asked.claimed, ""
        await _settled(lambda: asyncio.shield(world().database.run(answers.give_up, key)))
        _told(key)


async def _settled(write: Callable[[], Awaitable[None]]) -> None:
    """What is noted of a request that is over. The database may be away just then: the answer goes out, and this follows."""
    try:
        await write()
    except UnavailableError:
        task = asyncio.create_task(_later(write))
        _late.add(task)
        task.add_done_callback(_late.discard)


async def _later(write: Callable[[], Awaitable[None]]) -> None:
    patience.set(DAY)
    with contextlib.suppress(UnavailableError):
        await write()


_late: set[asyncio.Task[None]] = set()


def _told(key: str) -> None:
    if event := _working.pop(key, None):
        event.set()


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


async def _body(receive: Receive) -> bytes:
    found = bytearray()
    while True:
        message = await receive()
        found += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(found)


def _digest(key: bytes, scope: Scope, body: bytes) -> str:
    """Of the request, by the key, which is kept nowhere: a password in the body can't be guessed from it."""
    line = f"{scope['method']} {scope['path']}?".encode() + scope["query_string"] + b"\0"
    return hmac.new(key, line + body, hashlib.sha256).hexdigest()
