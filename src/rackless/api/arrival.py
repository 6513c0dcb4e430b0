"""The ways in to the application: this machine's unix socket, or a network address. Each marks the requests that come by it.

What comes by no way that is known here is taken for the network's: nobody is `local` by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless.api.errors import answer_to
from rackless.model.errors import ForbiddenError

MARK = "rackless.socket"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        # Terminal and editor set their measures in style elements that they make.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
YEAR = 365 * 86400


def on_socket(app: ASGIApp) -> ASGIApp:
    """The unix socket: whoever may open it is `local`."""

    async def come(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, MARK: True}, receive, send)

    return come


def on_network(app: ASGIApp, *, names: Iterable[str] | None = None, strict: bool = False) -> ASGIApp:
    """A TCP port.

    Args:
        names: the hosts that a request may be addressed to; None for any. A page of a stranger whose name was made to lead to
            this machine (DNS rebinding) is addressed to another one, and is turned away.
        strict: browsers are told to come by TLS only, from now on (HSTS, RFC 6797).
    """
    known = None if names is None else frozenset(name.lower() for name in names)
    headers = {**HEADERS, **({"strict-transport-security": f"max-age={YEAR}"} if strict else {})}

    async def come(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await app(scope, receive, send)
            return

        async def say(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                _set(message, headers)
            await send(message)

        if known is not None and host(scope) not in known:
            answer = answer_to(
                ForbiddenError(
                    f"This server is not {host(scope) or 'without a name'}.",
                    hint="The site file's `names` lists what it is called.",
                )
            )
            await answer(scope, receive, say)
            return
        await app(scope, receive, say)

    return come


def _set(message: MutableMapping[str, Any], headers: dict[str, str]) -> None:
    message.setdefault("headers", [])
    found = MutableHeaders(scope=message)
    for name, value in headers.items():
        found.setdefault(name, value)


def host(scope: Scope) -> str:
    """The name that the request is addressed to, without its port; "" for none."""
    try:
        return (URL(f"http://{Headers(scope=scope).get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def by_socket(connection: HTTPConnection) -> bool:
    return connection.scope.get(MARK) is True


def own_origin(connection: HTTPConnection) -> bool:
    """True when a page of this server asks: its Origin is the host that it asks. Browsers send Origin with all that changes
    something and with websockets; pages can't set it."""
    origin = connection.headers.get("origin")
    secure = connection.scope["scheme"] in {"https", "wss"}
    return origin is not None and origin == f"{'https' if secure else 'http'}://{connection.headers.get('host', '')}"
