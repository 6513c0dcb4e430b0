"""Logging in by an OpenID provider: what is let in, and everything that is not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.unit.api_client import Client
from tests.unit.openid_provider import CLIENT, SECRET, Provider, running

from rackless.api.app import make
from rackless.api.arrival import on_network
from rackless.identity import openid as protocol
from rackless.model.errors import InputError
from rackless.model.openid import OpenId
from rackless.model.people import Role
from rackless.routers.families import FAMILIES
from rackless.sandboxes.site_file import load_site

HERE = "http://127.0.0.1:8000"
PAGE = {"X-Rackless": "1"}


class Site:
    """A server that trusts one provider."""

    def __init__(self, client: Client, provider: Provider, secret: Path) -> None:
        self.client, self.provider = client, provider
        self.app = on_network(make(lambda: None))
        self.known = OpenId(name="corp", title="Corp", issuer=provider.issuer, client=CLIENT, secret=secret, role=Role.USER)
        self.trust()

    def trust(self, **changes: Any) -> None:
        values = {**vars(self.known), **changes}
        object.__setattr__(self.client.world.site, "oidc", (OpenId(**values),))

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, client=("192.0.2.1", 40000))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
            yield http

    async def begin(self, http: httpx.AsyncClient) -> str:
        """Where the provider sends the browser back to."""
        answer = await http.get("/v1/session/oidc/corp")
        assert answer.status_code == 303, answer.text
        return self.provider.authorize(answer.headers["location"])

    async def log_in(self, http: httpx.AsyncClient) -> httpx.Response:
        return await http.get(await self.begin(http))

    async def refused(self, status: int = 401) -> str:
        """Why a whole login is not let in."""
        async with self.browser() as http:
            answer = await self.log_in(http)
            assert answer.status_code == status, answer.text
            assert (await http.get("/v1/self")).status_code == 401
            return str(answer.json()["detail"])


@pytest.fixture
async def site(client: Client, tmp_path: Path) -> AsyncIterator[Site]:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    with running() as provider:
        yield Site(client, provider, secret)


async def test_a_login_makes_a_user_and_opens_a_session(site: Site) -> None:
    async with site.browser() as http:
        listed = (await http.get("/v1/session/providers")).json()["items"]
        assert listed == [{"name": "corp", "title": "Corp"}]
        answer = await site.log_in(http)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await http.get("/v1/self")).json() == {"name": "una", "role": "user", "via": "session"}
        assert "rackless_login" not in dict(http.cookies)
    [user] = (await site.client.ask("GET", "/users"))["items"]
    assert (user["provider"], user["password"]) == ("corp", False)
    lines = (await site.client.ask("GET", "/access-log"))["items"]
    assert ("una", "session", "end_login") in {(line["who"], line["via"], line["action"]) for line in lines}
    async with site.browser() as http:
        assert (await site.log_in(http)).status_code == 303  # the same user again
    assert len((await site.client.ask("GET", "/users"))["items"]) == 1
    await site.client.ask("PATCH", "/users/una", {"password": "a long enough one"}, status=409)


FAULTS = {
    "signature": "no signature that holds",
    "symmetric": "no signature that holds",
    "none": "no signature that holds",
    "audience": "for somebody else",
    "audiences": "given to somebody else",
    "party": "given to somebody else",
    "nonce": "of another login",
    "expired": "not of now",
    "future": "not of now",
    "issuer": "another issuer's",
    "nobody": "names nobody",
    "times": "no times",
    "iss": "another provider's",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_token_that_does_not_hold_lets_nobody_in(site: Site, fault: str) -> None:
    site.provider.fault = fault
    assert FAULTS[fault] in await site.refused()
    assert (await site.client.ask("GET", "/users"))["items"] == []


@pytest.mark.parametrize(
    ("fault", "told"), [("impostor", "calls itself"), ("clear", "no token_endpoint with TLS"), ("down", "503")]
)
async def test_a_provider_that_is_not_one_is_told(site: Site, fault: str, told: str) -> None:
    site.provider.fault = fault
    async with site.browser() as http:
        answer = await http.get("/v1/session/oidc/corp")
        if answer.status_code == 303:
            answer = await http.get(site.provider.authorize(answer.headers["location"]))
        assert (answer.status_code, answer.json()["code"]) == (502, "provider")
        assert told in answer.json()["detail"]


async def test_an_answer_opens_one_session_in_the_browser_that_began(site: Site) -> None:
    async with site.browser() as http, site.browser() as other:
        back = await site.begin(http)
        assert (await other.get(back)).status_code == 401  # a link that somebody sent
        cookies = dict(http.cookies)
        assert (await http.get(back)).status_code == 303
        replayed = await other.get(back, cookies=cookies)
        assert replayed.status_code == 401
        assert "not begun in this browser, or has ended" in replayed.text
        again = await site.begin(http)
        assert (await http.get(again.replace("state=", "state=x"))).status_code == 401
        assert (
            "did not let you in: access_denied"
            in (
                await http.get(f"/v1/session/oidc/corp/callback?error=access_denied&state={dict(http.cookies)['rackless_login']}")
            ).text
        )


async def test_a_login_takes_ten_minutes_at_most(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.browser() as http:
        back = await site.begin(http)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 601)
        assert (await http.get(back)).status_code == 401


async def test_another_secret_or_verifier_is_refused_by_the_provider(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another")
    assert "does not take the code (401)" in await site.refused()


async def test_a_browser_is_told_on_the_page(site: Site) -> None:
    site.provider.fault = "nonce"
    async with site.browser() as http:
        back = await site.begin(http)
        answer = await http.get(back, headers={"accept": "text/html,*/*;q=0.8"})
        place = urlsplit(answer.headers["location"])
        assert (answer.status_code, place.path) == (303, "/")
        assert "of another login" in unquote(place.fragment.removeprefix("login-error="))
    lines = (await site.client.ask("GET", "/access-log"))["items"]
    assert lines[0]["action"] == "end_login"


async def test_roles_and_groups_are_what_the_provider_says_at_each_login(site: Site) -> None:
    roles = {"boss": Role.ADMIN, "staff": Role.USER}
    site.trust(roles=roles, role=None, groups={"net": "core", "old": "left"})
    assert "no group of Corp that may come in" in await site.refused(403)
    site.provider.userinfo = {"groups": ["staff", "boss", "old"]}  # said beside the token
    async with site.browser() as http:
        await site.log_in(http)
        assert (await http.get("/v1/self")).json()["role"] == "admin"
        groups = (await http.get("/v1/groups")).json()["items"]
        assert [(one["name"], one["members"]) for one in groups] == [("left", ["una"])]
        site.provider.userinfo = {}
        site.provider.claims["groups"] = ["staff", "net"]
        await site.log_in(http)
        assert (await http.get("/v1/self")).json()["role"] == "user"
    groups = (await site.client.ask("GET", "/groups"))["items"]
    assert [(one["name"], one["members"]) for one in groups] == [("core", ["una"]), ("left", [])]


async def test_a_disabled_user_stays_out(site: Site) -> None:
    async with site.browser() as http:
        await site.log_in(http)
        await site.client.ask("PATCH", "/users/una", {"disabled": True})
        assert (await http.get("/v1/self")).status_code == 401
    assert "una is disabled here" in await site.refused(403)


async def test_a_name_that_is_anothers_is_refused(site: Site) -> None:
    await site.client.ask("POST", "/users", {"name": "una"})
    assert "There is a user una already" in await site.refused(403)
    assert "una" in str(await site.client.ask("GET", "/users"))
    site.provider.claims["preferred_username"] = "uwe"
    async with site.browser() as http:
        await site.log_in(http)
    site.provider.claims["sub"] = "43"  # another person of the same name
    assert "There is a user uwe already" in await site.refused(403)


@pytest.mark.parametrize("name", ["local", "rackless", "a b", "../x", "", 7, None, "x" * 65])
async def test_names_that_cannot_be_are_refused(site: Site, name: object) -> None:
    site.provider.claims["preferred_username"] = name
    assert "can be a user's name" in await site.refused(403)


@pytest.mark.parametrize(
    "claims", [{"email": "una@evil.example"}, {"email_verified": False}, {"email": "una@example.net.evil.example"}]
)
async def test_only_verified_addresses_of_the_domains_come_in(site: Site, claims: dict[str, Any]) -> None:
    site.trust(domains=frozenset({"example.net"}))
    async with site.browser() as http:
        assert (await site.log_in(http)).status_code == 303
    site.provider.claims |= claims
    assert "Only mail addresses of example.net" in await site.refused(403)


async def test_a_key_that_is_new_is_fetched(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.browser() as http:
        await site.log_in(http)
        site.provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
        assert (await site.log_in(http)).status_code == 401  # keys were read a moment ago
        monkeypatch.setattr(protocol, "ANEW", 0.0)
        assert (await site.log_in(http)).status_code == 303
        assert site.provider.told.count("/keys") == 2


async def test_a_provider_that_is_not_there_is_not_found(site: Site) -> None:
    async with site.browser() as http:
        assert (await http.get("/v1/session/oidc/other")).status_code == 404


# --- a provider that others wrote ---


@pytest.fixture
def other() -> Iterator[str]:
    """The issuer of oidc-provider-mock, as a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    person = {"sub": "7", "preferred_username": "pia", "email": "pia@example.net", "groups": ["staff"]}
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "-H", "127.0.0.1", "-n", "true"]
    process = subprocess.Popen(
        [*command, "--user-claims", json.dumps(person)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def test_a_login_by_a_provider_that_others_wrote(site: Site, other: str) -> None:
    site.trust(issuer=other, roles={"staff": Role.OPERATOR}, role=None)
    async with site.browser() as http, httpx.AsyncClient() as web:
        place = (await http.get("/v1/session/oidc/corp")).headers["location"]
        assert place.startswith(other)
        agreed = await web.post(place, data={"sub": "7"}, timeout=30)
        assert agreed.status_code in (302, 303), agreed.text
        answer = await http.get(agreed.headers["location"])
        assert (answer.status_code, answer.headers.get("location")) == (303, "/"), answer.text
        assert (await http.get("/v1/self")).json() == {"name": "pia", "role": "operator", "via": "session"}


# --- the site file ---


def test_the_site_file_names_providers(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "oidc:\n- {name: corp, title: Corp, issuer: 'https://id.example.net', client_id: r, client_secret_file: /etc/r,\n"
        "   scopes: email groups, roles: {a: admin}, default_role: viewer, groups: {net: core}, domains: Example.net}\n"
    )
    [found] = load_site(file, FAMILIES).oidc
    assert found.scopes == ("openid", "email", "groups")
    assert (found.roles, found.role, found.groups) == ({"a": Role.ADMIN}, Role.VIEWER, {"net": "core"})
    assert (found.domains, found.secret) == (frozenset({"example.net"}), Path("/etc/r"))


GOOD = "name: corp, issuer: 'https://id.example.net', client_id: r"


@pytest.mark.parametrize(
    "text",
    [
        "oidc: {}",
        "oidc: [x]",
        "oidc: [{name: corp}]",
        f"oidc: [{{{GOOD}, color: red}}]",
        "oidc: [{name: corp, issuer: 'http://id.example.net', client_id: r}]",
        f"oidc: [{{{GOOD}, roles: {{a: king}}}}]",
        f"oidc: [{{{GOOD}, groups: {{a: 'B c'}}}}]",
        f"oidc: [{{{GOOD}, client_secret_file: secret}}]",
        f"oidc: [{{{GOOD}}}, {{{GOOD}}}]",
    ],
)
def test_what_is_no_provider_is_refused_with_the_way_out(tmp_path: Path, text: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match="oidc") as found:
        load_site(file, FAMILIES)
    assert found.value.hint
