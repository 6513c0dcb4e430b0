"""The serial line of a server, through Nova's serial proxy: a websocket that a token opens once.

The proxy ends it when the token expires or it is restarted itself. While the machine runs, such an end is none: the line is
opened again with a fresh token, and the reader notices nothing but a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, ProviderError

OPEN_SECONDS = 20.0
BACK_SECONDS = 120.0
"""Within which a line that broke has to be back while its machine runs."""


class SerialLine:
    """`address` gives a fresh URL, or None when the machine does not run (any more)."""

    def __init__(self, name: str, address: Callable[[], Awaitable[str | None]]) -> None:
        self._name = name
        self._address = address
        self._line: ClientConnection | None = None
        self._rest = b""
        self._opening = asyncio.Lock()
        self._closed = False
        self.opened = 0
        """How often it was opened."""

    async def open(self) -> None:
        """Raises:
        AbsentError: the machine does not run.
        DeadlineError: the proxy does not let us in.
        """
        if not await self._again(None):
            raise AbsentError(f"Machine {self._name} does not run, so it has no console.", hint="Switch it on.")

    async def _again(self, broken: ClientConnection | None) -> bool:
        """True when there is a line again, whoever opened it; False when the machine has stopped."""
        async with self._opening:
            if self._line is not broken:
                return self._line is not None
            deadline = Deadline(BACK_SECONDS)
            why = ""
            while not self._closed:
                url = await self._address()
                if url is None:
                    self._line = None
                    return False
                try:
                    self._line = await connect(
                        url, subprotocols=[Subprotocol("binary")], open_timeout=OPEN_SECONDS, max_size=None, compression=None,
                        ping_interval=20, proxy=None,
                    )  # fmt: skip
                    self.opened += 1
                    return True
                except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                    why = str(error)
                if deadline.over:
                    raise deadline.missed(f"the console of {self._name}", hint=f"Its serial proxy says: {why}")
                await deadline.pause(1.0)
            return False

    async def read(self, most: int = 65536) -> bytes:
        while not self._rest:
            line = self._line
            if line is None or self._closed:
                return b""
            try:
                got = await line.recv()
                self._rest = got if isinstance(got, bytes) else got.encode("latin-1")
            except ConnectionClosed:
                if self._closed or not await self._again(line):
                    return b""
        out, self._rest = self._rest[:most], self._rest[most:]
        return out

    async def write(self, data: bytes) -> None:
        for _ in range(3):
            line = self._line
            if line is None:
                break
            try:
                await line.send(data)
                return
            except ConnectionClosed:
                if not await self._again(line):
                    break
        raise ProviderError(f"The console of {self._name} has ended.", hint="Switch the machine on, and open it again.")

    async def close(self) -> None:
        self._closed = True
        if self._line is not None:
            await self._line.close()
