"""Who is let in at a VM host, and whom its server speaks to: real TLS on the loopback address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.api_client import Client, serving

from rackless.model.errors import InputError, NotFoundError, ProviderError, StateError, UnauthorizedError
from rackless.model.places import HostPlace
from rackless.providers.host import wire
from rackless.providers.host.authority import host_name
from rackless.providers.host.calling import Line
from rackless.providers.host.enrolment import Enrolments, read_token
from rackless.vmhost.serving.enrolment import Enrolment, Serving, new_request

SERVING = Serving(name="alpha", listen=("127.0.0.1", 9443))


def enrolled(enrolments: Enrolments, folder: Path, name: str = "alpha") -> Enrolment:
    token, _ = enrolments.invite(name, "https://server:8443", "AA:BB")
    key, request = new_request(name)
    _, certificate = enrolments.enrol(name, read_token(str(token)).secret, request)
    made = Enrolment(folder)
    made.keep(SERVING, key, certificate, enrolments.authority.certificate.read_text())
    return made


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A host that answers every request with an error of ours."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            body = b'{"error": {"code": "absent", "message": "There is no machine x.", "hint": "Make it first."}}'
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def line(enrolments: Enrolments, port: int, name: str = "alpha") -> Line:
    return Line(HostPlace(name=name, address=f"127.0.0.1:{port}"), enrolments)


async def ask(enrolments: Enrolments, port: int) -> None:
    await line(enrolments, port).ask("owned", wire.OwnedAsked(sandbox=None), wire.Found, seconds=5)


async def test_the_server_speaks_to_the_host_that_was_enrolled_last_and_to_no_other(tmp_path: Path) -> None:
    enrolments = Enrolments(tmp_path / "server")
    with pytest.raises(StateError, match="The host alpha is not enrolled"):
        await ask(enrolments, 1)
    first = enrolled(enrolments, tmp_path / "one")
    async with listening(first.context()) as port:
        with pytest.raises(ProviderError, match="There is no machine x"):  # it was let in, and answered
            await ask(enrolments, port)
        second = enrolled(enrolments, tmp_path / "two")
        with pytest.raises(ProviderError, match="is not the one that was enrolled"):
            await ask(enrolments, port)
    async with listening(second.context()) as port:
        with pytest.raises(ProviderError, match="There is no machine x"):
            await ask(enrolments, port)
        enrolments.forget("alpha")
        with pytest.raises(StateError, match="is not enrolled"):
            await ask(enrolments, port)
    with pytest.raises(NotFoundError):
        enrolments.forget("alpha")


async def speak(context: ssl.SSLContext, port: int, name: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        return await asyncio.wait_for(reader.read(100), 10)
    finally:
        writer.close()


async def test_a_host_lets_in_its_server_alone_and_by_tls_1_3(tmp_path: Path) -> None:
    enrolments, strangers = Enrolments(tmp_path / "server"), Enrolments(tmp_path / "stranger")
    host, other = enrolled(enrolments, tmp_path / "host"), enrolled(enrolments, tmp_path / "other", "beta")
    enrolled(strangers, tmp_path / "theirs")
    known = enrolments.find("alpha")
    assert known is not None
    name = host_name(known.identity)

    def trusting() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(enrolments.authority.certificate)
        return made

    nobody, another_host, stranger, old = trusting(), trusting(), trusting(), enrolments.authority.client()
    other.pair.load(another_host)  # a host of the same site is no server
    theirs = strangers.authority.certificate.parent
    stranger.load_cert_chain(theirs / "server.pem", theirs / "server.key")
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(host.context()) as port:
        assert (await speak(enrolments.authority.client(), port, name)).startswith(b"HTTP/1.1 502")
        for context in (nobody, another_host, stranger, old):
            try:
                heard = await speak(context, port, name)
            except (ssl.SSLError, ConnectionError):
                heard = b""
            assert heard == b""


def test_a_token_is_good_once_and_for_its_time_and_for_its_host(tmp_path: Path) -> None:
    enrolments = Enrolments(tmp_path)
    _, request = new_request("alpha")
    late, _ = enrolments.invite("alpha", "https://s", "", lasts=-1)
    with pytest.raises(UnauthorizedError, match="not any more"):
        enrolments.enrol("alpha", late.secret, request)
    replaced, _ = enrolments.invite("alpha", "https://s", "")
    token, _ = enrolments.invite("alpha", "https://s", "")
    other, _ = enrolments.invite("beta", "https://s", "")
    for name, secret in (("alpha", replaced.secret), ("alpha", other.secret), ("gamma", token.secret), ("alpha", "")):
        with pytest.raises(UnauthorizedError):
            enrolments.enrol(name, secret, request)
    with pytest.raises(InputError, match="no certificate request"):
        enrolments.enrol("alpha", token.secret, "-----BEGIN NOTHING-----")
    enrolments.enrol("alpha", token.secret, request)
    with pytest.raises(UnauthorizedError):
        enrolments.enrol("alpha", token.secret, request)
    kept = (tmp_path / "hosts/alpha.json").read_text()
    assert token.secret not in kept
    for path in (tmp_path / "hosts").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    with pytest.raises(InputError, match="no token of a host"):
        read_token("rlhost1.nonsense")


def test_what_is_withdrawn_is_gone_with_its_key(tmp_path: Path) -> None:
    host = enrolled(Enrolments(tmp_path / "server"), tmp_path / "host")
    assert host.find() == SERVING
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "host/serving").iterdir()} == {0o600}
    host.withdraw()
    assert host.find() is None
    assert list((tmp_path / "host/serving").iterdir()) == []


SITE = """
provider: fake
places:
  alpha: {provider: host, address: "127.0.0.1:9", group: hall}
"""


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)
    async with serving(tmp_path, "", monkeypatch, SITE) as made:
        yield made


async def test_the_api_invites_enrols_lists_and_removes(client: Client) -> None:
    (row,) = await client.items("/vm-hosts")
    assert (row["name"], row["state"], row["labs"]) == ("alpha", "not-enrolled", [])
    await client.ask("POST", "/vm-hosts/alpha/token", {}, status=409)  # it listens on no port with TLS
    await client.ask("POST", "/vm-hosts/fake/token", {}, status=422)
    await client.ask("POST", "/vm-hosts/gamma/token", {}, status=404)
    await client.ask("POST", "/vm-hosts/alpha/token", {"url": "http://server"}, status=422)
    invited = await client.ask("POST", "/vm-hosts/alpha/token", {"url": "https://labs.example.net"})
    token = read_token(invited["token"])
    assert (token.url, token.fingerprint, token.name) == ("https://labs.example.net", "", "alpha")
    assert invited["command"] == "rackless-vmhost enroll --listen 127.0.0.1:9"
    _, request = new_request("alpha")
    wish = {"name": "alpha", "secret": token.secret, "request": request}
    answer = await client.ask("POST", "/vm-hosts/enroll", wish)
    assert set(answer) == {"certificate", "authority"}
    await client.ask("POST", "/vm-hosts/enroll", wish, status=401)
    findings = (await client.http.post("/places/alpha/check")).text
    assert '"name": "enrolled", "ok": true' in findings
    assert '"name": "reachable", "ok": false' in findings
    (row,) = await client.items("/vm-hosts")
    assert row["state"] == "silent"
    refused = await client.ask("POST", "/labs", client.blueprint("name: x\nplace: hall\nhosts: {pc: {}}\n"), status=409)
    assert "none of alpha takes anything new" in refused["detail"]
    assert await client.ask("POST", "/vm-hosts/alpha/evacuate") == []
    (row,) = await client.items("/vm-hosts")
    assert row["state"] == "given-up"
    await client.ask("DELETE", "/vm-hosts/alpha", status=204)
    (row,) = await client.items("/vm-hosts")
    assert row["state"] == "not-enrolled"
