"""One serial line, many watchers, one writer.

The hub owns the only stream to a machine's serial line for the machine's life and opens it again when it drops. What the
guest sends goes, without secrets, into a ring that newcomers see first, to every watcher, and into the transcript; the
writer also gets it raw, because a dialogue decides on it.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from rackless.console.redaction import Redactor
from rackless.console.transcript import Transcript
from rackless.model.errors import RacklessError, StateError
from rackless.streams import ByteStream

RING = 64 * 1024
"""Bytes of past output kept for newcomers."""
BACKLOG = 1024 * 1024
"""Bytes a slow watcher may lag behind before the oldest are dropped for him."""
QUIET = 0.1
"""Seconds of silence after which a held-back short start of a possible secret is shown."""
REOPEN_FIRST, REOPEN_MOST = 0.05, 2.0
"""Seconds between tries to open the line again: first, doubling, at most."""

Opener = Callable[[], Awaitable[ByteStream]]


class Feed:
    """Bytes on their way to one reader; the oldest go when he lags too far behind. `read` returns b"" at the end."""

    def __init__(self, start: bytes = b"") -> None:
        self._chunks: deque[bytes] = deque([start] if start else [])
        self._size = len(start)
        self._lost = 0
        self._ended = False
        self._news = asyncio.Event()
        if start:
            self._news.set()

    def put(self, data: bytes) -> None:
        if self._ended or not data:
            return
        self._chunks.append(data)
        self._size += len(data)
        while self._size > BACKLOG and len(self._chunks) > 1:
            gone = len(self._chunks.popleft())
            self._size -= gone
            self._lost += gone
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def read(self, most: int = 65536) -> bytes:
        while not self._chunks:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return f"\r\n[{lost} bytes were lost here: the reader was too slow]\r\n".encode()
        data = self._chunks.popleft()
        if len(data) > most:
            self._chunks.appendleft(data[most:])
            data = data[:most]
        self._size -= len(data)
        return data


class Lease:
    """The right to write to the line, until released or taken over. `read` gives the line's raw bytes, from the ring on."""

    def __init__(self, hub: ConsoleHub, owner: str, start: bytes) -> None:
        self._hub = hub
        self._feed = Feed(start)
        self.owner = owner
        self.taken_by: str | None = None

    @property
    def hub(self) -> ConsoleHub:
        return self._hub

    def check(self) -> None:
        """Raises StateError when the line was taken over."""
        if self.taken_by is not None:
            raise StateError(
                f"The console of {self._hub.name} was taken over from {self.owner} by {self.taken_by}.",
                hint="Watch it without writing, or take it over in turn.",
            )

    async def write(self, data: bytes) -> None:
        self.check()
        await self._hub.send(data)

    async def read(self, most: int = 65536) -> bytes:
        """Raises StateError after a takeover; b"" when the hub was closed."""
        data = await self._feed.read(most)
        self.check()
        return data

    def put(self, data: bytes) -> None:
        self._feed.put(data)

    def end(self) -> None:
        self._feed.end()


class ConsoleHub:
    """`opener` opens the line (provider.console of this machine); `start` before use, `close` at the machine's end."""

    def __init__(self, name: str, opener: Opener, *, transcript: Path | None = None, redactor: Redactor | None = None) -> None:
        self.name = name
        self.redactor = redactor or Redactor()
        self.drops = 0
        self.failure: Exception | None = None
        """Why the line could not be opened at the last try, None while it is open."""
        self._opener = opener
        self._transcript = Transcript(transcript, self.redactor) if transcript else None
        self._shown = bytearray()
        self._raw = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._redacted = self.redactor.stream()
        self._watchers: set[Feed] = set()
        self._following: set[asyncio.Event] = set()
        self._holder: Lease | None = None
        self._stream: ByteStream | None = None
        self._open = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ConsoleHub:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the line in the background; repeating it is a no-op."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"console {self.name}")

    async def close(self) -> None:
        """End every watcher and writer, close the line and the transcript. Repeating it is a no-op."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._show(self._redacted.end())
        for feed in self._watchers:
            feed.end()
        if self._holder:
            self._holder.end()
        if self._transcript:
            self._transcript.close()

    @property
    def connected(self) -> bool:
        return self._open.is_set()

    @property
    def holder(self) -> str | None:
        """Who may write now."""
        return self._holder.owner if self._holder else None

    @property
    def watchers(self) -> int:
        """How many see the line."""
        return len(self._watchers)

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever a watcher or writer came or went; whoever follows clears it, and then looks."""
        news = asyncio.Event()
        self._following.add(news)
        try:
            yield news
        finally:
            self._following.discard(news)

    def _changed(self) -> None:
        for news in self._following:
            news.set()

    def secret(self, *secrets: str) -> None:
        """Register secrets before they can appear on the line."""
        for secret in secrets:
            self.redactor.add(secret)

    def recent(self) -> bytes:
        """The last 64 KiB shown, without secrets."""
        return bytes(self._shown)

    def forget(self) -> None:
        """A next writer begins with what comes from now on: the machine was reset, and an old prompt means nothing."""
        self._raw.clear()

    @contextlib.asynccontextmanager
    async def watch(self, *, replay: bool = True) -> AsyncIterator[Feed]:
        """`async with hub.watch() as feed: await feed.read()`: the ring first, then what comes; b"" when the hub closes."""
        feed = Feed(self.recent() if replay else b"")
        self._watchers.add(feed)
        self._changed()
        try:
            yield feed
        finally:
            self._watchers.discard(feed)
            self._changed()

    @contextlib.asynccontextmanager
    async def writer(self, owner: str, *, takeover: bool = False) -> AsyncIterator[Lease]:
        """The one right to write.

        Raises:
            StateError: somebody else has it, and `takeover` was not asked for.
        """
        if self._holder is not None:
            if not takeover:
                raise StateError(
                    f"The console of {self.name} is being written to by {self._holder.owner}.",
                    hint="`--takeover` takes the keyboard away from who has it.",
                )
            self._holder.taken_by = owner
            self._holder.end()
            self._note(f"{owner} takes the line over from {self._holder.owner}")
        lease = self._holder = Lease(self, owner, bytes(self._raw))
        self._note(f"{owner} may write")
        self._changed()
        try:
            yield lease
        finally:
            if self._holder is lease:
                self._holder = None
                self._note(f"{owner} is done")
                self._changed()

    async def send(self, data: bytes) -> None:
        """Write to the line as soon as it is open (for a `Lease`; the caller's deadline bounds the wait)."""
        while True:
            await self._open.wait()
            stream = self._stream
            if stream is None:
                self._open.clear()
                continue
            try:
                await stream.write(data)
            except (OSError, RacklessError) as error:
                # Dropped under our hands: what is written goes to the line that is opened next.
                self.failure = error
                if self._stream is stream:
                    self._open.clear()
                continue
            return

    async def _keep(self) -> None:
        pause = REOPEN_FIRST
        while True:
            try:
                stream = await self._opener()
            except (OSError, RacklessError) as error:
                self.failure = error
                await asyncio.sleep(pause)
                pause = min(pause * 2, REOPEN_MOST)
                continue
            self.failure = None
            self._stream = stream
            self._open.set()
            try:
                if await self._pump(stream):
                    pause = REOPEN_FIRST
            finally:
                self._open.clear()
                self._stream = None
                await stream.close()
            self.drops += 1
            self._note("the line dropped")
            await asyncio.sleep(pause)
            pause = min(pause * 2, REOPEN_MOST)

    async def _pump(self, stream: ByteStream) -> bool:
        """Until the line drops. True if anything came."""
        came = False
        reading: asyncio.Task[bytes] | None = None
        try:
            while True:
                reading = reading or asyncio.ensure_future(stream.read())
                done, _ = await asyncio.wait({reading}, timeout=QUIET)
                if not done:
                    self._show(self._redacted.quiet())
                    await asyncio.wait({reading})
                data = b""
                try:
                    data = reading.result()
                except (OSError, RacklessError) as error:
                    self.failure = error
                reading = None
                if not data:
                    return came
                came = True
                self._take(data)
        finally:
            if reading:
                reading.cancel()

    def _take(self, data: bytes) -> None:
        self._raw += data
        del self._raw[:-RING]
        if self._holder:
            self._holder.put(data)
        self._show(self._redacted.feed(self._decoder.decode(data)))

    def _show(self, text: str) -> None:
        if not text:
            return
        data = text.encode()
        self._shown += data
        del self._shown[:-RING]
        for feed in self._watchers:
            feed.put(data)
        if self._transcript:
            self._transcript.write(text)

    def _note(self, text: str) -> None:
        if self._transcript:
            self._transcript.note(text)
