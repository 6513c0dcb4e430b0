"""Sessions of browsers: logging in and out, tickets, what a cookie may not do, attempts, ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api_client import Client

from rackless.api.app import make
from rackless.api.arrival import on_network
from rackless.model.people import Role
from rackless.sandboxes.logins import Patience
from rackless.store import sessions

PASSWORD = "correct horse battery"
HERE = "http://127.0.0.1:8000"
PAGE = {"X-Rackless": "1"}
APP = on_network(make(lambda: None), names=["127.0.0.1", "localhost"])


@asynccontextmanager
async def browser(source: str = "192.0.2.1", base: str = HERE) -> AsyncIterator[httpx.AsyncClient]:
    """It keeps cookies."""
    transport = httpx.ASGITransport(APP, client=(source, 40000))
    async with httpx.AsyncClient(transport=transport, base_url=f"{base}/v1") as http:
        yield http


async def log_in(http: httpx.AsyncClient, user: str = "una", password: str = PASSWORD, **more: Any) -> httpx.Response:
    return await http.post("/session", json={"user": user, "password": password}, **more)


@pytest.fixture
async def una(client: Client) -> Client:
    await client.ask("POST", "/users", {"name": "una", "password": PASSWORD})
    return client


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What `time.time()` is ahead of the test's begin: it stands still by itself, however slow the machine is."""
    ahead, begin = [0.0], time.time()
    monkeypatch.setattr(time, "time", lambda: begin + ahead[0])
    return ahead


async def test_a_password_opens_a_session_and_logging_out_ends_it(una: Client) -> None:
    async with browser() as http:
        answer = await log_in(http)
        assert answer.json() == {"name": "una", "role": "user", "via": "session"}
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert (await http.get("/self")).json()["name"] == "una"
        [found] = (await http.get("/users/una/sessions")).json()["items"]
        assert (found["how"], found["source"], found["current"]) == ("password", "192.0.2.1", True)
        kept = dict(http.cookies)
        assert (await http.delete("/session", headers=PAGE)).status_code == 204
        assert not http.cookies
        assert (await http.get("/self", cookies=kept)).status_code == 401


async def test_over_tls_the_cookie_stays_on_tls(una: Client) -> None:
    async with browser(base="https://127.0.0.1:8443") as http:
        assert "Secure" in (await log_in(http)).headers["set-cookie"]


@pytest.mark.parametrize(
    ("user", "password"), [("una", "another one, long"), ("nobody", PASSWORD), ("ole", PASSWORD), ("una", "")]
)
async def test_what_is_wrong_with_a_login_is_not_told(una: Client, user: str, password: str) -> None:
    await una.ask("POST", "/users", {"name": "ole"})
    async with browser() as http:
        answer = await log_in(http, user, password)
        assert answer.status_code == 401
        assert "No user has that name and password" in answer.text
        assert "set-cookie" not in answer.headers


async def test_a_cookie_alone_changes_nothing(una: Client) -> None:
    async with browser() as http:
        await log_in(http)
        body = {"label": "t"}
        assert (await http.post("/users/una/tokens", json=body)).status_code == 403
        assert (await http.post("/users/una/tokens", json=body, headers=PAGE)).status_code == 201


async def test_another_sites_page_cannot_log_in(una: Client) -> None:
    async with browser() as http:
        assert (await log_in(http, headers={"origin": "https://evil.example"})).status_code == 403
        assert (await log_in(http, headers={"origin": HERE})).status_code == 200


async def test_a_name_that_is_not_this_servers_is_turned_away(una: Client) -> None:
    async with browser(base="http://rebound.example:8000") as http:
        assert (await log_in(http)).status_code == 403
    async with browser(base="http://localhost:8000") as http:
        answer = await log_in(http)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "let_in"), [(HERE, True), ("http://evil.example", False), ("http://127.0.0.1:9000", False), (None, False)]
)
async def test_a_websocket_opens_for_this_servers_page_only(una: Client, origin: str | None, let_in: bool) -> None:
    _, secret = await una.world.database.run(sessions.open_, "local", how="ticket")
    headers = {"cookie": f"rackless_session={secret}", "host": "127.0.0.1:8000"} | ({"origin": origin} if origin else {})
    first, last = await websocket("/v1/labs/no/machines/x/console", headers)
    assert json.loads(first["text"])["error"]["code"] == ("not-found" if let_in else "forbidden")
    assert last["type"] == "websocket.close"


async def websocket(path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """What the server sends to who opens it and says nothing, but that it was accepted."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.1", 40000),
        "subprotocols": [],
        "state": {},
        "extensions": {},
    }
    await asyncio.wait_for(APP(scope, receive, send), 10)
    return [message for message in sent if message["type"] != "websocket.accept"]


async def test_a_ticket_of_the_socket_opens_one_session_of_its_admin(una: Client) -> None:
    made = await una.ask("POST", "/session/tickets", status=201)
    async with browser() as http:
        answer = await http.post("/session", json={"ticket": made["ticket"]})
        assert answer.json() == {"name": "local", "role": "admin", "via": "session"}
        assert (await http.post("/session", json={"ticket": made["ticket"]})).status_code == 401
        assert (await http.get("/users")).status_code == 200


async def test_a_ticket_is_good_for_a_minute(una: Client, clock: list[float]) -> None:
    made = await una.ask("POST", "/session/tickets", status=201)
    clock[0] += 61
    async with browser() as http:
        assert (await http.post("/session", json={"ticket": made["ticket"]})).status_code == 401


async def test_a_session_gives_a_ticket_that_lasts_no_longer_and_a_token_none(una: Client, clock: list[float]) -> None:
    async with browser() as http, browser() as other:
        await log_in(http)
        clock[0] += 3600
        made = (await http.post("/session/tickets", headers=PAGE)).json()
        await other.post("/session", json={"ticket": made["ticket"]})
        first, second = (await other.get("/users/una/sessions")).json()["items"]
        assert first["expires"] == second["expires"]
        assert not first["current"]
        token = (await http.post("/users/una/tokens", json={"label": "t"}, headers=PAGE)).json()["token"]
    async with browser() as http:
        answer = await http.post("/session/tickets", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 403


async def test_a_session_ends_when_idle_and_in_the_end(una: Client, clock: list[float]) -> None:
    async with browser() as http, browser() as idle:
        await log_in(http)
        await log_in(idle)
        for _ in range(15):
            clock[0] += 11 * 3600
            assert (await http.get("/self")).status_code == 200
        assert (await idle.get("/self")).status_code == 401
        clock[0] += 4 * 3600  # seven days and an hour after it began
        assert (await http.get("/self")).status_code == 401


@pytest.mark.parametrize("change", [{"disabled": True}, {"password": "another long password"}])
async def test_who_is_disabled_or_gets_another_password_loses_sessions_and_tickets(una: Client, change: dict[str, Any]) -> None:
    async with browser() as http, browser() as other:
        await log_in(http)
        made = (await http.post("/session/tickets", headers=PAGE)).json()
        await una.ask("PATCH", "/users/una", change)
        assert (await http.get("/self")).status_code == 401
        assert (await other.post("/session", json={"ticket": made["ticket"]})).status_code == 401


async def test_a_name_given_anew_opens_no_old_session(una: Client) -> None:
    async with browser() as http:
        await log_in(http)
        await una.ask("DELETE", "/users/una")
        await una.ask("POST", "/users", {"name": "una", "role": "admin"})
        assert (await http.get("/self")).status_code == 401


async def test_a_role_that_changes_holds_at_once(una: Client) -> None:
    async with browser() as http:
        await log_in(http)
        assert (await http.get("/users")).status_code == 403
        await una.ask("PATCH", "/users/una", {"role": Role.ADMIN.value})
        assert (await http.get("/users")).status_code == 200


async def test_an_admin_ends_a_users_sessions(una: Client) -> None:
    async with browser() as http, browser() as other:
        await log_in(http)
        await log_in(other)
        first, _ = (await una.ask("GET", "/users/una/sessions"))["items"]
        await una.ask("DELETE", f"/users/una/sessions/{first['id']}", status=204)
        assert (await http.get("/self")).status_code == 401
        assert (await other.get("/self")).status_code == 200
        await una.ask("DELETE", f"/users/una/sessions/{first['id']}", status=404)
        await una.ask("DELETE", "/users/una/sessions", status=204)
        assert (await other.get("/self")).status_code == 401


async def test_guessing_is_slowed_down_and_the_user_is_not_kept_out(una: Client, clock: list[float]) -> None:
    async with browser() as guesser, browser("192.0.2.9") as http:
        answers = [await log_in(guesser, password=f"guess number {number}") for number in range(7)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
        assert "next may come in 1 s" in answers[-1].text
        assert (await log_in(guesser)).status_code == 429  # the right one too
        assert (await log_in(http)).status_code == 200  # from elsewhere
        clock[0] += 1.1
        assert (await log_in(guesser, password="one more guess")).status_code == 401
        clock[0] += 1.1
        assert (await log_in(guesser)).status_code == 429  # now two seconds
        clock[0] += 1
        assert (await log_in(guesser)).status_code == 200
        assert (await log_in(guesser, password="a slip, after it")).status_code == 401


@pytest.mark.usefixtures("clock")
async def test_a_source_that_tries_many_users_is_slowed_down(una: Client) -> None:
    async with browser() as http:
        answers = [await log_in(http, f"user{number}") for number in range(21)]
        assert [answer.status_code for answer in answers] == [401] * 20 + [429]


@pytest.mark.usefixtures("clock")
async def test_addresses_of_one_ipv6_network_are_one_source(una: Client) -> None:
    for number in range(5):
        async with browser(f"2001:db8::{number}") as http:
            assert (await log_in(http, password="another guess")).status_code == 401
    async with browser("2001:db8::99") as http:
        assert (await log_in(http)).status_code == 429
    async with browser("2001:db8:0:1::99") as http:
        assert (await log_in(http)).status_code == 200


@given(st.integers(0, 20), st.floats(1, 1000), st.integers(0, 10_000))
def test_the_wait_grows_up_to_its_bound(free: int, most: float, count: int) -> None:
    patience = Patience(free=free, most=most)
    assert 0 <= patience.wait(count) <= patience.wait(count + 1) <= most
    assert (patience.wait(count) == 0) == (count < free)
