"""The little telnet (RFC 854, 856, 857, 858) that a serial port over the network speaks: data in and out, options refused.

The libraries for it (telnetlib3, aiotelnet) are terminals: they offer the other end a terminal type, a window size and a
language, and decode text. A serial line is octets, and its other end a hypervisor.
"""

from __future__ import annotations

import asyncio
import contextlib

from rackless.model.errors import ProviderError

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, ECHO, GO_AHEAD = 0, 1, 3
_OURS = frozenset({BINARY, GO_AHEAD})
"""Options that we agree to for what we send; of theirs, echoing too."""
_THEIRS = _OURS | {ECHO}
_MOST = 4096
"""Octets of a subnegotiation; what is longer is no telnet."""


class Decoder:
    """Turns what came into data, and answers to what was negotiated. Each option is answered once in each direction, so that two
    ends that answer each other come to rest (RFC 854, "nonterminating loops")."""

    def __init__(self) -> None:
        self._verb = 0
        self._inside = bytearray()
        self._state = "data"
        self._agreed: set[tuple[int, int]] = set()
        self._return = False

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        """(data, answer)."""
        data, answer = bytearray(), bytearray()
        for octet in received:
            if self._state == "data":
                self._datum(octet, data)
            elif self._state == "command":
                self._command(octet, data)
            elif self._state == "option":
                answer += self._negotiate(self._verb, octet)
                self._state = "data"
            else:
                self._inner(octet)
        return bytes(data), bytes(answer)

    def _datum(self, octet: int, data: bytearray) -> None:
        if octet == IAC:
            self._state = "command"
            return
        # CR NUL is a bare CR, unless the line is binary.
        if not (self._return and octet == 0 and (WILL, BINARY) not in self._agreed):
            data.append(octet)
        self._return = octet == 13

    def _command(self, octet: int, data: bytearray) -> None:
        self._state = "data"
        if octet == IAC:
            data.append(IAC)
            self._return = False
        elif octet in (DO, DONT, WILL, WONT):
            self._verb, self._state = octet, "option"
        elif octet == SB:
            self._inside.clear()
            self._state = "inside"

    def _inner(self, octet: int) -> None:
        if self._state == "inside ended" and octet != IAC:
            self._state = "data" if octet == SE else "inside"
            return
        if self._state == "inside" and octet == IAC:
            self._state = "inside ended"
            return
        self._state = "inside"
        self._inside.append(octet)
        if len(self._inside) > _MOST:
            raise ProviderError("What answers at the console's port is no serial line.", hint="See what listens there.")

    def _negotiate(self, verb: int, option: int) -> bytes:
        yes, no = (WILL, WONT) if verb in (DO, DONT) else (DO, DONT)
        side = DO if verb in (DO, DONT) else WILL
        agrees = option in (_OURS if side == DO else _THEIRS) and verb in (DO, WILL)
        if verb in (DONT, WONT):
            if (side, option) not in self._agreed:
                return b""
            self._agreed.discard((side, option))
            return bytes((IAC, no, option))
        if agrees:
            if (side, option) in self._agreed:
                return b""
            self._agreed.add((side, option))
            return bytes((IAC, yes, option))
        return bytes((IAC, no, option))

    def encode(self, data: bytes) -> bytes:
        """Data as it is sent: IAC doubled; a bare CR followed by NUL, unless we send binary."""
        if (DO, BINARY) not in self._agreed:
            data = data.replace(b"\r", b"\r\x00")
        return data.replace(b"\xff", b"\xff\xff")


class TelnetStream:
    """A serial line. The contract's `Stream`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = Decoder()
        self._rest = b""

    async def read(self, most: int = 65536) -> bytes:
        while not self._rest:
            try:
                received = await self._reader.read(65536)
            except OSError:
                return b""
            if not received:
                return b""
            self._rest, answer = self._decoder.feed(received)
            if answer:
                with contextlib.suppress(OSError):
                    self._writer.write(answer)
                    await self._writer.drain()
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(self._decoder.encode(data))
            await self._writer.drain()
        except OSError as error:
            raise ProviderError("The serial line has ended.", hint="Open it again.") from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await self._writer.wait_closed()
