"""This terminal joined to a websocket of the server: a console or a shell. Ctrl-] leaves."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rackless.client.errors import error_of

if TYPE_CHECKING:
    from rackless.client.synchronous.client import Client

LEAVE = b"\x1d"
"""Ctrl-], as telnet has it."""


def join(client: Client, path: str, query: dict[str, Any], *, opening: str = "", resizes: bool = False) -> None:
    """Until Ctrl-], the end of standard input, or the server's end of it. Without a terminal, lines pass as they are.

    Args:
        opening: what to say once the stream is there.

    Raises:
        RacklessError: what the server said against it.
    """
    from websockets.exceptions import ConnectionClosed

    socket = client.socket(path, query)
    failures: list[Exception] = []
    done_read, done_write = os.pipe()

    def show() -> None:
        try:
            for message in socket:
                if isinstance(message, bytes):
                    sys.stdout.buffer.write(message)
                    sys.stdout.buffer.flush()
                else:
                    _said(json.loads(message), failures, opening)
        except ConnectionClosed:
            pass
        finally:
            os.write(done_write, b"x")

    with socket, _raw():
        shower = threading.Thread(target=show, daemon=True)
        shower.start()
        if resizes and sys.stdin.isatty():
            signal.signal(signal.SIGWINCH, lambda *_: socket.send(json.dumps({"resize": list(size())})))
        try:
            for data in _typed(done_read):
                socket.send(data)
        except ConnectionClosed:
            pass
    if failures:
        raise failures[0]


def size() -> tuple[int, int]:
    """Columns and rows of the terminal itself; COLUMNS and LINES are for what prints tables."""
    try:
        found = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, ValueError):  # not a terminal
        return 80, 24
    return found.columns, found.lines


def _said(body: dict[str, Any], failures: list[Exception], opening: str) -> None:
    if "error" in body:
        failures.append(error_of(body["error"]))
        return
    text = opening if "open" in body else f"\r\n[{body.get('note', '')}]"
    if text:
        sys.stderr.write(f"{text}\r\n" if sys.stderr.isatty() else f"{text}\n")
        sys.stderr.flush()


def _typed(done: int) -> Iterator[bytes]:
    """What is typed, until Ctrl-] or the end of either side. Input that ends (a pipe) leaves the output until it ends."""
    stdin = sys.stdin.fileno()
    watched = [stdin, done]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if done in ready:
            return
        data = os.read(stdin, 65536)
        if not data:
            watched = [done]
            continue
        before, leave, _ = data.partition(LEAVE)
        if before:
            yield before
        if leave:
            return


@contextmanager
def _raw() -> Iterator[None]:
    """Every key goes to the other side; the terminal is as before afterwards."""
    if not sys.stdin.isatty():
        yield
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        sys.stdout.write("\r\n")
