"""What is open for long ends with the right to it: consoles and streams of events, when a session or token ends, its user is
disabled, or a lab is no longer shared."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from rackless.api.guard import still
from rackless.workflows.world import world

EVERY = 15.0
"""Seconds between two looks."""
ENDED = 4001
"""Close code of a websocket whose caller may not have it any more (RFC 6455, section 7.4.2)."""


class Watched:
    """ASGI middleware: looks at the rule again while an answer is under way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        watch = _Watch(scope)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not watch.over:
                raise
            watch.task.uncancel()
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": ENDED, "reason": "not allowed any more"})
            # An answer that is not complete is cut off: the server closes the connection.
        finally:
            watch.stop()


class _Watch:
    """Over one request: most end before the first look, and cost a timer."""

    def __init__(self, scope: Scope) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.over = False
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(EVERY, self._begin)

    def stop(self) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _begin(self) -> None:
        self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        caller = self._scope.get("state", {}).get("caller")
        while caller is not None and caller.via != "socket":
            if not await still(HTTPConnection(self._scope), world()):
                self.over = True
                self.task.cancel()
                return
            await asyncio.sleep(EVERY)
