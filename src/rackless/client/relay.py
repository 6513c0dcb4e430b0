"""A serial line of the server as a telnet port of this machine, for programs that speak with consoles. Ends at Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import socket as sockets
import sys
import threading
from typing import TYPE_CHECKING, Any

from rackless.client.errors import error_of
from rackless.model.errors import ProviderError, RacklessError, StateError

if TYPE_CHECKING:
    from rackless.client.synchronous.client import Client

IAC, SE, SB, WILL, DONT = 255, 240, 250, 251, 254
ECHO, SUPPRESS_GO_AHEAD = 1, 3
OPENING = bytes([IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD])
"""The line echoes, and goes key by key: what makes a telnet program stop editing lines of its own (RFC 857, RFC 858)."""


class Telnet:
    """Takes the telnet protocol (RFC 854) off what a client sends. Options are not answered: ours were said at the start."""

    def __init__(self) -> None:
        self._command: list[int] | None = None
        self._after_return = False

    def feed(self, data: bytes) -> bytes:
        """The keys in it. Enter is CR alone, whether CR NUL, CR LF or LF came."""
        out = bytearray()
        for byte in data:
            if self._command is not None:
                self._continue(byte, out)
            elif byte == IAC:
                self._command = []
            elif self._after_return and byte in b"\0\n":
                self._after_return = False
            else:
                self._after_return = byte == 13
                out.append(byte)
        return bytes(out)

    def _continue(self, byte: int, out: bytearray) -> None:
        assert self._command is not None
        if not self._command and byte == IAC:
            out.append(IAC)
            self._command = None
            return
        self._command.append(byte)
        if self._command[0] == SB:
            ended = self._command[-2:] == [IAC, SE]
        else:
            ended = len(self._command) == (2 if WILL <= self._command[0] <= DONT else 1)
        if ended:
            self._command = None


def serve(client: Client, path: str, query: dict[str, Any], port: int, machine: str) -> None:
    """Give the line to one client after the other, until Ctrl-C.

    Args:
        port: TCP port on 127.0.0.1; 0 takes a free one, which is told on standard output.

    Raises:
        RacklessError: the port is taken, or the server has no such line.
    """
    try:
        listener = sockets.create_server(("127.0.0.1", port))
    except OSError as error:
        raise StateError(
            f"Port {port} can't be listened on: {error.strerror}.", hint="Name another one, or 0 for any."
        ) from error
    with listener, contextlib.suppress(KeyboardInterrupt):
        _open(client, path, query).close()  # a line that is not there is told now, not to the first client
        sys.stdout.write(f"Serial line of {machine} at telnet 127.0.0.1 {listener.getsockname()[1]}; Ctrl-C ends.\n")
        sys.stdout.flush()
        while True:
            guest, _ = listener.accept()
            with guest:
                guest.sendall(OPENING)
                try:
                    _join(guest, _open(client, path, query))
                except RacklessError as error:
                    guest.sendall(f"\r\n{error.message} {error.hint}\r\n".encode())


def _open(client: Client, path: str, query: dict[str, Any]) -> Any:
    """The server's stream, once it has said that it is open.

    Raises:
        RacklessError: what the server said against it.
    """
    from websockets.exceptions import ConnectionClosed

    client.connect()
    stream = client.socket(path, query)
    try:
        first = json.loads(stream.recv(timeout=30))
    except (OSError, ConnectionClosed, TimeoutError) as error:
        raise ProviderError(f"The server gave no stream: {error}.", hint="Run the same command again.") from error
    if "error" in first:
        stream.close()
        raise error_of(first["error"])
    return stream


def _join(client: sockets.socket, stream: Any) -> None:
    """Both ways, until either side ends."""
    from websockets.exceptions import ConnectionClosed

    def show() -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for message in stream:
                if isinstance(message, bytes):
                    client.sendall(message.replace(b"\xff", b"\xff\xff"))
                else:
                    client.sendall(f"\r\n[{json.loads(message).get('note', '')}]\r\n".encode())
        with contextlib.suppress(OSError):
            client.shutdown(sockets.SHUT_RDWR)

    telnet = Telnet()
    shower = threading.Thread(target=show, daemon=True)
    with stream:
        shower.start()
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                data = client.recv(65536)
                if not data:
                    break
                keys = telnet.feed(data)
                if keys:
                    stream.send(keys)
    shower.join(10)
