"""How messages are parted on the wire (RFC 6242): `]]>]]>` in base:1.0, chunks in base:1.1. Pure: bytes in, messages out."""

from __future__ import annotations

END = b"]]>]]>"
LARGEST = 16 * 1024 * 1024
"""Bytes of one message. A full configuration of a large router is a few megabytes."""
LARGEST_CHUNK = 4294967295
"""RFC 6242, section 4.2."""


class Broken(ValueError):
    """The peer's bytes follow no framing, or a message is too large: the session must end."""


class TooLarge(Broken):
    """A message beyond LARGEST."""


class Frames:
    """`feed` bytes, take `messages`. `chunked` is switched on once both sides have said base:1.1."""

    def __init__(self, largest: int = LARGEST) -> None:
        self.chunked = False
        self._largest = largest
        self._buffer = bytearray()
        self._searched = 0
        self._message = bytearray()
        self._left = 0
        """Bytes of the present chunk that are still to come."""
        self._started = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole message, or None when more bytes are needed. Broken when there can be none."""
        return self._next_chunked() if self.chunked else self._next_marked()

    def _next_marked(self) -> bytes | None:
        at = self._buffer.find(END, max(0, self._searched - len(END)))
        if at > self._largest or (at < 0 and len(self._buffer) > self._largest):
            raise TooLarge(f"message larger than {self._largest} bytes")
        if at < 0:
            self._searched = len(self._buffer)
            return None
        message = bytes(self._buffer[:at])
        del self._buffer[: at + len(END)]
        self._searched = 0
        return message

    def _next_chunked(self) -> bytes | None:
        while True:
            if self._left:
                part = self._buffer[: self._left]
                self._message += part
                del self._buffer[: len(part)]
                self._left -= len(part)
                if self._left:
                    return None
                self._started = True
            header = self._header()
            if header is None:
                return None
            if header == 0:
                if not self._started:
                    raise Broken("end of chunks before any chunk")
                message = bytes(self._message)
                self._message = bytearray()
                self._started = False
                return message
            if len(self._message) + header > self._largest:
                raise TooLarge(f"message larger than {self._largest} bytes")
            self._left = header

    def _header(self) -> int | None:
        r"""Size of the next chunk from `\n#<size>\n`, 0 for `\n##\n`, None when it is not yet whole."""
        head = bytes(self._buffer[:13])
        if not b"\n#".startswith(head[:2]):
            raise Broken(f"a chunk's header was expected, not {head!r}")
        end = head.find(b"\n", 2)
        if end < 0:
            digits = head[2:]
            if len(head) >= 13 or (digits and digits != b"#" and not (digits.isdigit() and digits[:1] != b"0")):
                raise Broken(f"bad chunk header {head!r}")
            return None
        digits = head[2:end]
        del self._buffer[: end + 1]
        if digits == b"#":
            return 0
        if not digits.isdigit() or digits.startswith(b"0") or int(digits) > LARGEST_CHUNK:
            raise Broken(f"bad chunk size {digits!r}")
        return int(digits)


def framed(message: bytes, *, chunked: bool) -> bytes:
    """A message as it goes on the wire."""
    if not chunked:
        return message + b"\n" + END + b"\n"
    return b"\n#%d\n%s\n##\n" % (len(message), message)
