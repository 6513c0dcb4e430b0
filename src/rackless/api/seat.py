"""One client at a machine's serial line: it sees what the line shows, and may be the one who writes."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError

from rackless.console.hub import ConsoleHub, Feed, Lease
from rackless.model.errors import StateError


class Asked(BaseModel):
    """What a client says in a text message."""

    write: bool | None = None
    takeover: bool = False


class Seat:
    """`who`: the name that others see as the writer's. `may`: this one may become the writer."""

    def __init__(self, socket: WebSocket, hub: ConsoleHub, who: str, *, may: bool) -> None:
        self._socket = socket
        self._hub = hub
        self._who = who
        self._may = may
        self._lease: Lease | None = None
        self._held = AsyncExitStack()
        self._drain: asyncio.Task[None] | None = None

    async def run(self, feed: Feed, *, write: bool, takeover: bool, state: bool) -> None:
        """Until the client hangs up or the line is closed."""
        tasks = {asyncio.ensure_future(self._show(feed)), asyncio.ensure_future(self._listen(write=write, takeover=takeover))}
        if state:
            tasks.add(asyncio.ensure_future(self._follow()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stand()

    async def _show(self, feed: Feed) -> None:
        while data := await feed.read():
            await self._socket.send_bytes(data)
        await tell(self._socket, {"note": "The console was closed."})

    async def _follow(self) -> None:
        async with self._hub.following() as news:
            while True:
                news.clear()
                lease = self._lease
                you = lease is not None and lease.taken_by is None
                body = {"writer": self._hub.holder, "you": you, "may": self._may, "watchers": self._hub.watchers}
                await tell(self._socket, {"state": body})
                await news.wait()

    async def _listen(self, *, write: bool, takeover: bool) -> None:
        if write and self._may:
            await self._sit(takeover=takeover)
        while True:
            try:
                message = await self._socket.receive()
            except (WebSocketDisconnect, RuntimeError):
                return
            if message["type"] == "websocket.disconnect":
                return
            if data := message.get("bytes"):
                await self._write(data)
            elif text := message.get("text"):
                await self._asked(text)

    async def _write(self, data: bytes) -> None:
        if self._lease is None:
            return
        try:
            await self._lease.write(data)
        except StateError:
            await self._stand()

    async def _asked(self, text: str) -> None:
        try:
            asked = Asked.model_validate_json(text)
        except ValidationError:
            return  # of a client that knows more than this server
        if asked.write is False:
            await self._stand()
        elif asked.write and not self._may:
            await tell(self._socket, {"note": "You may watch only: writing takes the role user."})
        elif asked.write:
            await self._sit(takeover=asked.takeover)

    async def _sit(self, *, takeover: bool) -> None:
        if self._lease is not None and self._lease.taken_by is None:
            return
        await self._stand()
        try:
            self._lease = await self._held.enter_async_context(self._hub.writer(self._who, takeover=takeover))
        except StateError as error:
            await tell(self._socket, {"note": f"{error.message} You watch only. {error.hint}"})
            return
        self._drain = asyncio.ensure_future(self._drained(self._lease))

    async def _stand(self) -> None:
        """Give the writer's place back; without it this changes nothing."""
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.gather(self._drain, return_exceptions=True)
            self._drain = None
        self._lease = None
        await self._held.aclose()
        self._held = AsyncExitStack()

    async def _drained(self, lease: Lease) -> None:
        """The lease's own copy of the output is for dialogues; what a person sees comes from the feed, without secrets."""
        try:
            while await lease.read():
                pass
        except StateError as error:
            await tell(self._socket, {"note": f"{error.message} You watch only."})


async def tell(socket: WebSocket, body: dict[str, Any]) -> None:
    """Send a message; a client that is gone hears nothing."""
    try:
        await socket.send_text(json.dumps(body))
    except (WebSocketDisconnect, RuntimeError):
        return


async def close(socket: WebSocket, code: int) -> None:
    try:
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        return
