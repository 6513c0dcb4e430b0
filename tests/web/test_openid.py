"""Logging in on the page by an OpenID provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.stories.shell import Shell
from tests.unit.openid_provider import CLIENT, SECRET, Provider, running
from tests.web.conftest import Site, Visitor

CONFIGURED = """
oidc:
  - name: corp
    title: Example Corp
    issuer: {issuer}
    client_id: {client}
    client_secret_file: {secret}
    groups_claim: groups
    roles: {{lab-users: user}}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Site]:
    top: Path = tmp_path_factory.mktemp("w")
    (top / "secret").write_text(SECRET)
    (top / "secret").chmod(0o600)
    made = Site(top, CONFIGURED.format(issuer=provider.issuer, client=CLIENT, secret=top / "secret"))
    yield made
    made.end()


def test_by_a_provider_and_refused_by_it(visit: Callable[..., Visitor], provider: Provider) -> None:
    visitor = visit()
    visitor.allow("/v1/self")
    visitor.allow(provider.issuer)
    page = visitor.go("/calendar")
    button = page.get_by_role("link", name="Example Corp")
    expect(button).to_be_visible()
    visitor.shot("login-light")
    assert not visitor.violations()
    button.click()
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()  # in no group that may come in
    assert "login-error" not in page.url

    provider.claims["groups"] = ["lab-users"]
    page.get_by_role("link", name="Example Corp").click()
    expect(page.get_by_role("link", name=re.compile("una"))).to_contain_text("user")
    expect(page.get_by_role("heading", level=1)).to_have_text("Labs")
    page.get_by_role("link", name=re.compile("una")).click()
    expect(page.get_by_role("row").filter(has_text="this one")).to_contain_text("corp")


def test_the_command_line_logs_in_on_the_page(
    visit: Callable[..., Visitor], site: Site, provider: Provider, tmp_path: Path
) -> None:
    provider.claims["groups"] = ["lab-users"]
    una = Shell(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"))
    del una.env["RACKLESS_URL"]
    waiting = una.start("login", site.place, "--web", "--json")
    assert waiting.stderr is not None
    address = next(line.strip() for line in waiting.stderr if site.place in line)

    visitor = visit()
    visitor.allow("/v1/self")
    visitor.allow(provider.issuer)
    visitor.allow("http://127.0.0.1:")  # where the command waits
    page = visitor.go(address.removeprefix(site.place))
    page.get_by_role("link", name="Example Corp").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in the command line?")
    expect(page.locator("main")).to_contain_text("asks to act as una (user)")
    visitor.shot("command-line")
    assert not visitor.violations()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("body")).to_contain_text("The command line is logged in")
    out, _ = waiting.communicate(timeout=60)
    assert json.loads(out) == {"url": site.place, "user": "una", "role": "user"}
    assert una.json("list") == []
    una.run("logout")


def test_the_command_line_is_refused_on_the_page(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.log_in("pia", "/cli?port=9&state=s&host=elsewhere")
    expect(page.locator("main")).to_contain_text("on elsewhere asks to act as pia")
    page.get_by_role("button", name="Refuse").click()
    expect(page.locator("main")).to_contain_text("Refused")
    page = visitor.go("/cli?port=http://evil.example/")
    expect(page.locator("main")).to_contain_text("This address is not whole")
    expect(page.get_by_role("button", name="Allow")).to_have_count(0)
