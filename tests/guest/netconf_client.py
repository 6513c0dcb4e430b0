"""A NETCONF client of the least kind, for tests: what it sends and gets are plain bytes."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
HELLO = f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.{{}}</capability></capabilities></hello>'
END = b"]]>]]>"


class Netconf:
    """One session over the management daemon's socket, as the subsystem's program opens it."""

    def __init__(self, root: Path, *, version: int = 0, greet: bool = True) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        end = time.monotonic() + 20
        while self.sock.connect_ex(str(root / "run/mgd.sock")):  # there, but not yet listening
            assert time.monotonic() < end, "the daemon does not listen"
            time.sleep(0.01)
        self.sock.sendall(b"N\0\0\0\0")
        self._buffer = b""
        self.number = 0
        self.chunked = False
        if greet:
            self.hello = self.until(END)
            self.number = int(re.findall(r"<session-id>(\d+)", self.hello)[0])
            self.sock.sendall(HELLO.format(version).encode() + END)
            self.chunked = version == 1

    def until(self, mark: bytes) -> str:
        while mark not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self._buffer.decode())
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(mark)
        return text.decode()

    def send(self, text: str) -> None:
        data = text.encode()
        self.sock.sendall(b"\n#%d\n%s\n##\n" % (len(data), data) if self.chunked else data + END)

    def raw(self, text: str) -> str:
        """Any message; the reply."""
        self.send(text)
        return self.until(b"\n##\n" if self.chunked else END)

    def rpc(self, inner: str) -> str:
        """The inside of the reply to an operation."""
        said = self.raw(f'<rpc xmlns="{BASE}" message-id="7">{inner}</rpc>')
        found = re.search(r'<rpc-reply [^>]*message-id="7"[^>]*>\n?(.*)</rpc-reply>', said, re.DOTALL)
        assert found, said
        return found[1]

    def ok(self, inner: str) -> None:
        said = self.rpc(inner)
        assert said == "<ok/>\n", said

    def set(self, *lines: str) -> str:
        text = "\n".join(lines)
        return self.rpc(
            f'<load-configuration action="set" format="text"><configuration-set>{text}</configuration-set></load-configuration>'
        )

    def running(self) -> str:
        return self.rpc("<get-config><source><running/></source></get-config>")

    def candidate(self) -> str:
        return self.rpc("<get-config><source><candidate/></source></get-config>")

    def close(self) -> None:
        """Gone, without a word; a thread that is sending is set free."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def ended(self) -> bool:
        """Has the router closed the connection?"""
        with contextlib.suppress(ConnectionResetError):
            while data := self.sock.recv(65536):
                self._buffer += data
        return True
