"""This terminal joined to a websocket of the server: a console or a shell. Ctrl-] leaves."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rackless.client.errors import error_of
from rackless.model.errors import ProviderError, UnavailableError

if TYPE_CHECKING:
    from rackless.client.synchronous.client import Client

LEAVE = b"\x1d"
"""Ctrl-], as telnet has it."""
CLOSED, BROKEN = 1000, 1006
AWAY = frozenset({1001, BROKEN, 1012})
"""Codes of a server that ends, or has ended: going away, no code at all, restart (RFC 6455, section 7.4.1; IANA)."""
PATIENCE, AGAIN = 60.0, 0.5
"""Seconds for which a server is looked for, and between two looks."""
JOINING = 10.0


def join(
    client: Client, path: str, query: dict[str, Any], *, opening: str = "", resizes: bool = False, again: bool = False
) -> None:
    """Until Ctrl-], the end of standard input, or the server's end of it. Without a terminal, lines pass as they are.

    Args:
        opening: what to say once the stream is there.
        again: when the server goes away, look for it, or for one in its place, and go on.

    Raises:
        RacklessError: what the server said against it.
    """
    with _raw():
        stream: Any = client.socket(path, query)
        while stream is not None:
            try:
                lost = _Joined(stream, opening).run(resizes=resizes) in AWAY
            except UnavailableError:
                if not again:
                    raise
                lost = True
            stream = _reopened(client, path, query) if again and lost else None


def join_line(line: socket.socket, *, opening: str = "") -> None:
    """The same with a connected stream of bytes, such as a guest's serial line on its own host."""
    with _raw():
        if opening:
            _line(opening)
        done_read, done_write = os.pipe()

        def show() -> None:
            try:
                while data := line.recv(65536):
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
            except ConnectionError:
                pass
            finally:
                os.write(done_write, b"x")

        shower = threading.Thread(target=show, daemon=True)
        shower.start()
        try:
            for data in _typed(done_read):
                line.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:  # whoever reads the line is done with it before it is closed
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            shower.join(JOINING)


class _Joined:
    """One stream, and this terminal."""

    def __init__(self, stream: Any, opening: str) -> None:
        self._stream = stream
        self._opening = opening
        self._failures: list[Exception] = []
        self._code = CLOSED
        self._done_read, self._done_write = os.pipe()

    def run(self, *, resizes: bool) -> int:
        """The code that it was closed with (RFC 6455, section 7.4.1); CLOSED when we have."""
        from websockets.exceptions import ConnectionClosed

        with self._stream:
            shower = threading.Thread(target=self._show, daemon=True)
            shower.start()
            if resizes and sys.stdin.isatty():
                signal.signal(signal.SIGWINCH, lambda *_: self._stream.send(json.dumps({"resize": list(size())})))
            try:
                for data in _typed(self._done_read):
                    self._stream.send(data)
            except ConnectionClosed:
                shower.join(JOINING)  # it knows why
        if self._failures:
            raise self._failures[0]
        return self._code

    def _show(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            for message in self._stream:
                if isinstance(message, bytes):
                    sys.stdout.buffer.write(message)
                    sys.stdout.buffer.flush()
                else:
                    _said(json.loads(message), self._failures, self._opening)
        except ConnectionClosed as error:
            self._code = error.rcvd.code if error.rcvd else BROKEN
        finally:
            os.write(self._done_write, b"x")


def _reopened(client: Client, path: str, query: dict[str, Any]) -> Any:
    """The stream again, of what comes from now on.

    Raises:
        RacklessError: no server took it within PATIENCE.
    """
    _tell("the server went away; looking for it")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            client.connect()
            return client.socket(path, {**query, "replay": "false"})
        except (ProviderError, UnavailableError):
            if time.monotonic() > end:
                raise
        time.sleep(AGAIN)


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
        _line(text)


def _tell(text: str) -> None:
    _line(f"\r\n[{text}]")


def _line(text: str) -> None:
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
