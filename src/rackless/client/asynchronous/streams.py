"""Consoles and shells: a websocket, bytes both ways."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from rackless.client.asynchronous import ways
from rackless.client.asynchronous.calls import AsyncCalls
from rackless.client.errors import error_in, error_of, gone
from rackless.model.errors import DeadlineError, ProviderError

if TYPE_CHECKING:
    from websockets import exceptions
else:
    from rackless.client.late import exceptions

OPENING = 30.0
"""Seconds until the other side has answered."""


class AsyncLine:
    """Bytes of a serial line or a shell, for one program at each end. `notes`: what the server said meanwhile, as that another
    took the keyboard."""

    def __init__(self, socket: ways.Socket) -> None:
        self._socket = socket
        self._rest = b""
        self.notes: list[str] = []

    async def greeting(self, timeout: float) -> None:
        """Until the server says that the line is open.

        Raises:
            RacklessError: what it said against it, or it said nothing.
        """
        try:
            self._told(json.loads(await ways.received(self._socket, timeout)))
        except (TimeoutError, exceptions.ConnectionClosed) as error:
            raise ProviderError("The server did not open the line.", hint="Run the same command again.") from error

    async def read(self, timeout: float | None = None) -> bytes:
        """What came, at least a byte; b"" at the end.

        Raises:
            DeadlineError: nothing came within `timeout` seconds.
        """
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        while True:
            try:
                message = await ways.received(self._socket, timeout)
            except TimeoutError as error:
                raise DeadlineError(f"Nothing came within {timeout:g} s.") from error
            except exceptions.ConnectionClosed:
                return b""
            if isinstance(message, bytes):
                return message
            self._told(json.loads(message))

    async def read_until(self, text: bytes, timeout: float) -> bytes:
        """All up to this text and with it; what follows it stays for the next read.

        Raises:
            DeadlineError: it did not come within `timeout` seconds.
            ProviderError: the line ended before.
        """
        end = ways.now() + timeout
        seen = b""
        while text not in seen:
            try:
                piece = await self.read(max(0.0, end - ways.now()))
            except DeadlineError:
                self._rest = seen
                raise DeadlineError(f"{text!r} did not come within {timeout:g} s; last came {seen[-200:]!r}.") from None
            if not piece:
                raise ProviderError(f"The line ended before {text!r} came; last came {seen[-200:]!r}.")
            seen += piece
        before, _, self._rest = seen.partition(text)
        return before + text

    async def write(self, data: bytes) -> None:
        try:
            await self._socket.send(data)
        except exceptions.ConnectionClosed as error:
            raise ProviderError("The line has ended.") from error

    async def resize(self, columns: int, rows: int) -> None:
        """Of a shell: its terminal's size."""
        await self._socket.send(json.dumps({"resize": [columns, rows]}))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    def _told(self, body: dict[str, Any]) -> None:
        if "error" in body:
            raise error_of(body["error"])
        if "note" in body:
            self.notes.append(str(body["note"]))


@asynccontextmanager
async def line(calls: AsyncCalls, path: str, query: Mapping[str, Any], *, greeted: bool) -> AsyncGenerator[AsyncLine]:
    """Open until the block ends.

    Args:
        greeted: the server says when the line is open, and that is waited for.

    Raises:
        RacklessError: what the server said against it.
    """
    socket = await opened(calls, path, query)
    try:
        found = AsyncLine(socket)
        if greeted:
            await found.greeting(OPENING)
        yield found
    finally:
        await socket.close()


async def opened(calls: AsyncCalls, path: str, query: Mapping[str, Any]) -> ways.Socket:
    """The websocket itself."""
    words = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items() if value is not None}
    await calls.connected()
    try:
        return await ways.open_socket(calls.place, f"{path}?{urlencode(words)}", calls.authorization, OPENING)
    except exceptions.InvalidStatus as error:
        raise error_in(bytes(error.response.body or b""), error.response.status_code, calls.place.name) from error
    except ssl.SSLCertVerificationError as error:
        raise gone(calls.place.name, error) from error
    except (OSError, exceptions.WebSocketException, TimeoutError) as error:
        raise ProviderError(f"{calls.place.name} gave no stream: {error}.", hint="Run the same command again.") from error
