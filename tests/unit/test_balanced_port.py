"""A port for load balancers only: who shows no certificate of their authority is not heard, and what they say is believed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from tests.fabric.moving import Authority

from rackless.certificate import Pair
from rackless.listening import Address, Listeners, Serving
from rackless.model.errors import InputError
from rackless.model.site import Site
from rackless.settings import Settings


def settings(top: Path) -> Settings:
    found = Settings(state=top / "s", run=top / "r", images=top / "i", site_file=top / "site.yaml")
    found.make()
    return found


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
async def port(tmp_path: Path, authority: Authority) -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/who")
    async def who(request: Request) -> dict[str, str]:
        assert request.client is not None
        return {"who": request.client.host, "scheme": request.url.scheme}

    certificate, key = authority.certificate("application", "n1", "n1.rackless.internal")
    at = Address(host="127.0.0.1", port=free())
    serving = Serving(tcp=at, given=Pair(certificate=certificate, key=key), clients=authority.folder / "ca.crt")
    listeners = Listeners(app, settings(tmp_path), Site(names=frozenset({"n1.rackless.internal"})), serving)
    listeners.bind()
    await listeners.begin()
    yield at.port
    listeners.stop()
    await listeners.ended()


def tls(authority: Authority, mine: tuple[Path, Path] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.folder / "ca.crt"))
    context.check_hostname = False
    if mine is not None:
        context.load_cert_chain(*mine)
    return context


async def ask(port: int, context: ssl.SSLContext) -> dict[str, str]:
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Host": "n1.rackless.internal"}
    async with httpx.AsyncClient(verify=context, headers=headers) as http:
        found: dict[str, str] = (await http.get(f"https://127.0.0.1:{port}/who")).json()
        return found


async def test_a_balancer_is_heard_and_believed(port: int, authority: Authority) -> None:
    mine = authority.certificate("balancer", "n2")
    assert await ask(port, tls(authority, mine)) == {"who": "192.0.2.7", "scheme": "https"}


async def test_nobody_else_is_heard(port: int, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises((httpx.HTTPError, ssl.SSLError)):
        await ask(port, tls(authority, None))
    (tmp_path / "other").mkdir()
    with pytest.raises((httpx.HTTPError, ssl.SSLError)):
        await ask(port, tls(authority, Authority(tmp_path / "other").certificate("balancer", "n2")))


def test_an_authority_that_is_none_is_told(tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.certificate("application", "n1")
    at = Address(host="127.0.0.1", port=free())
    serving = Serving(tcp=at, given=Pair(certificate=certificate, key=key), clients=key)
    with pytest.raises(InputError, match="cannot be used"):
        Listeners(FastAPI(), settings(tmp_path), Site(), serving).bind()
