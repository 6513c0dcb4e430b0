"""The `netconf` subsystem of sshd: joins standard input and output with the management daemon's socket, and no more.

At a terminal (`xml-mode netconf need-trailer`) what is typed is made whole first, and comments say where the session begins
and ends.

The daemon knows by the socket who we are. Few imports: under emulation each costs the user time.
"""

from __future__ import annotations

import _socket
import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from mgmt.netconf.typed import Typed

KIND = b"N\0\0\0\0"
"""The frame (mgmt/wire.py) that makes the daemon speak NETCONF on this connection."""


def join(sock: socket.socket, typed: Typed | None = None) -> None:
    """Until either side has said all. What the daemon still says after the client's end is given on."""
    sources = [0, sock.fileno()]
    while sock.fileno() in sources:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if data and not (typed is not None and b"\x04" in data):
                sock.sendall(data if typed is None else typed.feed(data))
            else:
                sources.remove(0)
                sock.shutdown(_socket.SHUT_WR)
        if sock.fileno() in ready:
            data = sock.recv(65536)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]


def at_terminal(sock: socket.socket) -> None:
    """A session that is typed: no echo, no line editing, and each message ends where its XML does. ^D leaves."""
    import termios
    import time
    import tty

    from mgmt.netconf.typed import Typed

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        os.write(1, b"<!-- No zombies were killed during the creation of this user interface -->\n")
        sock.sendall(KIND)
        join(sock, Typed())
        os.write(1, time.strftime("<!-- session end at %Y-%m-%d %H:%M:%S %Z -->\n").encode())
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def main() -> int:
    from mgmt.cli import SOCKET, connect

    try:
        sock = connect(os.environ.get("MGD_SOCKET", SOCKET))
        if os.isatty(0) and os.isatty(1):
            at_terminal(sock)
        else:
            sock.sendall(KIND)
            join(sock)
    except (OSError, ValueError) as error:
        if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
            os.write(2, f"error: the management daemon does not answer: {error}\n".encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
