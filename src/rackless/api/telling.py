"""Long work that tells how far it is, as an answer in lines of JSON (NDJSON)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from rackless.api.errors import body_of
from rackless.model.errors import RacklessError

T = TypeVar("T")
MEDIA = "application/x-ndjson"
ALIVE = 10.0
"""Seconds of silence after which an empty line says that the answer goes on."""


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


class Telling:
    """What the work has told so far. Made in the event loop; `tell` may be called by any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    def tell(self, **said: object) -> None:
        self._loop.call_soon_threadsafe(self._told.put_nowait, said)

    async def lines(self, work: asyncio.Task[T], last: Callable[[T], Awaitable[object]]) -> AsyncIterator[bytes]:
        """What is told, as it comes; at the end `last` of the result, or {"error"}. Who stops reading ends the work."""
        try:
            while not work.done():
                coming = asyncio.ensure_future(self._told.get())
                try:
                    await asyncio.wait([work, coming], timeout=ALIVE, return_when=asyncio.FIRST_COMPLETED)
                    if coming.done():
                        yield line(coming.result())
                    elif not work.done():
                        yield b"\n"
                finally:
                    coming.cancel()
            while not self._told.empty():
                yield line(self._told.get_nowait())
            yield line(await last(await work))
        except RacklessError as error:
            yield line({"error": body_of(error)})
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
