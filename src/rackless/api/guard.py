"""Who asks, and may they: before every route, by the table of rules."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless import observing
from rackless.api.here import Here
from rackless.api.rules import RULES, Over, Rule
from rackless.model.errors import DefectError, ForbiddenError, NotFoundError, UnauthorizedError
from rackless.model.people import LOCAL, Caller, Role
from rackless.store import access, jobs, sandboxes, users
from rackless.workflows.world import world


async def guard(connection: HTTPConnection, here: Here) -> None:
    """Let the request through, with `connection.state.caller` set.

    Raises:
        UnauthorizedError: no token, or one that is nobody's.
        ForbiddenError: the role is not enough.
        NotFoundError: a lab that the caller may not see.
    """
    rule = RULES.get(connection.scope["route"].name)
    if rule is None:
        raise DefectError(f"The route {connection.scope['route'].name} has no rule.")
    caller = await identify(connection, here)
    connection.state.caller = caller
    observing.bind(caller=caller.name)
    if not caller.has(rule.role):
        raise ForbiddenError(f"{caller.name} is {caller.role.value}; this takes {rule.role.value}.", hint="Ask an admin.")
    if rule.over is not Over.NOTHING:
        await here.database.read(_check, rule, caller, dict(connection.path_params))


class Logged:
    """ASGI middleware: keep who changed what, and what was refused. The log never fails a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await _log(scope, status)  # before the end is told: whoever reads the log next finds it
            await send(message)

        try:
            await self._app(scope, receive, seen)
        except Exception:
            await _log(scope, 500)
            raise


async def _log(scope: Scope, status: int) -> None:
    refused = status in {401, 403}
    if not refused and scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return
    caller: Caller | None = scope.get("state", {}).get("caller")
    route = scope.get("route")
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        await world().database.run(
            access.add,
            who=caller.name if caller else "",
            via=caller.via if caller else "",
            action=route.name if route is not None else "",
            path=scope["path"],
            status=status,
        )


async def identify(connection: HTTPConnection, here: Here) -> Caller:
    """Of the unix socket, or of a token."""
    server = connection.scope.get("server")
    if server is None or server[1] is None:  # uvicorn: (path, None) for a unix socket
        return LOCAL
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise UnauthorizedError("No token was sent.", hint="Send `Authorization: Bearer TOKEN`; `rackless token add` makes one.")
    found = await here.database.read(users.holder, secret.strip(), time.time())
    if found is None:
        raise UnauthorizedError("That token is not known, or has expired.", hint="`rackless token add` makes another.")
    return Caller(name=found.name, role=found.role, via="token")


def _check(db: sa.Connection, rule: Rule, caller: Caller, path: dict[str, str]) -> None:
    if rule.over is Over.SELF:
        if path["user"] != caller.name and not caller.has(Role.ADMIN):
            raise ForbiddenError(f"{caller.name} may not do that for {path['user']}.", hint="Ask an admin.")
        return
    if caller.has(Role.OPERATOR):
        return
    if rule.over is Over.JOB:
        job = path["job"]
        row = sandboxes.by_id(db, jobs.get(db, job).sandbox_id)
        absent = NotFoundError(f"There is no job {job}.", hint="`rackless logs LAB` shows a lab's jobs.")
    else:
        key = sandboxes.latest(db, path["name"])
        absent = NotFoundError(f"There is no lab named {path['name']}.", hint="`rackless list` shows the labs.")
        if key is None:
            raise absent
        row = sandboxes.by_id(db, key)
    if row.owner == caller.name:
        return
    if caller.name not in users.shared_with(db, row.id):
        raise absent
    if rule.over is Over.OWN:
        raise ForbiddenError(f"Lab {row.name} belongs to {row.owner}.", hint=f"Ask {row.owner}, or an operator.")


def caller_of(connection: HTTPConnection) -> Caller:
    found: Caller = connection.state.caller
    return found


Who = Annotated[Caller, Depends(caller_of)]
