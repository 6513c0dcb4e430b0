"""The API of a server on the `fake` provider, in one process and without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import sqlite

from rackless import daemons, durable, settings
from rackless.api.app import make
from rackless.api.arrival import on_socket
from rackless.keepers import timekeeper
from rackless.providers.contract import at
from rackless.providers.fake import FakeProvider
from rackless.workflows.world import World, use

BLUEPRINT = """
name: lab
routers:
  west: {cards: 2, ports_per_card: 2, login: {user: eng, password: giv3n-by-file}, startup: west.set}
  east: {cards: 1, ports_per_card: 2}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [west:ge-1/0/0, pc1:eth1]
"""
FILES = {"west.set": "set system time-zone UTC\n"}


class Client:
    """The API without a socket."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        first = at(world.provider, world.site.everywhere[0].name)
        assert isinstance(first, FakeProvider)
        self.world = world
        self.cloud = first.cloud
        self.http = http

    async def ask(self, method: str, path: str, body: Any = None, status: int = 0, **query: Any) -> Any:
        answer = await self.http.request(method, path, json=body, params=query, timeout=60)
        if status:
            assert answer.status_code == status, answer.text
        else:
            assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def items(self, path: str, **query: Any) -> list[Any]:
        """Of all pages of a list."""
        found: list[Any] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.ask("GET", path, **query, **after)
            found += page["items"]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    async def text(self, path: str) -> str:
        return (await self.http.get(path)).text

    def blueprint(self, text: str = BLUEPRINT, **more: Any) -> dict[str, Any]:
        return {"text": text, "file": "lab.yaml", "files": FILES, **more}

    async def up(self, text: str = BLUEPRINT, **more: Any) -> dict[str, Any]:
        started = await self.ask("POST", "/labs", self.blueprint(text, **more))
        await self.end_of(started["job"])
        return started

    async def end_of(self, job: str) -> dict[str, Any]:
        await self.text(f"/jobs/{job}/events?follow=true")
        return await self.ask("GET", f"/jobs/{job}")

    async def down(self, lab: str = "lab") -> None:
        await self.ask("DELETE", f"/labs/{lab}", wait=30)


@pytest.fixture
async def client(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setenv("RACKLESS_PROVIDER", "fake")
    async with serving(tmp_path, database_url, monkeypatch) as served:
        yield served


@asynccontextmanager
async def serving(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, site: str = "") -> AsyncIterator[Client]:
    """A server with this site.yaml; without one, with that of its state directory, if a test has put one there."""
    monkeypatch.setattr(durable, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr("rackless.workflows.routers.QUIET", 0.2)
    places = {"RACKLESS_STATE": str(tmp_path / "s"), "RACKLESS_RUN": str(tmp_path / "r"), "RACKLESS_DATABASE": database_url}
    if site:
        (tmp_path / "site.yaml").write_text(site)
        places["RACKLESS_SITE"] = str(tmp_path / "site.yaml")
    if database_url.startswith("sqlite:"):
        sqlite.record(tmp_path / "s")
    world = daemons.build(settings.load(places))
    use(world)
    await daemons.resume(world)
    keeping = asyncio.create_task(timekeeper.keep(world))
    transport = httpx.ASGITransport(on_socket(make(lambda: None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://rackless/v1") as http:
        yield Client(world, http)
    keeping.cancel()
    await world.consoles.close()
    durable.close()
    world.database.close()
