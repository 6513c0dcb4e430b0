"""The `netconf` subsystem of sshd: joins standard input and output with the management daemon's socket, and no more.

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

KIND = b"N\0\0\0\0"
"""The frame (mgmt/wire.py) that makes the daemon speak NETCONF on this connection."""


def join(sock: socket.socket) -> None:
    """Until either side has said all. What the daemon still says after the client's end is given on."""
    sources = [0, sock.fileno()]
    while sock.fileno() in sources:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if data:
                sock.sendall(data)
            else:
                sources.remove(0)
                sock.shutdown(_socket.SHUT_WR)
        if sock.fileno() in ready:
            data = sock.recv(65536)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]


def main() -> int:
    from mgmt.cli import SOCKET, connect

    try:
        sock = connect(os.environ.get("MGD_SOCKET", SOCKET))
        sock.sendall(KIND)
        join(sock)
    except OSError as error:
        if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
            os.write(2, f"error: the management daemon does not answer: {error.strerror}\n".encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
