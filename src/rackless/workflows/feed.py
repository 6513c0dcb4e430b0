"""The feed of events, for any number of followers: one reader of the store a server, while anybody follows.

A follower holds no more than its number and the few events it is sending: one that is slow, or was away, reads on from the
store. What this server wrote is looked for at once; what another server on the same store wrote, twice a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator

import sqlalchemy as sa

from rackless.lease import EVER, patience
from rackless.model.errors import RacklessError
from rackless.store import events
from rackless.store.database import Database
from rackless.store.events import Event

log = logging.getLogger(__name__)

ELSEWHERE = 0.5
"""Seconds between two looks at what other servers wrote."""
GATHER = 0.05
"""Seconds in which what comes is told together: a deployment says much at once."""
PAGE = 500
"""Events that a follower is given at once, at most."""
RECENT = 4 * PAGE
"""Events that are kept in memory for all followers."""


class Feed:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: list[Event] = []
        self._ids: list[int] = []
        """Of `_recent`, to find a place in it."""
        self._newest = 0
        self._news = asyncio.Event()
        self._written = asyncio.Event()
        self._begun = asyncio.Event()
        self._followers = 0
        self._reader: asyncio.Task[None] | None = None
        self._closed = False
        database.written.append(self._written.set)

    def close(self) -> None:
        """End all followers: the server ends."""
        self._closed = True
        self._tell()

    async def follow(self, after: int | None, *, alive: float) -> AsyncIterator[tuple[int, list[Event], bool]]:
        """Events after this number (None: from now on), as they come; ends when the server does.

        Args:
            alive: seconds after which an empty batch is given, when nothing came.

        Yields:
            The number up to which all is told, the events, and whether some before them were forgotten meanwhile.
        """
        patience.set(EVER)  # a database that is away ends no stream: it goes on where it was
        self._followers += 1
        try:
            if self._reader is None:
                self._begun.clear()
                self._reader = asyncio.create_task(self._read())
            await self._begun.wait()
            at = self._newest if after is None else after
            lost = after is not None and await self._lost(at)
            if lost:
                at = await self._database.read(events.newest)
            yield at, [], lost
            while not self._closed:
                news = self._news
                batch = await self._after(at)
                if batch:
                    lost = batch[0].id > at + 1 and await self._lost(at)
                    at = batch[-1].id
                    yield at, batch, lost
                    continue
                try:
                    await asyncio.wait_for(news.wait(), alive)
                except TimeoutError:
                    yield at, [], False
        finally:
            self._followers -= 1
            if not self._followers and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def _after(self, at: int) -> list[Event]:
        """Those after this number, from memory where they are there."""
        if at >= self._newest:
            return []
        if self._ids and self._ids[0] <= at + 1:
            place = bisect_right(self._ids, at)
            return self._recent[place : place + PAGE]
        return await self._database.read(events.after, at, PAGE)

    async def _lost(self, at: int) -> bool:
        """Events after this number were forgotten, or it is of another store."""

        def look(db: sa.Connection) -> bool:
            return not events.oldest(db) - 1 <= at <= events.newest(db)

        return await self._database.read(look)

    async def _read(self) -> None:
        """Until the last follower went. What nobody followed is not read: the next one begins at the newest."""
        self._recent, self._ids, self._newest = [], [], -1
        while True:
            try:
                if self._newest < 0:
                    self._newest = await self._database.read(events.newest)
                    self._begun.set()
                while fresh := await self._database.read(events.after, self._newest, PAGE):
                    self._recent = [*self._recent, *fresh][-RECENT:]
                    self._ids = [event.id for event in self._recent]
                    self._newest = fresh[-1].id
                    self._tell()
            except (sa.exc.SQLAlchemyError, RacklessError, RuntimeError) as error:
                log.warning("events: %s", error)
            await asyncio.sleep(GATHER)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), ELSEWHERE if self._database.shared else None)
            self._written.clear()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
