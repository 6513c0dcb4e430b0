"""The web page in Debian's Chromium, headless, against a real server with the fake provider; one of each a module."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.stories.shell import ROOT, Shell

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = ROOT / "build/screenshots"
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
PASSWORD = "a long enough one"
PEOPLE = {"ada": "admin", "olga": "operator", "una": "user", "pia": "user", "tim": "user", "viv": "viewer"}
ZONE = "Asia/Tokyo"
"""Of the server."""

expect.set_options(timeout=15_000)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Site:
    """A server on the fake provider, on TCP, and people of every role, whose password is PASSWORD."""

    def __init__(self, top: Path, site_file: str = "", **environment: str) -> None:
        if site_file:
            (top / "s").mkdir()
            (top / "s/site.yaml").write_text(site_file)
        self.shell = Shell(top, TZ=ZONE, RACKLESS_IMAGES=str(top / "i"), **environment)
        self.port = free_port()
        self.place = f"http://127.0.0.1:{self.port}"
        with (top / "log").open("w") as log:  # a pipe that nobody reads would fill, and the server wait for ever
            self._server = self.shell.start("serve", "--tcp", str(self.port), "--plain", stdout=log, stderr=log)
        self._await()
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(top / "r/api.sock")), base_url="http://rackless/v1", timeout=60
        )
        self._known: set[str] = set()

    def _await(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._server.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.place}/healthz", timeout=5)
                return
            time.sleep(0.05)
        raise AssertionError(f"The server does not answer: {(self.shell.top / 'log').read_text()}")

    def know(self, name: str) -> None:
        """Make sure of one of PEOPLE."""
        if name in PEOPLE and name not in self._known:
            self.ask("POST", "/users", {"name": name, "role": PEOPLE[name], "password": PASSWORD})
            self._known.add(name)

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """As the admin at the unix socket."""
        answer = self._http.request(method, path, json=body, params=query)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def up(self, name: str, text: str, **more: Any) -> None:
        """Deploy a blueprint and wait for its end."""
        started = self.ask("POST", "/labs", {"text": text, "name": name, "complete": True, **more})
        if started["job"]:
            self._http.get(f"/jobs/{started['job']}/events", params={"follow": True})

    def upload(self, image: str, content: bytes) -> None:
        assert self._http.put(f"/images/{image}", content=content).is_success

    def ticket(self) -> str:
        """An address of the page that logs in as `local`, from its path on."""
        found: str = self.ask("POST", "/session/tickets")["ticket"]
        return f"/#ticket={found}"

    def end(self) -> None:
        for lab in self.ask("GET", "/labs", limit=1000)["items"]:
            self.ask("DELETE", f"/labs/{lab['name']}", wait=60)
        self._http.close()
        self.shell.run("stop")
        self._server.wait(timeout=30)


class Visitor:
    """Somebody at the page. What the page must never do is noted: errors in the console, requests to other places."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self.site = site
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.allowed: list[str] = []
        self.page.on(
            "console",
            lambda said: self._note(f"{said.text} {said.location.get('url', '')}") if said.type in {"error", "warning"} else None,
        )
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self._look(request.url))

    def allow(self, text: str) -> None:
        """A refusal that this test provokes: the browser itself notes every answer that is one."""
        self.allowed.append(text)

    def go(self, path: str) -> Page:
        self.page.goto(self.site.place + path)
        return self.page

    def log_in(self, name: str, path: str = "/") -> Page:
        """By the form."""
        self.allow("/v1/self")
        self.site.know(name)
        self.go(path)
        self.page.get_by_label("User").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("link", name=re.compile(name))).to_be_visible()
        return self.page

    def shown(self) -> Page:
        """When what the page reads has come."""
        expect(self.page.locator(".loading")).to_have_count(0)
        return self.page

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds serious or worse, by these of its rules, or all of WCAG 2.2 A and AA and its own advice."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", [*rules] or tags)
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def _note(self, text: str) -> None:
        self.faults.append(text)

    def _look(self, url: str) -> None:
        if not url.startswith((self.site.place, "data:", "blob:")):
            self.faults.append(f"A request to another place: {url}")

    def check(self) -> None:
        left = [fault for fault in self.faults if not any(text in fault for text in self.allowed)]
        assert not left, left


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("w"))
    yield made
    made.end()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """`visit(scheme="dark")`: a browser of nobody's yet. At the end it must have done nothing that a page must not."""
    visitors: list[Visitor] = []

    def come(scheme: str = "light", width: int = 1360, height: int = 850, zone: str = "Europe/Berlin") -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone, locale="en-GB"
        )
        visitors.append(Visitor(site, context))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.check()
        visitor.page.context.close()
