"""What the daemon of a node answers, and to whom:

    9444, both sides certified by the fabric    other nodes: who one is, leave, a certificate anew, the authority's key for voters
    9445, the server certified                  those who join, by token
    own/fabric.sock, root only                  whoever administers this node: `rackless fabric`
    application/fabric.sock, the server's       alarms that its users acknowledge

A certificate alone is not enough: its node has to be a member still, so that a node that was removed is refused by all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from rackless.fabric import admitting, certifying, health, installing, operating, saying
from rackless.fabric.admitting import Asked, read, written
from rackless.fabric.authority import Purpose, Subject, server_context, subject_of_peer
from rackless.fabric.node import NodeDaemon, may_sign
from rackless.fabric.places import JOIN_PORT, PEER_PORT
from rackless.fabric.truth import as_text
from rackless.model.errors import DefectError, ForbiddenError, InputError, RacklessError, StateError
from rackless.model.fabric import NodeRole

log = logging.getLogger(__name__)

GRACE = 3
PEER = "rackless.peer"
"""In a request's scope: the subject of the certificate that its sender showed."""
Verb = Callable[[Request], Awaitable[Any]]


class _Protocol(H11Protocol):
    """HTTP/1.1 that tells the application whose certificate the other end showed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        end = transport.get_extra_info("ssl_object")
        self.app = _named(self.app, subject_of_peer(end.getpeercert() if end is not None else None))


def _named(app: Any, peer: Subject | None) -> ASGIApp:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, PEER: peer}, receive, send)

    return told


class _Server(uvicorn.Server):
    """One of several in a process, whose signals are the process's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Answers:
    def __init__(self, daemon: NodeDaemon) -> None:
        self._daemon = daemon

    def peers(self) -> Starlette:
        return _application(
            {
                "GET /v1/hello": self._hello,
                "GET /v1/truth": self._truth,
                "POST /v1/leave": self._leave,
                "POST /v1/authority": self._authority,
                "POST /v1/certificates": self._certificates,
                "POST /v1/reach": self._reach,
                "POST /v1/install": self._install,
                "GET /v1/packages/{digest}": self._package,
            },
            self._member,
        )

    def joining(self) -> Starlette:
        return _application({"POST /v1/examine": self._examine, "POST /v1/join": self._join}, None)

    def administration(self) -> Starlette:
        return _application({"GET /v1/status": self._status, **operating.verbs(self._daemon)}, None)

    def application(self) -> Starlette:
        return _application({f"POST {saying.ACKNOWLEDGE}": self._acknowledge}, None)

    def _member(self, request: Request) -> None:
        """Raises ForbiddenError for one that is none."""
        peer = request.scope.get(PEER)
        if not isinstance(peer, Subject) or peer.purpose is not Purpose.NODE or peer.fabric != self._daemon.me.fabric:
            raise ForbiddenError("Only nodes of this fabric are answered here.")
        if self._daemon.layout.node(peer.name) is None:
            raise ForbiddenError(f"The node {peer.name} was removed from the fabric.", hint="Let it join anew.")

    # Nodes

    async def _hello(self, request: Request) -> Any:
        me = self._daemon.me
        return {
            "id": me.id,
            "name": me.name,
            "fabric": me.fabric,
            "machine": me.machine,
            "generation": self._daemon.truth.generation,
        }

    async def _truth(self, request: Request) -> Any:
        return {"truth": as_text(self._daemon.truth)}

    async def _leave(self, request: Request) -> None:
        await admitting.leave(self._daemon, request.scope[PEER].name)

    async def _authority(self, request: Request) -> Any:
        node = self._daemon.layout.node(request.scope[PEER].name)
        if node is None or not may_sign(self._daemon.layout, node):
            raise ForbiddenError("Only nodes that vote sign certificates.")
        if not self._daemon.places.authority.signs:
            raise ForbiddenError("This node signs none itself.")
        return {"key": self._daemon.places.authority.key.read_text(encoding="ascii")}

    async def _certificates(self, request: Request) -> Any:
        """For keys of the one who asks."""
        node = self._daemon.layout.node(request.scope[PEER].name)
        assert node is not None
        asked = json.loads(await request.body())
        return {
            kind: certifying.sign(
                self._daemon.places, self._daemon.layout, asked[kind], Purpose(kind), id=node.id, address=node.address
            )
            for kind in asked
        }

    async def _reach(self, request: Request) -> Any:
        asked = json.loads(await request.body())
        return {"reason": await health.reaches(str(asked["address"]), int(asked["port"]))}

    async def _install(self, request: Request) -> Any:
        """As the fabric decided: what is asked for is what its own state says, whoever asks."""
        asked, upgrade = json.loads(await request.body()), (await self._daemon.world.read()).truth.upgrade
        me = self._daemon.me.id
        if upgrade is None or (upgrade.node, upgrade.release, upgrade.how) != (me, str(asked["release"]), str(asked["how"])):
            raise StateError("It is not this node's turn.")
        others = [one for one in self._daemon.layout.nodes if one.id != me]
        return await installing.asked(self._daemon.places, others, upgrade.release, upgrade.how)

    async def _package(self, request: Request) -> Any:
        return FileResponse(installing.package(self._daemon.places, request.path_params["digest"]))

    # Those who join

    async def _examine(self, request: Request) -> Any:
        return await admitting.examine(self._daemon, read(Asked, await request.body()))

    async def _join(self, request: Request) -> Any:
        return await admitting.admit(self._daemon, read(Asked, await request.body()))

    # This node

    async def _acknowledge(self, request: Request) -> Any:
        asked = json.loads(await request.body())
        return await operating.acknowledged(self._daemon, str(asked["key"]), str(asked["who"]))

    async def _status(self, request: Request) -> Any:
        return await operating.status(self._daemon)


def _application(verbs: dict[str, Verb], check: Callable[[Request], None] | None) -> Starlette:
    routes = []
    for name, verb in verbs.items():
        method, path = name.split(" ")
        routes.append(Route(path, _answering(verb, check), methods=[method]))
    return Starlette(routes=routes)


def _answering(verb: Verb, check: Callable[[Request], None] | None) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            if check is not None:
                check(request)
            found = await verb(request)
        except RacklessError as error:
            return _failed(error)
        except (ValueError, KeyError, TypeError) as error:
            log.info("%s cannot be read: %s", request.url.path, error)
            return _failed(InputError("The request cannot be read."))
        except Exception as error:
            log.exception("defect in %s", request.url.path)
            return _failed(
                DefectError(f"The node failed unexpectedly ({type(error).__name__}).", hint="Its log has the details.")
            )
        if found is None:
            return Response(status_code=204)
        if isinstance(found, Response):
            return found
        body = json.dumps(found).encode() if isinstance(found, dict) else written(found)
        return Response(body, media_type="application/json")

    return answer


def _failed(error: RacklessError) -> Response:
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    return Response(json.dumps(body).encode(), status_code=error.status, media_type="application/json")


async def serve(daemon: NodeDaemon) -> None:
    """Until cancelled."""
    places, answers = daemon.places, Answers(daemon)
    address = daemon.me.address
    pair = places.own.pair
    servers = [
        (_tcp(address, PEER_PORT), answers.peers(), server_context(places.own.authority, pair)),
        (_tcp(address, JOIN_PORT), answers.joining(), server_context(places.own.authority, pair, ask=False)),
        (_unix(str(places.socket)), answers.administration(), None),
    ]
    if daemon.node is None or daemon.node.role is not NodeRole.WITNESS:
        places.application.make()
        servers.append((places.application.listening(saying.SOCKET, _unix), answers.application(), None))
    async with asyncio.TaskGroup() as group:
        for listening, app, tls in servers:
            group.create_task(_Server(_config(app, tls)).serve(sockets=[listening]))


def _config(app: Starlette, tls: ssl.SSLContext | None) -> uvicorn.Config:
    made = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http=_Protocol,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )
    if tls is not None:
        made.ssl_context_factory = lambda *_: tls
    return made


def _tcp(address: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError as error:
        listening.close()
        raise InputError(f"Port {port} of {address} cannot be had: {error.strerror}.") from error
    listening.listen(64)
    return listening


def _unix(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    listening.listen(16)
    return listening
