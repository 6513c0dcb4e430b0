"""Who asks, and may they: before every route, by the table of rules."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackless import observing
from rackless.api.arrival import by_socket, own_origin
from rackless.api.here import Here
from rackless.api.once import claim
from rackless.api.rates import Rates
from rackless.api.rules import RULES, Over, Rule
from rackless.model.errors import DefectError, ForbiddenError, NotFoundError, UnauthorizedError, UnavailableError
from rackless.model.people import LOCAL, Caller, Role
from rackless.store import access, jobs, sandboxes, sessions, users
from rackless.workflows.world import World, world

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
OPENING = frozenset({"end_login"})
"""Routes with such a method that open a session all the same: the browser is sent there by an OpenID provider."""
COOKIE = "rackless_session"
CHANGES = "x-rackless"
"""A header that requests with the cookie must carry when they change something: no other site's page can set one (it would
have to ask first, CORS, and is not answered)."""


async def guard(connection: HTTPConnection, here: Here) -> None:
    """Let the request through, with `connection.state.caller` set, unless everybody may come.

    Raises:
        UnauthorizedError: no token and no session, or one that is nobody's.
        ForbiddenError: the role is not enough, or another site's page asks.
        NotFoundError: a lab that the caller may not see.
        RateLimitedError: they ask too often.
        ReplayError, IdempotencyError: the request's idempotency key was used before.
    """
    rule = RULES.get(connection.scope["route"].name)
    if rule is None:
        raise DefectError(f"The route {connection.scope['route'].name} has no rule.")
    rates = rates_of(connection, here)
    if rule.role is None:
        if not by_socket(connection):
            rates.stranger(connection)
        return
    try:
        caller = await identify(connection, here)
    except UnauthorizedError:
        rates.stranger(connection)
        raise
    connection.state.caller = caller
    rates.caller(caller)
    observing.bind(caller=caller.name)
    await check(connection, here, rule, caller)
    if connection.scope["type"] == "http":
        await claim(connection, here, caller)


async def still(connection: HTTPConnection, here: World) -> bool:
    """May a request that goes on go on? That it does is no sign of life of its session."""
    rule = RULES[connection.scope["route"].name]
    try:
        await check(connection, here, rule, await identify(connection, here, touch=False))
    except (UnauthorizedError, ForbiddenError, NotFoundError):
        return False
    except UnavailableError:  # looked at again later: nobody's rights have changed meanwhile, for nobody could change them
        return True
    return True


async def check(connection: HTTPConnection, here: World, rule: Rule, caller: Caller) -> None:
    """Raises ForbiddenError or NotFoundError where the rule does not let the caller."""
    if rule.role is not None and not caller.has(rule.role):
        raise ForbiddenError(f"{caller.name} is {caller.role.value}; this takes {rule.role.value}.", hint="Ask an admin.")
    if rule.socket and caller.via != "socket":
        raise ForbiddenError("This is for the unix socket only.", hint="Run the command on the server's own machine.")
    if rule.over is not Over.NOTHING:
        await here.database.recall(_check, rule, caller, tuple(sorted(connection.path_params.items())))


def rates_of(connection: HTTPConnection, here: Here) -> Rates:
    """Of this application, counted since the first request."""
    state = connection.app.state
    if not hasattr(state, "rates"):
        state.rates = Rates(here.site)
    found: Rates = state.rates
    return found


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
    state, route = scope.get("state", {}), scope.get("route")
    caller: Caller | None = state.get("caller")
    refused = status in {401, 403} or state.get("refused", False)
    changes = scope["method"] not in SAFE or getattr(route, "name", "") in OPENING
    if not refused and not changes:
        return
    with contextlib.suppress(sa.exc.SQLAlchemyError, UnavailableError):
        await world().database.run(
            access.add,
            who=caller.name if caller else "",
            via=caller.via if caller else "",
            action=route.name if route is not None else "",
            path=scope["path"],
            status=status,
        )


async def identify(connection: HTTPConnection, here: World, *, touch: bool = True) -> Caller:
    """By the unix socket, a token, or the cookie of a session. A token wins over a cookie."""
    if by_socket(connection):
        return LOCAL
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret:
        return await _of_token(secret.strip(), here)
    if cookie := connection.cookies.get(COOKIE):
        return await _of_session(connection, cookie, here, touch=touch)
    raise UnauthorizedError(
        "No token was sent, and there is no session.",
        hint="Log in, or send `Authorization: Bearer TOKEN`; `rackless token add` makes one.",
    )


async def _of_token(secret: str, here: World) -> Caller:
    found = await here.database.read(users.holder, secret, time.time())
    if found is None:
        raise UnauthorizedError("That token is not known, or has expired.", hint="`rackless token add` makes another.")
    return Caller(name=found.name, role=found.role, via="token")


async def _of_session(connection: HTTPConnection, secret: str, here: World, *, touch: bool) -> Caller:
    """The browser sends the cookie by itself, whoever's page asks: so it must be our own page's request."""
    if connection.scope["type"] == "websocket":
        if not own_origin(connection):
            raise ForbiddenError("A page of another site may not open this.", hint="Send this server's address as the Origin.")
    elif connection.scope["method"] not in SAFE and connection.headers.get(CHANGES) != "1":
        raise ForbiddenError("With a session, what changes something needs the header `X-Rackless: 1`.", hint="Send it.")
    now = time.time()
    row, caller = await here.database.read(_in_session, secret, now)
    if touch and row.seen < now - sessions.TOUCH:
        await here.database.run(sessions.touch, row.id, now)
    return caller


def _in_session(db: sa.Connection, secret: str, now: float) -> tuple[sessions.SessionRow, Caller]:
    row = sessions.find(db, secret, now)
    if row is None:
        raise UnauthorizedError("The session has ended.", hint="Log in again.")
    return row, caller_in(db, row)


def caller_in(db: sa.Connection, row: sessions.SessionRow) -> Caller:
    """Whose session this is.

    Raises:
        UnauthorizedError: they may not come in any more.
    """
    if row.user == LOCAL.name:
        return replace(LOCAL, via="session", session=row.id)
    user = users.find(db, row.user)
    if user is None or user.disabled:
        raise UnauthorizedError("The session has ended.", hint="Log in again.")
    return Caller(name=user.name, role=user.role, via="session", session=row.id)


def _check(db: sa.Connection, rule: Rule, caller: Caller, parameters: tuple[tuple[str, str], ...]) -> None:
    path = dict(parameters)
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


async def caller_of(connection: HTTPConnection) -> Caller:
    found: Caller = connection.state.caller
    return found


Who = Annotated[Caller, Depends(caller_of)]


async def streaming(connection: HTTPConnection, here: Here, who: Who) -> AsyncIterator[None]:
    """A dependency of routes that answer with a stream: from before its begin until its end it counts as the caller's."""
    with rates_of(connection, here).streaming(who):
        yield
