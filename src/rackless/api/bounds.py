"""What no request may exceed, looked at before any route: the length of its body, and characters that nothing here can have."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless.api.errors import answer_to
from rackless.model.errors import MalformedError

MOST = 8 << 20
"""Bytes of a body: a blueprint of 4 MiB (plans.BlueprintText), and as much again for the files with it."""
KEY = "rackless.most_body"


async def unbounded(connection: HTTPConnection) -> None:
    """A dependency of routes that read their body piece by piece and bound it themselves."""
    connection.scope[KEY] = None


class Bounds:
    """ASGI middleware. A body that is too long is refused when the route begins to read it, by the length that was announced
    or by what came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await answer_to(MalformedError("The path or the query holds a NUL character."))(scope, receive, send)
            return
        scope[KEY] = MOST
        announced = _length(scope)
        came = 0

        async def bounded() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            most = scope[KEY]
            if most is not None and max(came, announced) > most:
                raise HTTPException(413, f"The body is longer than {most >> 20} MiB")
            return message

        await self._app(scope, bounded, send)


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
