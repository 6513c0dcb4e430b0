"""Requests and their answers: retried where that does no harm, decoded, and every error one of ours."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from rackless.client.asynchronous import ways
from rackless.client.errors import error_in, gone
from rackless.client.places import Local, Place
from rackless.client.retrying import Retries
from rackless.client.sse import Parser, Sent
from rackless.client.starting import ensure_server
from rackless.model.errors import DeadlineError, NotFoundError, ServerGoneError

if TYPE_CHECKING:
    from rackless.client import decoding
else:
    from rackless.client.late import decoding

Json = Any
T = TypeVar("T")

CONNECT = 5.0
ANSWER = 60.0
"""Seconds for an answer that does not wait for a job."""
SILENCE = 60.0
"""Seconds; the server says every 15 that it is there."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class AsyncCalls:
    """`start`: start this machine's server when none answers."""

    def __init__(self, place: Place, *, start: bool = True) -> None:
        self.place = place
        self._start = start
        self._http: httpx.AsyncClient | None = None

    async def connect(self) -> None:
        """Make sure of a server, also after one was lost."""
        if isinstance(self.place, Local):
            await ways.off_loop(ensure_server, self.place.settings, start=self._start)
        await self.close()
        self._http = ways.http(self.place, httpx.Timeout(ANSWER, connect=CONNECT))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
        self._http = None

    async def connected(self) -> httpx.AsyncClient:
        if self._http is None:
            await self.connect()
        assert self._http is not None
        return self._http

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> Json:
        """One request, one answer: JSON, or text.

        Args:
            content: a body that is no JSON; in pieces it can be sent once only, for as long as it takes.
            key: of a request that changes something, the same when it is made again; made here when there is none.

        Raises:
            RacklessError: what the server answered; ServerGoneError: it did not, and trying again did not help.
        """
        asked = given(query)
        # When it is made again, the key lets the server see that it has done this already.
        once = not isinstance(content, bytes | None)
        headers = {} if once or method in READING else {"Idempotency-Key": key or str(uuid.uuid4())}
        if body is not None:
            content = json.dumps(body, default=_plain).encode()
            headers["Content-Type"] = "application/json"
        timeout = httpx.Timeout(None if once else ANSWER + float(asked.get("wait", 0)), connect=CONNECT)
        retries = Retries()
        while True:
            http = await self.connected()
            try:
                answer = await http.request(
                    method,
                    path,
                    content=content,
                    params=asked,
                    headers={**headers, **self.authorization},
                    timeout=timeout,
                )
            except httpx.ReadTimeout as error:
                raise DeadlineError(f"{self.place.name} gave no answer within {timeout.read:g} s.") from error
            except httpx.TransportError as error:
                broken = gone(self.place.name, error)
                pause = None if once or not isinstance(broken, ServerGoneError) else retries.after_break()
                if pause is None:
                    raise broken from error
                await ways.sleep(pause)
                await self._again(error)
                continue
            pause = None if once else retries.after_answer(answer.status_code, answer.headers.get("retry-after"))
            if pause is not None:
                await ways.sleep(pause)
                continue
            return self._content(answer)

    async def _again(self, error: Exception) -> None:
        """Connect anew; a server that can't be started is what the caller is told."""
        try:
            await self.connect()
        except httpx.TransportError as again:
            raise gone(self.place.name, error) from again

    def _content(self, answer: httpx.Response) -> Json:
        if not answer.is_success:
            raise error_in(answer.content, answer.status_code, self.place.name)
        kind = answer.headers.get("content-type", "application/json").partition(";")[0]
        if not kind.endswith("json"):
            return answer.text
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise error_in(answer.content, 404, self.place.name) from error

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.place.token}"} if self.place.token else {}

    async def answer(self, kind: type[T], method: str, path: str, **more: Any) -> T:
        """The answer as this type."""
        return decoding.decoded(kind, await self.call(method, path, **more), f"{method} {path}")

    async def optional(self, kind: type[T], method: str, path: str, **more: Any) -> T | None:
        """The same, of an answer that may be null."""
        found = await self.call(method, path, **more)
        return None if found is None else decoding.decoded(kind, found, f"{method} {path}")

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
        accept: str = "*/*",
        silence: float | None = None,
    ) -> AsyncGenerator[AsyncStream]:
        """An answer that comes piece by piece, for as long as it takes. Not retried: its reader knows how far it came.

        Args:
            silence: seconds without a piece after which the connection counts as broken.
        """
        http = await self.connected()
        timeout = httpx.Timeout(silence, connect=CONNECT)
        headers = {"Accept": accept, **self.authorization}
        try:
            sent: dict[str, Any] = {"json": body} if content is None else {"content": content}
            async with http.stream(method, path, **sent, params=given(query), headers=headers, timeout=timeout) as answer:
                if not answer.is_success:
                    raise error_in(await answer.aread(), answer.status_code, self.place.name)
                yield AsyncStream(answer)
        except httpx.TransportError as error:
            raise gone(self.place.name, error) from error

    async def lines(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Json]:
        """NDJSON, one value a line."""
        async with self.stream(method, path, body=body, content=content, query=query, accept="application/x-ndjson") as answer:
            async for line in answer.lines():
                if line:
                    yield json.loads(line)

    async def sent(self, path: str, parser: Parser, *, query: Mapping[str, Any] | None = None) -> AsyncGenerator[Sent]:
        """Server-sent events, from where the parser is."""
        asked = {**(query or {}), **({"after": parser.last} if parser.last else {})}
        async with self.stream("GET", path, query=asked, accept="text/event-stream", silence=SILENCE) as answer:
            async for line in answer.lines():
                if (found := parser.feed(line)) is not None:
                    yield found


class AsyncStream:
    """The pieces of an answer, as they come: `async for piece in stream`."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.aiter_raw()

    async def read(self) -> bytes:
        """All of it."""
        return await self._answer.aread()

    def lines(self) -> AsyncIterator[str]:
        return self._answer.aiter_lines()


class AsyncPages(Generic[T]):
    """A list that the server gives in pages: going through it reads them as they are needed."""

    def __init__(self, calls: AsyncCalls, kind: type[T], path: str, query: Mapping[str, Any]) -> None:
        self._calls = calls
        self._kind = kind
        self._path = path
        self._query = dict(query)

    async def page(self, after: str | None = None) -> decoding.Page[T]:
        """One page: the first, or the one after this cursor (`next` of the page before)."""
        query = self._query if after is None else {**self._query, "after": after}
        found = await self._calls.call("GET", self._path, query=query)
        items = decoding.decoded(list[self._kind], found["items"], f"GET {self._path}")  # type: ignore[name-defined]
        return decoding.Page(items=items, next=found["next"])

    async def all(self) -> list[T]:
        return [one async for one in self]

    async def __aiter__(self) -> AsyncIterator[T]:
        after: str | None = None
        while True:
            page = await self.page(after)
            for one in page.items:
                yield one
            if page.next is None:
                return
            after = page.next


def _plain(model: Any) -> Json:
    """A model in a body: what it was read from."""
    return model.model_dump(mode="json", by_alias=True)


def given(query: Mapping[str, Any] | None) -> dict[str, Any]:
    """What has a value."""
    return {key: value for key, value in (query or {}).items() if value is not None}


def part(name: str) -> str:
    """A name as part of a path.

    Raises:
        NotFoundError: nothing can have this name, and it must not lead to another route.
    """
    if not name or "/" in name or name in {".", ".."}:
        raise NotFoundError(f"Nothing is named {name!r}.")
    return quote(name, safe="")


class AsyncNoun:
    """Operations of one noun."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls


__all__ = ["AsyncCalls", "AsyncNoun", "AsyncPages", "AsyncStream", "given", "part"]
