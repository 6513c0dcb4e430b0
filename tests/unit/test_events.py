"""Events over a real connection: who sees what, taking up where one was, what is forgotten, and an end when either side goes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from tests.unit.api_client import Client

from rackless.api import events as api_events
from rackless.api.app import make
from rackless.api.arrival import on_socket
from rackless.listening import unix_socket
from rackless.store import events
from rackless.store.database import Database
from rackless.workflows import feed
from rackless.workflows.feed import Feed

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"


class Stream:
    """Server-sent events, as a browser reads them."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.id = ""
        self.comments = 0
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """Type and data of the next event."""
        async with asyncio.timeout(30):
            kind, data = "", ""
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line.startswith(":"):
                    self.comments += 1
                elif name == "id":
                    self.id = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    data = value
                elif not line and data:
                    return kind, json.loads(data)
        raise EOFError

    async def until(self, kind: str, **wanted: Any) -> list[tuple[str, Any]]:
        """All up to the event of this type with these values."""
        told = []
        while True:
            told.append(await self.next())
            if told[-1][0] == kind and wanted.items() <= told[-1][1].items():
                return told

    async def position(self) -> str:
        """Wait until the stream is open; the id that it begins at."""
        async with asyncio.timeout(30):
            async for line in self._lines:
                if line.startswith("id: "):
                    self.id = line[4:]
                if not line:
                    return self.id
        raise EOFError


class Served:
    """The API on a TCP port and a unix socket, in the test's loop."""

    def __init__(self, client: Client, port: int, path: Path) -> None:
        self.client = client
        self.port = port
        self.path = path
        self.tokens: dict[str, str] = {}

    async def user(self, name: str, role: str = "user") -> None:
        await self.client.ask("POST", "/users", {"name": name, "role": role})
        made = await self.client.ask("POST", f"/users/{name}/tokens", {"label": "t"})
        self.tokens[name] = made["token"]

    @asynccontextmanager
    async def events(self, who: str = "", path: str = "/v1/events", **headers: str) -> AsyncIterator[Stream]:
        """`who` "" is the unix socket's."""
        transport = None if who else httpx.AsyncHTTPTransport(uds=str(self.path))
        if who:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        url = f"http://127.0.0.1:{self.port}{path}"
        async with (
            httpx.AsyncClient(transport=transport, timeout=30, trust_env=False) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            yield Stream(answer)


@pytest.fixture
async def served(client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    path = tmp_path_factory.mktemp("u") / "s"
    port = socket.create_server(("127.0.0.1", 0))
    app = make(lambda: None)
    servers = [
        uvicorn.Server(uvicorn.Config(one, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        for one in (on_socket(app), app)
    ]
    tasks = []
    for server, listens in zip(servers, (unix_socket(path), port), strict=True):
        server.config.load()
        tasks.append(asyncio.create_task(server._serve([listens])))
    while not all(server.started for server in servers):
        await asyncio.sleep(0.01)
    yield Served(client, port.getsockname()[1], path)
    client.world.feed.close()
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)


async def booked(served: Served, name: str) -> None:
    await served.client.ask("POST", "/labs", served.client.blueprint(SMALL.format(name=name), begins=4e9))


async def test_a_deployment_is_told_from_its_begin_to_its_end(served: Served) -> None:
    async with served.events() as stream:
        await stream.position()
        await served.client.up()
        told = await stream.until("job", state="succeeded")
    labs = [data["state"] for kind, data in told if kind == "lab"]
    assert labs[-2:] == ["deploying", "ready"]
    assert {data["name"] for kind, data in told if kind == "machine" and data["state"] == "running"} == {
        *("west-vcp", "west-vfp0", "west-vfp1", "east-vcp", "east-vfp0", "pc1")
    }
    links = [data for kind, data in told if kind == "link"]
    assert {tuple(link["ends"]) for link in links if link["state"] == "connected"} == {
        ("west:ge-0/0/0", "east:ge-0/0/0"),
        ("west:ge-1/0/0", "pc1:eth1"),
    }
    steps = [data for kind, data in told if kind == "step"]
    job = steps[0]["job"]
    assert [step["number"] for step in steps] == list(range(1, len(steps) + 1))
    kept = [json.loads(line) for line in (await served.client.text(f"/jobs/{job}/events")).splitlines()]
    assert [step["text"] for step in steps] == [event["text"] for event in kept]
    await served.client.down()


async def test_only_what_the_caller_may_see_and_asked_for(served: Served) -> None:
    for name in ("una", "uwe", "ulf"):
        await served.user(name)
    await served.user("olga", "operator")
    async with (
        served.events("una") as owner,
        served.events("uwe", "/v1/events?topics=labs") as other,
        served.events("ulf") as stranger,
        served.events("olga", "/v1/events?lab=hers&topics=labs,jobs") as operator,
    ):
        for stream in (owner, other, stranger, operator):
            await stream.position()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}/v1", timeout=30, trust_env=False) as http:
            http.headers["authorization"] = f"Bearer {served.tokens['una']}"
            body = served.client.blueprint(SMALL.format(name="hers"), begins=4e9)
            assert (await http.post("/labs", json=body)).status_code == 202
            assert (await http.put("/labs/hers/shares/uwe")).status_code == 204
            assert (await http.post("/labs/hers/extend", json={"ends": 5e9})).is_success
            await booked(served, "local")
            assert (await http.delete("/labs/hers", params={"wait": 30})).is_success
        await booked(served, "last")
        labs = [data["state"] for kind, data in await owner.until("lab", state="ended") if kind == "lab"]
        assert labs == ["booked", "booked", "tearing-down", "ended"]
        # From when it was shared with them, to its end, though the share ended with it.
        shared = await other.until("lab", state="ended")
        assert [(kind, data["state"]) for kind, data in shared] == [("lab", "booked"), ("lab", "tearing-down"), ("lab", "ended")]
        seen = await operator.until("job", state="succeeded")
        assert {kind for kind, _ in seen} == {"lab", "job"}
        assert {data.get("lab", data.get("name")) for _, data in seen} == {"hers"}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stranger.next(), 0.5)


async def test_who_comes_back_reads_on_where_they_were(served: Served) -> None:
    await booked(served, "before")
    async with served.events() as stream:
        await stream.position()
        await booked(served, "one")
        assert (await stream.next())[1]["name"] == "one"
        last = stream.id
    await booked(served, "two")
    await booked(served, "three")
    async with served.events(**{"last-event-id": last}) as stream:
        assert [(await stream.next())[1]["name"] for _ in range(2)] == ["two", "three"]
    async with served.events("", f"/v1/events?after={last}") as stream:
        assert (await stream.next())[1]["name"] == "two"
        assert int(stream.id) > int(last)


@pytest.mark.parametrize("last", ["0", "99999999", "nonsense", "-3"])
async def test_what_is_forgotten_or_of_another_store_is_a_reset(served: Served, last: str) -> None:
    await booked(served, "one")
    await booked(served, "two")

    def forget(db: Any) -> None:
        db.execute(events.table.delete().where(events.table.c.id <= 1))

    await served.client.world.database.run(forget)
    async with served.events(**{"last-event-id": last}) as stream:
        assert await stream.next() == ("reset", {})
        await booked(served, "three")
        assert (await stream.next())[1]["name"] == "three"


async def test_a_caller_has_so_many_streams_at_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.api.rates.MOST_STREAMS", 2)
    for name in ("una", "uwe"):
        await served.user(name)

    async def refused(who: str) -> str | None:
        try:
            async with served.events(who):
                return None
        except AssertionError as error:
            return str(error)

    async with served.events("una"), served.events("una"):
        assert "una has 2 streams of events open" in str(await refused("una"))
        assert await refused("uwe") is None
    async with asyncio.timeout(30):
        while await refused("una"):  # the server sees the end of a connection a moment later
            await asyncio.sleep(0.05)


async def test_silence_has_comments_and_a_token_that_ends_ends_the_stream(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "ALIVE", 0.05)
    await served.user("una")
    async with served.events("una") as stream:
        await stream.position()
        await served.client.ask("DELETE", "/users/una/tokens/t")
        with pytest.raises(EOFError):
            await stream.next()
    async with served.events() as stream:
        await stream.position()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.next(), 0.5)
        assert stream.comments >= 2


async def test_nobody_reads_the_store_for_followers_who_went(served: Served) -> None:
    async with served.events() as stream:
        await stream.position()
        assert served.client.world.feed._reader is not None
    async with asyncio.timeout(60):
        while served.client.world.feed._reader is not None:
            await asyncio.sleep(0.01)


async def test_an_unknown_topic_is_refused(client: Client) -> None:
    error = await client.ask("GET", "/events", status=422, topics="labs,cats")
    assert "labs, jobs, steps, machines, links" in error["hint"]


async def test_the_events_of_a_job_come_the_same_way(served: Served) -> None:
    started = await served.client.ask("POST", "/labs", served.client.blueprint(SMALL.format(name="lab")))
    path = f"/v1/jobs/{started['job']}/events"
    async with served.events("", path, accept="text/event-stream") as stream:
        told = await stream.until("end")
    assert told[-1][1]["state"] == "succeeded"
    assert [data["number"] for kind, data in told if kind == "step"] == list(range(1, len(told)))
    async with served.events("", path, accept="text/event-stream", **{"last-event-id": "3"}) as stream:
        assert (await stream.next())[1]["number"] == 4
    await served.client.down()


async def test_another_server_on_the_store_tells_what_this_one_wrote(served: Served) -> None:
    database = served.client.world.database
    if not database.shared:
        return
    other = Database(str(database.url.render_as_string(hide_password=False)))
    follower = Feed(other)
    stream = follower.follow(None, alive=30)
    await anext(stream)
    await booked(served, "here")
    async with asyncio.timeout(60):
        _, batch, _ = await anext(stream)
    assert batch[0].data["name"] == "here"
    await stream.aclose()  # type: ignore[attr-defined]
    other.close()


async def test_a_slow_follower_holds_no_more_than_a_page_and_misses_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PAGE", 5)
    monkeypatch.setattr(feed, "RECENT", 10)
    await client.ask("POST", "/labs", client.blueprint(SMALL.format(name="lab"), begins=4e9))
    follower = client.world.feed.follow(None, alive=30)
    at, _, _ = await anext(follower)

    def much(db: Any) -> None:
        for number in range(100):
            events.add(db, 1, "job", {"id": str(number), "verb": "save", "state": "running"})

    await client.world.database.run(much)
    told: list[events.Event] = []
    async with asyncio.timeout(20):
        while len(told) < 100:
            _, batch, lost = await anext(follower)
            assert len(batch) <= 5
            assert not lost
            told += batch
    assert [event.data["id"] for event in told] == [str(number) for number in range(100)]
    assert told[0].id > at
    await follower.aclose()  # type: ignore[attr-defined]


async def test_old_events_are_forgotten_and_no_number_comes_twice(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 20)
    monkeypatch.setattr(events, "EVERY", 10)
    await client.ask("POST", "/labs", client.blueprint(SMALL.format(name="lab"), begins=4e9))

    def much(db: Any) -> tuple[int, int]:
        for _ in range(100):
            events.add(db, 1, "job", {"id": "x", "verb": "save", "state": "running"})
        return events.oldest(db), events.newest(db)

    oldest, newest = await client.world.database.run(much)
    assert 20 <= newest - oldest <= 30
    await client.world.database.run(lambda db: db.execute(events.table.delete()))
    assert (await client.world.database.run(much))[1] == newest + 100
