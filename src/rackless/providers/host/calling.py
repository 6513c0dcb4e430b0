"""The line to one VM host: requests and streams over TLS 1.3, both sides certified by the site's authority."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from rackless.model.errors import AbsentError, DeadlineError, ProviderError, RacklessError
from rackless.model.places import HostPlace
from rackless.providers.host import wire
from rackless.providers.host.authority import host_name
from rackless.providers.host.enrolment import Enrolments

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

CONNECT = 5.0
ANSWER = 100.0
"""Seconds: a start of a machine is given 60, the end of one 20."""
CLOSING = 10.0

Shape = TypeVar("Shape")


class Line:
    """Use on one event loop. `name`: of the host, as the site calls it."""

    def __init__(self, place: HostPlace, enrolments: Enrolments) -> None:
        self._place = place
        self._enrolments = enrolments
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def _authority(self) -> str:
        address, port = self._place.ending
        return f"{f'[{address}]' if ':' in address else address}:{port}"

    def _known(self) -> tuple[ssl.SSLContext, str]:
        """The TLS context, and the name that the host's certificate must have."""
        host = self._enrolments.need(self.name)
        if self._context is None:
            self._context = self._enrolments.authority.client()
        return self._context, host_name(host.identity)

    def drop(self) -> None:
        """Connections of now are used no more."""
        self._client = self._context = None

    async def ask(self, path: str, body: object | None, answer: type[Shape], *, seconds: float = ANSWER) -> Shape:
        """POST what is asked; GET without a body.

        Raises:
            StateError: the host is not enrolled.
            ProviderError: it does not answer, or is not who it should be.
            RacklessError: what the host itself raised.
        """
        content = wire.written(body) if body is not None else None
        status, data = await self._sent("POST" if body is not None else "GET", path, content, seconds)
        if status != 200:
            raise _error(data)
        return wire.read(answer, data)

    async def tell(self, path: str, body: object) -> None:
        status, data = await self._sent("POST", path, wire.written(body), ANSWER)
        if status >= 300:
            raise _error(data)

    async def has(self, path: str) -> bool:
        status, data = await self._sent("HEAD", path, None, ANSWER)
        if status not in {200, 204, 404}:
            raise _error(data)
        return status != 404

    async def put(self, path: str, pieces: AsyncIterator[bytes], length: int, *, seconds: float) -> None:
        status, data = await self._sent("PUT", path, pieces, seconds, {"content-length": str(length)})
        if status >= 300:
            raise _error(data)

    async def _sent(
        self,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None,
        seconds: float,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        import httpx

        context, name = self._known()
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx.AsyncClient(verify=context, trust_env=False, limits=httpx.Limits(max_connections=50))
            self._loop = loop
        try:
            answer = await self._client.request(
                method,
                f"https://{self._authority}/v1/{path}",
                content=content,
                headers={"content-type": "application/json", **(headers or {})},
                timeout=httpx.Timeout(seconds, connect=min(CONNECT, seconds)),
                extensions={"sni_hostname": name},
            )
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderError(f"The host {self.name} does not answer at {self._authority}.", hint=_HINT) from error
        except httpx.TimeoutException as error:
            raise DeadlineError(f"The host {self.name} did not answer within {seconds:g} s.", hint=_HINT) from error
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        return answer.status_code, answer.content

    def _broken(self, error: Exception) -> ProviderError:
        reason = str(error) or type(error).__name__
        if "CERTIFICATE" in reason.upper() or "certificate" in reason:
            return ProviderError(
                f"Who answers for the host {self.name} at {self._authority} is not the one that was enrolled: {reason}.",
                hint=f"`rackless host add {self.name}` enrols it anew.",
            )
        return ProviderError(f"The host {self.name} cannot be reached at {self._authority}: {reason}.", hint=_HINT)

    async def stream(self, path: str, **query: str | int) -> RemoteStream:
        """Raises as `ask` does."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        context, name = self._known()
        url = f"wss://{self._authority}/v1/{path}?{urlencode(query)}"
        try:
            end = await connect(
                url, ssl=context, server_hostname=name, proxy=None, compression=None, max_size=None, open_timeout=CONNECT
            )
        except TimeoutError as error:
            raise ProviderError(f"The host {self.name} does not answer at {self._authority}.", hint=_HINT) from error
        except (OSError, WebSocketException) as error:
            raise self._broken(error) from error
        try:
            first = json.loads(await asyncio.wait_for(end.recv(), ANSWER))
        except (TimeoutError, WebSocketException, ValueError) as error:
            await end.close()
            raise self._broken(error) from error
        if "error" in first:
            await end.close()
            raise wire.error_of(first)
        return RemoteStream(end, self.name)


class RemoteStream:
    """A stream of bytes behind a web socket; also one of messages (`message`)."""

    def __init__(self, end: ClientConnection, host: str) -> None:
        self._end = end
        self._host = host
        self._rest = b""
        self._reading = False

    async def read(self, most: int = 65536) -> bytes:
        if not self._rest:
            self._rest = await self.message()
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    async def message(self) -> bytes:
        """The next one whole; b"" at the end."""
        from websockets.exceptions import ConnectionClosed

        self._reading = True
        try:
            while True:
                data = await self._end.recv()
                if isinstance(data, bytes) and data:
                    return data
        except ConnectionClosed:
            return b""
        finally:
            self._reading = False

    async def write(self, data: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._end.send(data)
        except ConnectionClosed as error:
            raise AbsentError(f"The machine at {self._host} has ended.", hint="Start it again.") from error

    async def close(self) -> None:
        """Returns when the host has taken away all that the stream made there."""
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._end.send(wire.END)
                if self._reading:
                    await self._end.wait_closed()  # somebody else hears the rest
                while True:
                    await self._end.recv()
        await self._end.close()


_HINT = "Is it on, and does rackless-vmhost run there? `rackless site check NAME` says more."


def _error(data: bytes) -> RacklessError:
    try:
        return wire.error_of(json.loads(data))
    except ValueError:
        return ProviderError(f"The host answered what is no answer: {data[:200]!r}.", hint=_HINT)
