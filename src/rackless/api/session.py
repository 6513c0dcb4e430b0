"""Logging in: sessions of browsers, by a password or by a one-time ticket."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from rackless.api.arrival import own_origin
from rackless.api.errors import RESPONSES
from rackless.api.guard import COOKIE, Who, caller_in
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.people import Self
from rackless.model.errors import ForbiddenError, UnauthorizedError
from rackless.model.people import LOCAL
from rackless.sandboxes import logins, passwords
from rackless.store import sessions, users
from rackless.workflows.world import World

router = APIRouter(tags=["session"], responses=RESPONSES)


class Login(BaseModel):
    """A user's name and password."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class Redeemed(BaseModel):
    """A ticket of `POST /session/tickets`."""

    ticket: str = Field(max_length=128)


class Ticket(BaseModel):
    """Good for one login, until `expires` (seconds since the epoch)."""

    ticket: str
    expires: float


class Session(BaseModel):
    """Of a browser. Times are seconds since the epoch. `how`: password, ticket, or the provider's name; `current`: it is the one
    that asks."""

    id: int
    created: float
    seen: float
    expires: float
    how: str
    source: str
    agent: str
    current: bool


@router.post("/session")
async def log_in(body: Annotated[Login | Redeemed, Body()], request: Request, response: Response, here: Here) -> Self:
    """Open a session: the answer sets its cookie."""
    if request.headers.get("origin") is not None and not own_origin(request):
        raise ForbiddenError("Another site's page may not log in here.", hint="Open this server's own page.")
    source, agent = source_of(request), request.headers.get("user-agent", "")
    now = time.time()
    if isinstance(body, Redeemed):
        row, secret = await here.database.run(logins.redeem, body.ticket, now, local=LOCAL.name, source=source, agent=agent)
    else:
        await _check(here, body, source, now)
        row, secret = await here.database.run(sessions.open_, body.user, how="password", source=source, agent=agent)
    caller = await here.database.read(caller_in, row)
    request.state.caller = caller
    set_cookie(request, response, secret, row.expires - now)
    return Self(name=caller.name, role=caller.role, via=caller.via)


async def _check(here: World, body: Login, source: str, now: float) -> None:
    """Raises UnauthorizedError when that is not the user's password, or they may not come in: which, is not told."""
    await here.database.run(logins.attempt, body.user, source, now)
    row = await here.database.read(users.find, body.user)
    right = await asyncio.to_thread(passwords.matches, row.password if row else None, body.password)
    if not right or row is None or row.disabled:
        raise UnauthorizedError("No user has that name and password.", hint="An admin can set a new password.")
    await here.database.run(logins.succeeded, body.user, source)


def source_of(request: Request) -> str:
    """The address that the request comes from; "" for the unix socket."""
    return request.client.host if request.client else ""


def set_cookie(request: Request, response: Response, secret: str, seconds: float) -> None:
    """Scripts can't read it, and other sites' pages don't send it."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(COOKIE, secret, max_age=int(seconds), path="/", secure=secure, httponly=True, samesite="strict")


@router.delete("/session", status_code=204)
async def log_out(request: Request, response: Response, here: Here, who: Who) -> None:
    """End the session that asks."""
    if who.session is not None:
        await here.database.run(sessions.end, who.name, who.session)
    secure = request.scope["scheme"] == "https"
    response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="strict")


@router.post("/session/tickets", status_code=201)
async def make_ticket(here: Here, who: Who) -> Ticket:
    """Something that opens one more session of yours: from the unix socket, or from a session, which it does not outlive."""
    if who.via == "token":
        raise ForbiddenError("A token gives no ticket: the session would outlive it.", hint="Log in with a password.")

    def make(db: sa.Connection) -> tuple[str, float]:
        mine = [row.expires for row in sessions.of(db, who.name, time.time()) if row.id == who.session]
        return sessions.new_ticket(db, who.name, mine[0] if mine else None)

    ticket, expires = await here.database.run(make)
    return Ticket(ticket=ticket, expires=expires)


@router.get("/users/{user}/sessions")
async def list_sessions(user: str, here: Here, who: Who, asked: Pages) -> Page[Session]:
    """The sessions of a user that are open, oldest first."""
    rows = await here.database.read(sessions.of, user, time.time())

    def shown(row: sessions.SessionRow) -> Session:
        return Session(**{k: v for k, v in vars(row).items() if k != "user"}, current=row.id == who.session)

    return asked.of_all(rows, lambda row: (row.id,), shown, int)


@router.delete("/users/{user}/sessions", status_code=204)
async def end_sessions(user: str, here: Here) -> None:
    """End all sessions of a user."""
    await here.database.run(sessions.end_all, user)


@router.delete("/users/{user}/sessions/{number}", status_code=204)
async def end_session(user: str, number: int, here: Here) -> None:
    await here.database.run(sessions.end, user, number)
