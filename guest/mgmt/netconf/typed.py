"""NETCONF typed at a terminal, as over a serial line: `xml-mode netconf need-trailer` in the shell, `junoscript` in the CLI.

The dialect reads XML as it comes there: an `<rpc>` ends with its end tag, with or without `]]>]]>` behind it, and nobody has
to say hello. The daemon wants both (RFC 6242); what is missing is put in here. Pure: bytes in, bytes out.
"""

from __future__ import annotations

END = b"]]>]]>"
HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>'
    b"<capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>" + END
)
ENDS = (b"</rpc>", b"</hello>")
CLOSE = b"<close-session/>"
"""Alone, without an rpc around it: what clients send to free the line of a session that somebody left."""
LARGEST = 4 * 1024 * 1024
"""Bytes of one message; a serial line takes six minutes for so many."""


class Typed:
    """`feed` what is typed; what comes back goes to the daemon."""

    def __init__(self) -> None:
        self._buffer = b""
        self._greeted = False

    def feed(self, data: bytes) -> bytes:
        """Whole messages, each behind its mark; the rest waits. ValueError when one never ends."""
        self._buffer += data
        out = b""
        while True:
            found = self._next()
            if found is None:
                break
            if not self._greeted:
                self._greeted = True
                if b"hello" not in found:
                    out += HELLO
            out += found + END
        if len(self._buffer) > LARGEST:
            raise ValueError("a message without an end")
        return out

    def _next(self) -> bytes | None:
        """The next message without its mark; None when it is not whole."""
        text = self._buffer.lstrip()
        while text.startswith(END):
            text = text[len(END) :].lstrip()
        self._buffer = text
        if text.startswith(CLOSE):
            self._buffer = text[len(CLOSE) :]
            return b"<rpc>" + CLOSE + b"</rpc>"
        ends = [text.find(mark) + len(mark) for mark in ENDS if mark in text]
        if not ends:
            return None
        self._buffer = text[min(ends) :]
        return text[: min(ends)]
