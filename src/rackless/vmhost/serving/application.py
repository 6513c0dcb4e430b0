"""What a VM host answers to its site's server (providers/host/wire.py, docs/reference/host-protocol.md).

There is no other caller: TLS has let in nobody without a client's certificate of the site's authority (listening.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from rackless.images import store, transfer
from rackless.model import naming
from rackless.model.errors import AbsentError, DefectError, NotFoundError, RacklessError
from rackless.model.plan import MachineSpec, PortRef
from rackless.providers.contract import Ref, RefKind, Stream
from rackless.providers.host import wire
from rackless.providers.local import admission
from rackless.providers.local.provider import LocalProvider
from rackless.release import release
from rackless.settings import Settings
from rackless.vmhost.serving.lasting import Lasting
from rackless.vmhost.serving.lines import Lines
from rackless.vmhost.serving.wires import Wires

log = logging.getLogger(__name__)

CONNECT = 10.0
Asked = TypeVar("Asked")


class Application:
    """`withdraw` ends this host's enrolment."""

    def __init__(
        self,
        *,
        name: str,
        settings: Settings,
        provider: LocalProvider,
        wires: Wires,
        lasting: Lasting,
        withdraw: Callable[[], None],
    ) -> None:
        self._name = name
        self._images = settings.images
        self._provider = provider
        self._wires = wires
        self._lasting = lasting
        self._withdraw = withdraw
        self._lines = Lines(provider.console)

    def routes(self) -> list[BaseRoute]:
        verbs: dict[str, Callable[[bytes], Awaitable[object]]] = {
            "check": self._check,
            "examine": self._examine,
            "ensure/disk": self._ensure_disk,
            "ensure/segment": self._ensure_segment,
            "ensure/machine": self._ensure_machine,
            "power": self._power,
            "attach": self._attach,
            "detach": self._detach,
            "owned": self._owned,
            "running": self._running,
            "remove": self._remove,
            "carrier": self._carrier,
            "probe/allow": self._allow,
            "probe": self._probe,
            "withdraw": self._withdrawn,
        }
        return [
            Route("/v1/hello", _answering(self._hello), methods=["GET"]),
            *(Route(f"/v1/{path}", _answering(verb), methods=["POST"]) for path, verb in verbs.items()),
            Route("/v1/images/{name}/{digest}", self._image, methods=["HEAD", "PUT"]),
            WebSocketRoute("/v1/console", self._console),
            WebSocketRoute("/v1/channel", self._channel),
            WebSocketRoute("/v1/capture", self._capture),
            WebSocketRoute("/v1/tunnel", self._tunnel),
        ]

    # What it is

    async def _hello(self, _: bytes) -> wire.Hello:
        bears = self._provider.capacity()
        return wire.Hello(
            version=wire.VERSION,
            release=release(),
            name=self._name,
            boot=self._lasting.boot,
            info=self._provider.info,
            memory=bears.memory,
            disk=bears.disk,
            free_memory=admission.available_memory(),
            processors=os.cpu_count() or 1,
            load=os.getloadavg()[0],
        )

    async def _check(self, body: bytes) -> tuple[Any, ...]:
        return await self._provider.check(wire.read(wire.CheckAsked, body).plan)

    async def _examine(self, _: bytes) -> wire.Findings:
        return wire.Findings(found=tuple([one async for one in self._provider.examine()]))

    # The verbs

    async def _ensure_disk(self, body: bytes) -> wire.There:
        asked = wire.read(wire.DiskAsked, body)
        self._use(asked.spec.image, asked.digest)
        return wire.There(ref=await self._provider.ensure(asked.spec))

    async def _ensure_machine(self, body: bytes) -> wire.There:
        asked = wire.read(wire.MachineAsked, body)
        self._use(asked.spec.image, asked.digest)
        return self._there(await self._provider.ensure(asked.spec))

    def _use(self, image: str, digest: str) -> None:
        """That build is the one of that name from now on."""
        try:
            if store.find(self._images, image).disk.parent.name == digest:
                return
        except NotFoundError:
            pass
        transfer.make_current(self._images, store.SAME_IMAGE.get(image, image), digest)

    async def _ensure_segment(self, body: bytes) -> wire.There:
        asked = wire.read(wire.SegmentAsked, body)
        wanted = self._wires.as_here(asked.spec, asked.remote)
        before = self._provider.segment(wanted.sandbox, wanted.name)
        if before is not None and before.ports != wanted.ports:
            for port in before.ports:  # an end moved to another host, or came here: nothing stays plugged in that leads to it
                await self._provider.detach(port)
        ref = await self._provider.ensure(wanted)
        if asked.remote:
            await self._wires.carry(asked.spec, asked.remote)
        else:
            await self._wires.drop(asked.spec.sandbox, asked.spec.name)
        return wire.There(ref=ref)

    async def _power(self, body: bytes) -> wire.There:
        asked = wire.read(wire.PowerAsked, body)
        await self._provider.power(asked.machine, asked.to)
        self._lasting.note(asked.machine, asked.to)
        spec = self._provider.spec(asked.machine.sandbox, asked.machine.name)
        if spec is None:
            raise AbsentError(f"There is no machine {asked.machine.name} in {asked.machine.sandbox}.", hint="Make it first.")
        return self._there(await self._provider.ensure(spec))

    async def _attach(self, body: bytes) -> None:
        asked = wire.read(wire.AttachAsked, body)
        await self._provider.attach(asked.port, asked.segment)

    async def _detach(self, body: bytes) -> None:
        await self._provider.detach(wire.read(wire.PortAsked, body).port)

    async def _owned(self, body: bytes) -> wire.Found:
        refs = await self._provider.owned(wire.read(wire.OwnedAsked, body).sandbox)
        return wire.Found(there=tuple(map(self._there, refs)))

    def _there(self, ref: Ref) -> wire.There:
        spec = self._provider.spec(ref.sandbox, ref.name) if ref.kind is RefKind.MACHINE else None
        return wire.There(ref=ref, forwards=spec.forwards if spec is not None else ())

    async def _running(self, body: bytes) -> wire.Ran:
        found = await self._provider.running(wire.read(wire.RunningAsked, body).sandboxes)
        return wire.Ran(machines={name: tuple(sorted(runs)) for name, runs in found.items()})

    async def _remove(self, body: bytes) -> None:
        ref = wire.read(wire.RefAsked, body).ref
        if ref.kind is RefKind.SEGMENT:
            await self._wires.drop(ref.sandbox, ref.name)
        await self._provider.remove(ref)

    async def _carrier(self, body: bytes) -> None:
        asked = wire.read(wire.PortAsked, body)
        await self._provider.carrier(asked.port, asked.up)

    async def _allow(self, body: bytes) -> None:
        await self._wires.allow(wire.read(wire.ProbeAsked, body).nonce)

    async def _probe(self, body: bytes) -> wire.Probed:
        asked = wire.read(wire.ProbeAsked, body)
        return wire.Probed(octets=await self._wires.probe(asked.nonce, asked.remote, asked.octets))

    async def _withdrawn(self, _: bytes) -> None:
        self._withdraw()

    # Images

    async def _image(self, request: Request) -> Response:
        name, digest = request.path_params["name"], request.path_params["digest"]
        try:
            if request.method == "HEAD":
                there = naming.is_name(name) and "/" not in digest and (self._images / name / digest / store.MANIFEST).is_file()
                return Response(status_code=204 if there else 404)
            path = await transfer.receive(self._images, name, request.stream())
            if path.name != digest:
                raise NotFoundError(f"What came as {name} {digest} is {path.name}.", hint="Send it again.")
        except RacklessError as error:
            return _failed(error)
        return Response(status_code=204)

    # Streams

    async def _console(self, socket: WebSocket) -> None:
        await _streamed(socket, lambda: self._lines.open(_machine(socket)))

    async def _channel(self, socket: WebSocket) -> None:
        await _streamed(socket, lambda: self._provider.channel(_machine(socket)))

    async def _capture(self, socket: WebSocket) -> None:
        query = socket.query_params
        port = PortRef(sandbox=query.get("sandbox", ""), machine=query.get("machine", ""), nic=int(query.get("nic", "-1")))

        async def opened() -> Stream:
            frames = self._provider.capture(port)
            assert isinstance(frames, AsyncGenerator)
            return _Captured(frames, await anext(frames))

        await _streamed(socket, opened)

    async def _tunnel(self, socket: WebSocket) -> None:
        query = socket.query_params
        spec = self._provider.spec(query.get("sandbox", ""), query.get("machine", ""))
        await _streamed(socket, lambda: _service(spec, query.get("service", "")))


class _Captured:
    """The frames of a capture as a stream, whose end is the capture's."""

    def __init__(self, frames: AsyncGenerator[bytes, None], first: bytes) -> None:
        self._frames = frames
        self._first = first

    async def read(self, most: int = 65536) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return await anext(self._frames, b"")

    async def write(self, data: bytes) -> None:
        return

    async def close(self) -> None:
        await self._frames.aclose()


class _Connected:
    """A TCP connection as a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, most: int = 65536) -> bytes:
        with contextlib.suppress(OSError):
            return await self._reader.read(most)
        return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()


class _Answering(asyncio.DatagramProtocol):
    """A UDP client as a stream of whole datagrams."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(1000)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # which Python 3.11's is not by its class

    def datagram_received(self, data: bytes, addr: object) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(data)

    async def read(self, most: int = 65536) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _service(spec: MachineSpec | None, name: str) -> Stream:
    """A connection to a forwarded port of a machine. Only those of its spec can be had."""
    forward = next((one for one in spec.forwards if one.service == name), None) if spec is not None else None
    if forward is None:
        raise AbsentError(f"There is no machine with the service {name}.", hint="Make it first.")
    if forward.proto == "udp":
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(_Answering, remote_addr=("127.0.0.1", forward.host_port))
        return protocol
    try:
        async with asyncio.timeout(CONNECT):
            return _Connected(*await asyncio.open_connection("127.0.0.1", forward.host_port))
    except (OSError, TimeoutError) as error:
        raise AbsentError(f"{name} of {spec.name if spec else ''} cannot be reached.", hint="Does the machine run?") from error


def make(application: Application, *, more: Sequence[BaseRoute] = ()) -> Starlette:
    """`more`: routes of other parts of the host, for the same caller."""
    return Starlette(routes=[*application.routes(), *more])


def _machine(socket: WebSocket) -> Ref:
    query = socket.query_params
    return Ref(kind=RefKind.MACHINE, sandbox=query.get("sandbox", ""), name=query.get("machine", ""))


def _answering(verb: Callable[[bytes], Awaitable[object]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            found = await verb(await request.body())
        except RacklessError as error:
            return _failed(error)
        except Exception as error:
            log.exception("defect in %s", request.url.path)
            name = type(error).__name__
            return _failed(DefectError(f"The host failed unexpectedly ({name}).", hint="Its log has the details."))
        if found is None:
            return Response(status_code=204)
        return Response(wire.written(found) if not isinstance(found, tuple) else _many(found), media_type="application/json")

    return answer


def _many(found: tuple[Any, ...]) -> bytes:
    return b"[" + b",".join(wire.written(one) for one in found) + b"]"


def _failed(error: RacklessError) -> Response:
    return Response(json.dumps(wire.of_error(error)).encode(), status_code=error.status, media_type="application/json")


async def _streamed(socket: WebSocket, open_: Callable[[], Awaitable[Stream]]) -> None:
    """Bytes both ways until the stream ends, its client says so, or hangs up; then all that it made is taken away, and then the
    socket is closed."""
    await socket.accept()
    try:
        stream = await open_()
    except RacklessError as error:
        await socket.send_text(json.dumps(wire.of_error(error)))
        await socket.close()
        return
    await socket.send_text("{}")

    async def there() -> None:
        with contextlib.suppress(WebSocketDisconnect, RacklessError, OSError):
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect" or message.get("text") == wire.END:
                    return
                if data := message.get("bytes"):
                    await stream.write(data)

    async def back() -> None:
        with contextlib.suppress(WebSocketDisconnect, RacklessError, OSError, RuntimeError):
            while data := await stream.read():
                await socket.send_bytes(data)

    tasks = [asyncio.create_task(there()), asyncio.create_task(back())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await stream.close()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            await socket.close()
