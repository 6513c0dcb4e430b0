"""Frames between the command line and its daemon over the unix socket. No imports: the client's start-up time counts.

A frame is one byte of kind, four bytes of length (big endian), then UTF-8 text. Several fields are parted by NUL.
Client to daemon: HELLO (`tty`, `echo` or nothing; terminal), LINE, ASSIST (key, text), ANSWER (status, text).
NETCONF as the first frame: from then on both sides speak that (RFC 6242), and no frames.
Daemon to client: TEXT (a first character that says whether it may be paged), PROMPT (status of the last line, banner, prompt,
screen length), HELP (inserted, text), and what the daemon asks of the client, each answered by ANSWER: ASK (echo, prompt),
RUN (capture, argv...), TERMINAL, READ (path), WRITE (path, text). BYE ends the session.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

HELLO, LINE, ASSIST, ANSWER, NETCONF = b"H", b"L", b"?", b"A", b"N"
TEXT, PROMPT, HELP, ASK, RUN, TERMINAL, READ, WRITE, BYE = b"T", b"P", b"C", b"K", b"R", b"M", b"F", b"W", b"B"

LARGEST = 64 * 1024 * 1024
"""Bytes in one frame; a larger one is a broken peer."""


def send(sock: socket.socket, kind: bytes, *fields: str) -> None:
    """Send one frame. Fields must not contain NUL, except the last."""
    body = "\0".join(fields).encode("utf-8", "surrogateescape")
    sock.sendall(kind + len(body).to_bytes(4, "big") + body)


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = sock.recv(min(count, 65536))
        if not part:
            raise EOFError("the other side closed the connection")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive(sock: socket.socket) -> tuple[bytes, str]:
    """The next frame: kind and text. EOFError when the peer is gone, ValueError when it sends nonsense."""
    head = _exactly(sock, 5)
    length = int.from_bytes(head[1:], "big")
    if length > LARGEST:
        raise ValueError("frame too large")
    return head[:1], _exactly(sock, length).decode("utf-8", "surrogateescape")
