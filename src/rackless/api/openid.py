"""Logging in by an OpenID provider: the browser is sent there, and comes back with a code."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.guard import caller_in
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.session import set_cookie, source_of
from rackless.identity.mapping import person
from rackless.identity.openid import Client
from rackless.model.errors import ForbiddenError, NotFoundError, RacklessError, UnauthorizedError
from rackless.store import openid, sessions
from rackless.workflows.world import World

router = APIRouter(tags=["session"], responses=RESPONSES)

COOKIE = "rackless_login"
"""Holds the state of the login that this browser began: another's answer, brought here by a link, is not taken."""
PLACE = "/v1/session/oidc"
PAGE = "/"


class LoginProvider(BaseModel):
    """A way to log in: send the browser to `/v1/session/oidc/{name}`."""

    name: str
    title: str


@router.get("/session/providers")
async def list_providers(here: Here, asked: Pages) -> Page[LoginProvider]:
    """The OpenID providers by which one may log in here."""
    return asked.of_all(here.site.oidc, lambda one: (one.name,), lambda one: LoginProvider(name=one.name, title=one.title), str)


@router.get("/session/oidc/{provider}", status_code=303, response_class=RedirectResponse)
async def begin_login(provider: str, request: Request, here: Here) -> Response:
    """Send the browser to the provider."""

    async def begin() -> Response:
        client = _client(request, here, provider)
        redirect = f"{request.url.scheme}://{request.url.netloc}{PLACE}/{provider}/callback"
        start = await client.start(redirect)
        begun = openid.Begun(provider=provider, nonce=start.nonce, verifier=start.verifier, redirect=redirect)
        await here.database.run(openid.begin, start.state, begun, time.time())
        answer = RedirectResponse(start.url, status_code=303)
        # Lax, for the provider sends the browser back from its own page.
        secure = request.url.scheme == "https"
        age = int(openid.BEGUN)
        answer.set_cookie(COOKIE, start.state, max_age=age, path=PLACE, secure=secure, httponly=True, samesite="lax")
        return answer

    return await _told(request, begin)


@router.get("/session/oidc/{provider}/callback", status_code=303, response_class=RedirectResponse)
async def end_login(
    provider: str,
    request: Request,
    here: Here,
    *,
    code: str | None = None,
    state: str | None = None,
    error: str | None = None,
    iss: str | None = None,
) -> Response:
    """Where the provider sends the browser back to: opens a session, and leads to the page. What went wrong is told a browser in
    the page's address, `#login-error=...`."""

    async def end() -> Response:
        client = _client(request, here, provider)
        begun = await _begun(request, here, provider, state)
        if error is not None or code is None:
            raise UnauthorizedError(f"{client.provider.title} did not let you in: {error or 'no code'}.", hint="Try again.")
        claims = await client.finish(code=code, redirect=begun.redirect, nonce=begun.nonce, verifier=begun.verifier, issuer=iss)
        user = await here.database.run(openid.admit, person(client.provider, claims))
        agent = request.headers.get("user-agent", "")
        source = source_of(request)
        row, secret = await here.database.run(sessions.open_, user.name, how=provider, source=source, agent=agent)
        request.state.caller = await here.database.read(caller_in, row)
        answer = RedirectResponse(PAGE, status_code=303)
        set_cookie(request, answer, secret, row.expires - time.time())
        answer.delete_cookie(COOKIE, path=PLACE)
        return answer

    return await _told(request, end)


async def _begun(request: Request, here: World, provider: str, state: str | None) -> openid.Begun:
    """Raises UnauthorizedError when this browser began no such login, or ended it before."""
    mine = request.cookies.get(COOKIE, "")
    same = state is not None and hmac.compare_digest(mine.encode(), state.encode())
    begun = await here.database.run(openid.take, state, time.time()) if state is not None and same else None
    if begun is None or begun.provider != provider:
        raise UnauthorizedError("That login was not begun in this browser, or has ended.", hint="Begin again.")
    return begun


async def _told(request: Request, body: Callable[[], Awaitable[Response]]) -> Response:
    """A browser that is on its way gets the reason on the page."""
    try:
        return await body()
    except RacklessError as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        request.state.refused = isinstance(error, (UnauthorizedError, ForbiddenError))
        return RedirectResponse(f"{PAGE}#login-error={quote(f'{error.message} {error.hint}'.strip())}", status_code=303)


def _client(request: Request, here: World, name: str) -> Client:
    """Kept with the application, for it knows the provider's keys."""
    found = next((one for one in here.site.oidc if one.name == name), None)
    if found is None:
        raise NotFoundError(f"There is no provider {name} here.", hint="GET /v1/session/providers lists them.")
    clients: dict[str, Client] = request.app.state.openid
    if name not in clients or clients[name].provider != found:
        clients[name] = Client(found)
    return clients[name]
