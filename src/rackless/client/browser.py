"""Logging in where the browser is: the server's page, on which somebody is logged in by whatever way they have there, gives this
program a one-time ticket, by sending the browser to an address of this machine (the way of RFC 8252, section 7.3).

A browser of another machine does not come here; whoever sits at it pastes the address at which it gave up.
"""

from __future__ import annotations

import hmac
import os
import secrets
import select
import socket
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from rackless.model.errors import DeadlineError, InputError

PATIENCE = 600.0
"""Seconds for the whole login."""
READING = 5.0
"""Seconds for one request of the browser's."""
DONE = "<!doctype html><meta charset=utf-8><title>Rackless</title><p>The command line is logged in. You may close this page."
OTHER = "<!doctype html><meta charset=utf-8><title>Rackless</title><p>This is not the login that waits here."


def ticket_by_browser(base: str, show: Callable[[str], None], *, paste: bool, patience: float = PATIENCE) -> str:
    """The ticket that the page at `base` gives.

    Args:
        show: is given the address to open.
        paste: whether a line of standard input may be the address at which the browser ended.
        patience: seconds to wait for it.

    Raises:
        DeadlineError: nobody allowed it in time.
        InputError: what was pasted is not that address.
    """
    state = secrets.token_urlsafe(16)
    with _Waiting(state) as waiting:
        query = {"port": waiting.server_address[1], "state": state, "host": socket.gethostname()[:64]}
        show(f"{base}/cli?{urlencode(query)}")
        limit, typed = time.monotonic() + patience, b""
        while not waiting.ticket:
            left = limit - time.monotonic()
            if left <= 0:
                raise DeadlineError(f"Nobody allowed it on the page within {patience:g} s.", hint="Begin again.")
            ready, _, _ = select.select([waiting, *([sys.stdin] if paste else [])], [], [], left)
            if waiting in ready:
                waiting.handle_request()
            elif ready:
                came = os.read(sys.stdin.fileno(), 65536)
                paste = bool(came)  # a terminal that was closed says nothing more; the browser may come all the same
                *lines, typed = (typed + came).split(b"\n")
                for line in filter(None, (line.strip().decode(errors="replace") for line in lines)):
                    waiting.ticket = _pasted(line, state)
    return waiting.ticket


def _ticket(address: str, state: str) -> str:
    """ "" if it is not of this login."""
    query = parse_qs(urlsplit(address).query)
    mine = query.get("state", [""])[0]
    return query.get("ticket", [""])[0] if hmac.compare_digest(mine.encode(), state.encode()) else ""


def _pasted(address: str, state: str) -> str:
    """Raises InputError."""
    ticket = _ticket(address, state)
    if not ticket:
        raise InputError(
            "That is not the address at which this login ended.",
            hint="Begin again, and paste what the browser's address bar says after you pressed Allow.",
        )
    return ticket


class _Waiting(HTTPServer):
    """On a free port of this machine only."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.ticket = ""


class _Handler(BaseHTTPRequestHandler):
    timeout = READING
    server: _Waiting

    def do_GET(self) -> None:
        found = _ticket(self.path, self.server.state)
        self.server.ticket = found
        body = (DONE if found else OTHER).encode()
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A ticket stands in the address: nothing of it is written down."""
