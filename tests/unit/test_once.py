"""Idempotency keys and rates: a request is carried out once, and nobody asks more often than the site allows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.unit.api_client import Client

from rackless.api import once
from rackless.api.app import make
from rackless.api.rates import BURST, MOST, Buckets
from rackless.store import answers, users

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"


async def send(client: Client, method: str, path: str, body: Any = None, key: str = "k", **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.http.request(method, path, json=body, headers=headers, timeout=60, **more)


async def history(client: Client) -> list[str]:
    return [entry["what"] for entry in await client.items("/labs/lab/history")]


async def test_the_same_again_gets_the_first_answer_and_is_done_once(client: Client) -> None:
    body = client.blueprint(SMALL.format(name="lab"), begins=4e9)
    first = await send(client, "POST", "/labs", body)
    again = await send(client, "POST", "/labs", body)
    assert (first.status_code, first.json(), first.headers["content-type"]) == (202, again.json(), again.headers["content-type"])
    assert again.status_code == 202
    assert once.REPLAYED not in first.headers
    assert again.headers[once.REPLAYED] == "true"
    for seconds in (60, 60):
        assert (await send(client, "POST", "/labs/lab/extend", {"ends": 4.1e9}, key="another")).is_success, seconds
    assert await history(client) == ["booked", "extended"]


async def test_refusals_are_answers_too(client: Client) -> None:
    first = await send(client, "DELETE", "/users/una")
    await client.ask("POST", "/users", {"name": "una"})
    again = await send(client, "DELETE", "/users/una")
    assert (first.status_code, again.status_code, again.json()) == (404, 404, first.json())
    assert again.headers["content-type"] == "application/problem+json"
    assert (await send(client, "DELETE", "/users/una", key="2")).status_code == 204
    empty = await send(client, "DELETE", "/users/una", key="2")
    assert (empty.status_code, empty.content, empty.headers[once.REPLAYED]) == (204, b"", "true")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/users", {"name": "uwe"}), ("POST", "/users?x=1", {"name": "una"}), ("DELETE", "/users/una", None)],
)
async def test_a_key_belongs_to_one_request(client: Client, method: str, path: str, body: Any) -> None:
    assert (await send(client, "POST", "/users", {"name": "una"})).status_code == 201
    error = await send(client, method, path, body)
    assert (error.status_code, error.json()["code"]) == (422, "idempotency")


async def test_two_at_once_are_one(client: Client) -> None:
    body = client.blueprint(SMALL.format(name="lab"))
    found = await asyncio.gather(*(send(client, "POST", "/labs", body) for _ in range(5)))
    assert {one.status_code for one in found} == {202}
    assert len({one.json()["job"] for one in found}) == 1
    assert sorted(once.REPLAYED in one.headers for one in found) == [False, True, True, True, True]
    await client.end_of(found[0].json()["job"])


async def test_who_waits_too_long_is_told_to_come_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "WAIT", 0.0)
    monkeypatch.setattr(once, "LOOK", 0.01)
    body = client.blueprint(SMALL.format(name="lab"))
    first = asyncio.create_task(send(client, "POST", "/labs", body))
    while not once._working:
        await asyncio.sleep(0)
    error = await send(client, "POST", "/labs", body)
    assert (error.status_code, error.json()["code"]) == (409, "state")
    await client.end_of((await first).json()["job"])


async def test_what_failed_by_our_fault_may_be_tried_again(client: Client) -> None:
    await client.up()
    client.cloud.fail("remove", times=99, name="west-vfp0")
    assert (await send(client, "DELETE", "/labs/lab?wait=30")).status_code >= 500
    client.cloud.faults.clear()
    done = await send(client, "DELETE", "/labs/lab?wait=30")
    assert (done.status_code, once.REPLAYED in done.headers) == (202, False)
    assert await client.items("/labs") == []


async def test_a_server_that_was_killed_leaves_no_key_behind(client: Client) -> None:
    database = client.world.database
    key, digest = "x" * 64, "d"
    assert await database.run(answers.claim, key, digest, server=client.world.server, now=1.0, old=0.0) is None
    await database.run(answers.forget, [client.world.server])
    assert await database.run(answers.claim, key, digest, server="other", now=1.0, old=0.0) is None


async def test_keys_are_forgotten_after_a_day(client: Client) -> None:
    database = client.world.database
    await database.run(answers.claim, "a" * 64, "d", server="s", now=1.0, old=0.0)
    await database.run(answers.keep, "a" * 64, 200, "application/json", b"1")
    assert await database.run(answers.claim, "a" * 64, "other", server="s", now=2.0 + once.DAY, old=2.0) is None


async def test_each_caller_has_keys_of_their_own_and_no_secret_is_kept(client: Client) -> None:
    tokens = {}
    for name in ("una", "uwe"):
        await client.ask("POST", "/users", {"name": name})
        tokens[name] = (await client.ask("POST", f"/users/{name}/tokens", {"label": "t"}))["token"]
    transport = httpx.ASGITransport(make(lambda: None))
    for name in ("una", "uwe"):
        headers = {"authorization": f"Bearer {tokens[name]}", "idempotency-key": "same"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1", headers=headers) as http:
            done = await http.post("/labs", json=client.blueprint(SMALL.format(name=f"of-{name}"), begins=4e9))
            assert (done.status_code, once.REPLAYED in done.headers) == (202, False)
    first = await send(client, "POST", "/users/una/tokens", {"label": "new"}, key="secret-key")
    again = await send(client, "POST", "/users/una/tokens", {"label": "new"}, key="secret-key")
    assert first.json()["token"] != again.json()["token"]
    assert await client.world.database.read(users.holder, again.json()["token"], 1.0)
    kept = await client.world.database.read(lambda db: str(db.execute(answers.table.select()).all()))
    assert not any(word in kept for word in ("rkl_", "secret-key", "same", "una/tokens"))


@pytest.mark.parametrize("key", ["", "x" * 256, "\x07"])
async def test_keys_that_cannot_be_are_refused(client: Client, key: str) -> None:
    answer = await client.http.post("/users", json={"name": "una"}, headers=[(b"idempotency-key", key.encode())])
    assert (answer.status_code, answer.json()["code"]) == (422, "input")


async def test_reads_take_no_key(client: Client) -> None:
    assert once.REPLAYED not in (await send(client, "GET", "/labs")).headers
    assert once.REPLAYED not in (await send(client, "GET", "/labs")).headers


def test_a_bucket_lets_through_its_rate_and_no_more() -> None:
    buckets = Buckets(2.0)
    now = 100.0
    assert [buckets.take("una", now) for _ in range(int(2 * BURST))] == [0.0] * int(2 * BURST)
    assert buckets.take("una", now) == pytest.approx(0.5)
    assert buckets.take("uwe", now) == 0.0
    assert buckets.take("una", now + 0.5) == 0.0
    assert buckets.take("una", now + 0.5) > 0
    for number in range(MOST + 10):
        buckets.take(str(number), now)
    assert len(buckets._levels) == MOST
    assert [Buckets(0.0).take("una", now) for _ in range(1000)] == [0.0] * 1000


async def test_who_asks_too_often_is_told_when_to_come_again(client: Client) -> None:
    await client.ask("POST", "/users", {"name": "una"})
    token = (await client.ask("POST", "/users/una/tokens", {"label": "t"}))["token"]
    world = client.world
    object.__setattr__(world, "site", replace(world.site, caller_rate=0.3, stranger_rate=0.2))
    transport = httpx.ASGITransport(make(lambda: None))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1") as http:
        known = {"authorization": f"Bearer {token}"}
        found = [(await http.get("/self", headers=known)).status_code for _ in range(4)]
        assert found == [200, 200, 200, 429]
        answer = await http.get("/self", headers=known)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert [(await http.get("/self")).status_code for _ in range(3)] == [401, 401, 429]
    for _ in range(10):
        await client.ask("GET", "/self")  # the unix socket
