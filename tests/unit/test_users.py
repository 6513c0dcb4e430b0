"""Users, roles, tokens and shares: every route by every kind of caller, by every way in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.types import ASGIApp
from tests.unit.api_client import Client

from rackless.api import errors, watching
from rackless.api.app import BARE, PARTS, PREFIX, make
from rackless.api.arrival import on_network, on_socket
from rackless.api.guard import CHANGES, COOKIE, guard
from rackless.api.rates import Rates
from rackless.api.rules import RULES, Over, Rule
from rackless.model import site as model_site
from rackless.model.people import Role
from rackless.store import sandboxes, sessions, users

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
APP = on_network(make(lambda: None))
RULED = [router for router in BARE if any(getattr(route, "name", "") in RULES for route in router.routes)]
ROUTERS = [*(part.router for part in PARTS), *RULED]
ROUTES = {route.name: route for router in ROUTERS for route in router.routes if isinstance(route, (APIRoute, APIWebSocketRoute))}
PEOPLE = {"viv": Role.VIEWER, "una": Role.USER, "uwe": Role.USER, "ulf": Role.USER, "olga": Role.OPERATOR, "ada": Role.ADMIN}
"""una owns the lab, which is shared with uwe and viv; ulf has nothing to do with it."""


class Site:
    """A server on TCP with these people, their tokens, and una's lab."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tokens: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.job = ""

    async def make(self) -> None:
        for name, role in PEOPLE.items():
            await self.client.ask("POST", "/users", {"name": name, "role": role.value})
            made = await self.client.ask("POST", f"/users/{name}/tokens", {"label": "test"})
            self.tokens[name] = made["token"]
            _, self.sessions[name] = await self.client.world.database.run(sessions.open_, name, how="password")
        started = await self.ask("una", "POST", "/labs", self.client.blueprint(SMALL.format(name="lab")), status=202)
        self.job = started["job"]
        await self.client.end_of(self.job)
        for name in ("uwe", "viv"):
            await self.ask("una", "PUT", f"/labs/lab/shares/{name}", status=204)

    async def answer(
        self, who: str, method: str, path: str, body: Any = None, app: ASGIApp = APP, way: str = "token"
    ) -> httpx.Response:
        """`way`: token, page (a session with the header of its page), cookie (a session without it)."""
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if way == "token" and who in self.tokens else {}
        if way != "token" and who in self.sessions:
            headers = {"cookie": f"{COOKIE}={self.sessions[who]}", **({CHANGES: "1"} if way == "page" else {})}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000/v1", headers=headers) as http:
            return await http.request(method, path, json=body, timeout=60)

    async def ask(self, who: str, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        found = await self.answer(who, method, path, body)
        assert found.status_code == status, found.text
        return found.json() if found.content else None

    async def items(self, who: str, path: str) -> Any:
        page = await self.ask(who, "GET", path)
        assert page["next"] is None
        return page["items"]


@pytest.fixture
async def site(client: Client) -> Site:
    made = Site(client)
    await made.make()
    return made


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert set(ROUTES) == set(RULES)


def may(rule: Rule, name: str) -> int:
    """Status with which the guard turns this caller away; 299 when it lets them through."""
    if rule.role is None:
        return 299
    if name == "nobody":
        return 401
    role = PEOPLE[name]
    if role.rank < rule.role.rank or rule.socket:
        return 403
    if rule.over is Over.SELF:
        return 299 if name in ("una", "ada") else 403
    if rule.over is Over.NOTHING or role in (Role.OPERATOR, Role.ADMIN) or name == "una":
        return 299
    if name not in ("uwe", "viv"):
        return 404
    return 403 if rule.over is Over.OWN else 299


def guarded() -> FastAPI:
    """The routes behind the guard; who comes through it is answered 299, and the route itself does nothing."""

    def reached() -> None:
        raise HTTPException(299)

    app = FastAPI()
    app.state.rates = Rates(model_site.Site(caller_rate=0, stranger_rate=0))
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(guard), Depends(reached)])
    errors.install(app)
    return app


@pytest.mark.parametrize("way", ["token", "page", "cookie"])
@pytest.mark.parametrize("who", [*PEOPLE, "nobody"])
async def test_every_route_by_every_caller_by_every_way_over_the_network(site: Site, who: str, way: str) -> None:
    app = on_network(guarded())
    for name, method, path in every_route(site):
        found = (await site.answer(who, method, path, app=app, way=way)).status_code
        wanted = may(RULES[name], who)
        if way == "cookie" and method != "GET" and wanted not in (401, 299 if RULES[name].role is None else 0):
            wanted = 403  # the cookie alone changes nothing, whoever sends it
        assert found == wanted, f"{who} {way} {method} {path}"


async def test_every_route_is_open_to_the_unix_socket(site: Site) -> None:
    app = on_socket(guarded())
    for _, method, path in every_route(site):
        assert (await site.answer("nobody", method, path, app=app)).status_code == 299, f"{method} {path}"


async def test_what_came_by_no_known_way_is_nobodys(site: Site) -> None:
    app = guarded()
    for name, method, path in every_route(site):
        wanted = 299 if RULES[name].role is None else 401
        assert (await site.answer("nobody", method, path, app=app)).status_code == wanted, f"{method} {path}"


class Stream:
    """A websocket without a socket, of a session's page or by a token."""

    def __init__(self, app: ASGIApp, path: str, headers: dict[str, str]) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._typed: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._typed.put_nowait({"type": "websocket.connect"})
        path = f"/v1{path}"
        everything = {"host": "127.0.0.1:8000", **headers}
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in everything.items()],
            "server": ("127.0.0.1", 8000),
            "client": ("192.0.2.1", 40000),
            "subprotocols": [],
            "state": {},
        }
        self._task = asyncio.create_task(app(scope, self._typed.get, self._tell))

    async def _tell(self, message: Any) -> None:
        await self.told.put(dict(message))

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        while True:
            found = await asyncio.wait_for(self.told.get(), 30)
            if found["type"] == kind:
                return found

    async def close(self) -> None:
        self._typed.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(asyncio.gather(self._task, return_exceptions=True), 30)


def headers_of(site: Site, who: str, way: str) -> dict[str, str]:
    if way == "token":
        return {"authorization": f"Bearer {site.tokens[who]}"} if who in site.tokens else {}
    origin = {"page": {"origin": "http://127.0.0.1:8000"}, "cookie": {"origin": "http://evil.example"}}[way]
    return {**origin, **({"cookie": f"{COOKIE}={site.sessions[who]}"} if who in site.sessions else {})}


@pytest.mark.parametrize("way", ["token", "page", "cookie"])
async def test_every_websocket_by_every_caller_by_every_way(site: Site, way: str) -> None:
    """`cookie`: the page of another site asks."""
    paths = {
        name: route.path.format(name="lab", machine="west-vcp", owner="west")
        for name, route in ROUTES.items()
        if isinstance(route, APIWebSocketRoute)
    }
    codes = {401: "unauthorized", 403: "forbidden", 404: "not-found"}
    for name, path in paths.items():
        for who in [*PEOPLE, "nobody"]:
            wanted = 403 if way == "cookie" and who != "nobody" else may(RULES[name], who)
            stream = Stream(APP, path, headers_of(site, who, way))
            first = json.loads((await stream.next("websocket.send")).get("text") or "{}")
            told = first.get("error", {}).get("code", "")
            assert told == codes.get(wanted, told), f"{who} {way} {name}"
            assert told not in codes.values() or wanted in codes, f"{who} {way} {name}"
            await stream.close()


async def test_the_line_of_a_cards_machine_is_for_operators(site: Site) -> None:
    for who in [name for name in PEOPLE if may(RULES["console"], name) not in {401, 403, 404}]:
        stream = Stream(APP, "/labs/lab/machines/west-vfp0/console", headers_of(site, who, "token"))
        told = json.loads((await stream.next("websocket.send"))["text"])
        if PEOPLE[who] in {Role.OPERATOR, Role.ADMIN}:
            assert told == {"open": "west-vfp0"}
        else:
            assert told["error"]["code"] == "not-found", who
            assert (await stream.next("websocket.close"))["code"] == errors.REFUSED
        await stream.close()


@pytest.mark.parametrize("loss", ["sessions", "disabled", "share", "token"])
async def test_a_console_that_is_open_ends_with_the_right_to_it(site: Site, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.1)
    stream = Stream(APP, "/labs/lab/machines/west-vcp/console", headers_of(site, "uwe", "token" if loss == "token" else "page"))
    stays = Stream(APP, "/labs/lab/machines/west-vcp/console", headers_of(site, "una", "page"))
    for one in (stream, stays):
        assert json.loads((await one.next("websocket.send"))["text"]) == {"open": "west-vcp"}
    ask = site.client.ask
    if loss == "sessions":
        await ask("DELETE", "/users/uwe/sessions", status=204)
    elif loss == "disabled":
        await ask("PATCH", "/users/uwe", {"disabled": True})
    elif loss == "share":
        await ask("DELETE", "/labs/lab/shares/uwe", status=204)
    else:
        await ask("DELETE", "/users/uwe/tokens/test", status=204)
    assert (await stream.next("websocket.close"))["code"] == watching.ENDED
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stays.next("websocket.close"), 0.5)
    await stream.close()
    await stays.close()


async def test_an_answer_that_takes_long_is_not_disturbed_by_being_looked_at(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.02)
    headers = {"authorization": f"Bearer {site.tokens['una']}", "idempotency-key": "one"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(APP), base_url="http://127.0.0.1:8000/v1", headers=headers
    ) as http:
        answer = await http.delete("/labs/lab?wait=60", timeout=60)
    assert (answer.status_code, answer.json()["state"]) == (202, "succeeded")


def every_route(site: Site) -> Iterator[tuple[str, str, str]]:
    """Name, method, path."""
    things = {
        "name": "lab",
        "machine": "west-vcp",
        "owner": "west",
        "job": site.job,
        "user": "una",
        "label": "none",
        "number": 1,
        "group": "core",
        "digest": "none",
        "provider": "corp",
        "lock": "one",
        "place": "fake",
        "snapshot": "before",
        "lab": "lab",
    }
    for name, route in ROUTES.items():
        if isinstance(route, APIRoute):
            yield name, sorted(route.methods)[0], route.path.format(**things)


async def test_a_user_sees_and_ends_their_own_labs_only(site: Site) -> None:
    assert [lab["owner"] for lab in await site.items("una", "/labs")] == ["una"]
    assert [lab["name"] for lab in await site.items("viv", "/labs")] == ["lab"]
    assert await site.items("ulf", "/labs") == []
    error = await site.ask("ulf", "GET", "/labs/lab", status=404)
    assert error["detail"] == "There is no lab named lab."
    error = await site.ask("uwe", "DELETE", "/labs/lab", status=403)
    assert "belongs to una" in error["detail"]
    error = await site.ask("ulf", "POST", "/labs", site.client.blueprint(SMALL.format(name="lab")), status=409)
    assert "Another user has a lab named lab" in error["detail"]
    await site.ask("una", "DELETE", "/labs/lab/shares/viv", status=204)
    assert await site.items("viv", "/labs") == []


async def test_tokens_are_told_once_and_end(site: Site) -> None:
    made = await site.ask("una", "POST", "/users/una/tokens", {"label": "ci", "seconds": 0.3}, status=201)
    site.tokens["ci"] = made["token"]
    assert made["token"].startswith("rkl_")
    assert (await site.ask("ci", "GET", "/self"))["name"] == "una"
    assert all(token["token"] is None for token in await site.items("una", "/users/una/tokens"))
    await asyncio.sleep(max(0.0, made["expires"] - time.time()) + 0.01)
    assert "expired" in (await site.ask("ci", "GET", "/self", status=401))["detail"]
    await site.ask("una", "DELETE", "/users/una/tokens/test", status=204)
    await site.ask("una", "GET", "/self", status=401)


async def test_who_is_disabled_or_gets_another_password_is_out_at_once(site: Site) -> None:
    await site.ask("ada", "PATCH", "/users/uwe", {"disabled": True})
    await site.ask("uwe", "GET", "/labs", status=401)
    await site.ask("ada", "PATCH", "/users/viv", {"password": "a long enough one"})
    await site.ask("viv", "GET", "/labs", status=401)


async def test_a_password_is_changed_with_the_old_one_and_kept_as_a_hash(site: Site) -> None:
    await site.client.ask("POST", "/users/una/password", {"new": "a long enough one"})
    site.tokens["una"] = (await site.client.ask("POST", "/users/una/tokens", {"label": "t"}))["token"]
    await site.ask("una", "POST", "/users/una/password", {"old": "a wrong guess", "new": "another long one"}, status=403)
    error = await site.ask("una", "POST", "/users/una/password", {"old": "a long enough one", "new": "short"}, status=422)
    assert "5 characters" in error["detail"]
    await site.ask("una", "POST", "/users/una/password", {"old": "a long enough one", "new": "another long one"}, status=204)
    kept = (await site.client.world.database.read(users.get, "una")).password
    assert kept is not None
    assert kept.startswith("$argon2id$")


async def test_the_log_says_who_changed_what_and_who_was_refused(site: Site) -> None:
    await site.ask("ulf", "DELETE", "/labs/lab", status=404)
    await site.ask("viv", "POST", "/labs", site.client.blueprint(SMALL.format(name="x")), status=403)
    await site.ask("una", "POST", "/labs/lab/extend", {"seconds": 60})
    lines = await site.items("ada", "/access-log")
    found = {(line["who"], line["action"], line["status"]) for line in lines}
    assert {("viv", "deploy", 403), ("una", "extend", 200), ("ulf", "take_down", 404), ("local", "add_user", 201)} <= found
    assert not any(line["action"] == "list_labs" for line in lines)
    assert "rkl_" not in str(lines)
    page = await site.ask("ada", "GET", "/access-log?limit=2")
    page = await site.ask("ada", "GET", f"/access-log?limit=2&after={page['next']}")
    assert [line["id"] for line in page["items"]] == [line["id"] for line in lines[2:4]]


async def test_history_names_who_did_it(site: Site) -> None:
    await site.ask("olga", "DELETE", "/labs/lab?wait=30", status=202)
    entries = await site.items("una", "/labs/lab/history")
    assert [(entry["who"], entry["what"]) for entry in entries][-2:] == [("olga", "tearing-down"), ("rackless", "ended")]


async def test_a_user_who_has_labs_stays(site: Site) -> None:
    assert "una has labs: lab" in (await site.ask("ada", "DELETE", "/users/una", status=409))["detail"]
    await site.ask("ada", "DELETE", "/users/ulf", status=204)
    await site.ask("ulf", "GET", "/self", status=401)


@pytest.mark.parametrize("name", ["", "Una", "local", "a b", "x" * 80])
async def test_names_that_cannot_be_are_refused(client: Client, name: str) -> None:
    error = await client.ask("POST", "/users", {"name": name}, status=422)
    assert "cannot be a user's name" in error["detail"]


async def test_shares_go_with_their_lab(site: Site) -> None:
    key = (await site.client.world.database.read(sandboxes.get, "lab")).id
    await site.client.down()
    assert await site.client.world.database.read(users.shared_with, key) == []
