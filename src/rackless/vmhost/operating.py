"""What the host's operator can ask: HTTP routes over the same table of verbs as the guest's channel
(docs/reference/vmhost-api.md).

Plain Starlette, so that a host under emulation starts soon. Who may connect to the socket may do everything: it is root's, or its
group's; on the hosts' TLS port it is the site's server.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import logging
import os
import pwd
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from rackless.model.errors import TITLES, Code, InputError, MalformedError, RacklessError, StateError, TooLargeError
from rackless.model.vmhost import Asker
from rackless.model.vmhost_verbs import FileKind, LoginClass, Verb
from rackless.vmhost.administration import Administration, Tell
from rackless.vmhost.channel import BEAT, GUEST_ERROR, Record, to_log
from rackless.vmhost.channel import Request as Asked
from rackless.vmhost.requests import MOST_BUNDLE, checked, perform, verb
from rackless.vmhost.spool import Spool

log = logging.getLogger(__name__)

BASE = "/v1/vmhost"
SOCKET = Path("/run/rackless-vmhost/operator.sock")
GROUP = "rackless-vmhost"
"""Whose members may use the socket, where there is such a group."""
MOST_BODY = 64 * 1024
GRACE = 2
PROBLEM = "application/problem+json"
Job = Callable[[Tell], Awaitable[Any]]


def problem(error: RacklessError) -> dict[str, Any]:
    """RFC 9457, in the form that the site's server has (docs/reference/api.md)."""
    code = Code(error.code)
    return {
        "type": f"urn:rackless:problem:{code.value}",
        "title": TITLES[code],
        "status": error.status,
        "detail": error.message,
        "code": code.value,
        "hint": error.hint,
        "problems": [],
        "files": [],
    }


def told(error: RacklessError) -> Response:
    return JSONResponse(problem(error), status_code=error.status, media_type=PROBLEM)


class Operating:
    """The routes of one host. `who` names the one who asks."""

    def __init__(
        self, administration: Administration, *, spool: Spool, record: Record = to_log, beat: float = BEAT, way: str = "operator"
    ) -> None:
        self._host = administration
        self._spool = spool
        self._record = record
        self._beat = beat
        self._way = way
        self._going_on: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/files/{{kind}}/{{name:path}}", self._file, methods=["GET"]),
            Route(f"{BASE}/add-software", self._add, methods=["POST"]),
            Route(f"{BASE}/{{verb}}", self._show, methods=["GET"]),
            Route(f"{BASE}/{{verb}}", self._request, methods=["POST"]),
        ]

    def _asker(self, request: Request) -> Asker:
        client = request.scope.get("client") or ("", 0)
        return Asker(user=str(client[0]) or "?", login_class=LoginClass.SUPER_USER, way=self._way)

    # ---- shown

    async def _show(self, request: Request) -> Response:
        by = self._asker(request)
        try:
            what = verb(request.path_params["verb"])
            if what.changes or what is Verb.READ:
                raise StateError(f"{what} is no question.", hint=f"POST {BASE}/{what}")
            values = checked(what, dict(request.query_params))
            return JSONResponse(await self._noted(by, what, values, self._doing(by, what, values), lambda _: None))
        except RacklessError as error:
            return told(error)

    async def _file(self, request: Request) -> Response:
        by = self._asker(request)
        try:
            last = request.query_params.get("last", "0")
            given = {"kind": request.path_params["kind"], "name": request.path_params["name"]}
            values = checked(Verb.READ, {**given, "last": int(last) if last.isdigit() else last})
            pieces = self._host.read(FileKind(values["kind"]), values["name"], last=values["last"] or None)
            # Its first piece now: what can't be read is said with a status, not by breaking off.
            first = await anext(pieces, b"")
        except RacklessError as error:
            self._record(Asked(asker=by, what=Verb.READ, values={}, outcome=error.code.value, text=error.message))
            return told(error)
        self._record(Asked(asker=by, what=Verb.READ, values=values, outcome="done"))

        async def whole() -> AsyncIterator[bytes]:
            yield first
            async for piece in pieces:
                yield piece

        return StreamingResponse(whole(), media_type="application/octet-stream")

    # ---- requested

    async def _request(self, request: Request) -> Response:
        by = self._asker(request)
        try:
            what = verb(request.path_params["verb"])
            if not what.changes:
                raise StateError(f"{what} changes nothing.", hint=f"GET {BASE}/{what}")
            values = checked(what, await _document(request))
        except RacklessError as error:
            return told(error)
        return self._stream(by, what, values, self._doing(by, what, values))

    async def _add(self, request: Request) -> Response:
        """The body is the bundle. Its parameters stand in the address."""
        by = self._asker(request)
        try:
            given: dict[str, Any] = {"name": request.query_params.get("name", "bundle"), "size": _length(request)}
            for name in ("validate", "reboot"):
                if name in request.query_params:
                    given[name] = {"true": True, "false": False}.get(request.query_params[name], request.query_params[name])
            values = checked(Verb.ADD_SOFTWARE, given)
            path = await self._received(request, values["size"])
        except ClientDisconnect:
            return Response(status_code=400)
        except RacklessError as error:
            self._record(Asked(asker=by, what=Verb.ADD_SOFTWARE, values={}, outcome=error.code.value, text=error.message))
            return told(error)

        async def add(tell: Tell) -> Any:
            try:
                return await perform(self._host, Verb.ADD_SOFTWARE, values, by=by, tell=tell, bundle=path)
            finally:
                path.unlink(missing_ok=True)

        return self._stream(by, Verb.ADD_SOFTWARE, values, add)

    async def _received(self, request: Request, size: int) -> Path:
        import hashlib

        arriving = self._spool.begin(size)
        try:
            digest = hashlib.sha256()
            async for piece in request.stream():
                if piece:
                    digest.update(piece)
                    await arriving.take(piece)
            arriving.finish(digest.hexdigest())
        except BaseException:
            arriving.discard()
            raise
        return arriving.path

    # ---- doing

    def _doing(self, by: Asker, what: Verb, values: dict[str, Any]) -> Job:
        return lambda tell: perform(self._host, what, values, by=by, tell=tell)

    async def _noted(self, by: Asker, what: Verb, values: dict[str, Any], job: Job, tell: Tell) -> Any:
        """Do it, and write down who asked and how it ended. Only errors of ours come out."""
        begun = time.monotonic()
        outcome, text = "done", ""
        try:
            return await job(tell)
        except RacklessError as error:
            outcome, text = error.code.value, error.message
            raise
        except Exception as error:
            log.exception("vmhost %s", what)
            outcome, text = "defect", type(error).__name__
            raise RacklessError(GUEST_ERROR) from error
        finally:
            seconds = time.monotonic() - begun
            self._record(Asked(asker=by, what=what, values=values, outcome=outcome, text=text, seconds=seconds))

    def _stream(self, by: Asker, what: Verb, values: dict[str, Any], job: Job) -> Response:
        """JSON lines: what there is to tell as it comes, then the end. The request goes on when its asker goes away."""
        said: deque[str] = deque(maxlen=1000)
        task = asyncio.create_task(self._noted(by, what, values, job, said.append))
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)
        return StreamingResponse(self._lines(task, said), media_type="application/x-ndjson")

    async def _lines(self, task: asyncio.Task[Any], said: deque[str]) -> AsyncGenerator[bytes, None]:
        quiet = 0.0
        while not task.done():
            await asyncio.wait({task}, timeout=0.1)
            quiet += 0.1
            if said or quiet >= self._beat:
                quiet = 0.0
                for line in list(said) or [""]:
                    yield _line({"progress": line})
                said.clear()
        for line in said:
            yield _line({"progress": line})
        error = task.exception()
        if error is None:
            yield _line({"ok": True, "result": task.result()})
        else:
            yield _line(
                {"ok": False, "error": problem(error if isinstance(error, RacklessError) else RacklessError(GUEST_ERROR))}
            )


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


async def _document(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise TooLargeError(f"The request is longer than {MOST_BODY} bytes.")
    if not body:
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedError("The request is no JSON.") from None
    if not isinstance(found, dict):
        raise InputError("The request is no object of parameters.")
    return found


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not text.isdigit() or not 0 < int(text) <= MOST_BUNDLE:
        raise InputError(f"A bundle has 1 to {MOST_BUNDLE} bytes, and the request says how many (Content-Length).")
    return int(text)


def routes(administration: Administration, *, spool: Spool, record: Record = to_log, way: str = "site") -> list[BaseRoute]:
    """The same for another HTTP application, as the one on the host's TLS port."""
    return Operating(administration, spool=spool, record=record, way=way).routes()


# ---- the socket


class _Peer(H11Protocol):
    """Says who is at the other end of the unix socket, as the kernel has it (unix(7), SO_PEERCRED)."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        uid = struct.unpack("3i", transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        self.client = (name, uid)


class _Server(uvicorn.Server):
    """Signals are the process's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_operator(
    administration: Administration, *, spool: Spool, path: Path = SOCKET, record: Record = to_log, beat: float = BEAT
) -> None:
    """Serve the operator's socket until cancelled. Only root, and the members of its group if there is one, may connect."""
    app = Starlette(routes=Operating(administration, spool=spool, record=record, beat=beat).routes())
    config = uvicorn.Config(
        app, http=_Peer, ws="none", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=GRACE
    )
    listener = _bound(path)
    try:
        await _Server(config).serve(sockets=[listener])
    finally:
        listener.close()
        os.unlink(path)


def _bound(path: Path) -> socket.socket:
    """The socket, which nobody could use before its owner was set. Whoever sees it can connect, and waits until it is served."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(str(fresh))
    finally:
        os.umask(mask)
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(fresh, -1, grp.getgrnam(GROUP).gr_gid)
        fresh.chmod(0o660)
    listener.listen()
    fresh.rename(path)
    return listener
