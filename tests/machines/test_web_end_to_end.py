"""The page against real guests, in one boot: log in, deploy, ports turn green, draw a wire, type in a console, end the lab."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(500)]

BLUEPRINT = "name: page\nrouters:\n  r: {family: reference, cards: 1, ports_per_card: 2}\n"
PASSWORD = "a long enough one"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]
BOOT = 300_000
"""Milliseconds for a router to boot under emulation, on a machine that does other things too."""


@pytest.fixture(scope="module")
def place(here: Installation) -> Iterator[str]:
    """The address of the page of this installation, where `una` has a password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = here.start("serve", "--tcp", str(port), "--plain")
    sock = here.run_dir / "api.sock"
    await_that("the server's socket", sock.exists, bool)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(sock)), base_url="http://rackless/v1", timeout=60) as http:
        made = http.post("/users", json={"name": "una", "role": "user", "password": PASSWORD})
        assert made.is_success, made.text
    yield f"http://127.0.0.1:{port}"
    here.down_all()
    here.run("stop")
    server.wait(timeout=30)


@pytest.fixture
def page(place: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1360, "height": 850})
        page.goto(place)
        yield page
        browser.close()


def port(page: Page, number: int) -> tuple[float, float]:
    box = page.get_by_role("button", name=f"Port r:ge-0/0/{number},").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_lab_from_log_in_to_its_end(page: Page, place: str, here: Installation) -> None:
    page.get_by_label("User").fill("una")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name=re.compile("una"))).to_be_visible()

    page.goto(f"{place}/new")
    page.get_by_role("textbox", name="Blueprint").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(BLUEPRINT)
    expect(page.get_by_label("Plan", exact=True)).to_contain_text("2 machines")
    page.get_by_role("button", name="Deploy").click()
    expect(page).to_have_url(re.compile("/jobs/"))

    page.goto(f"{place}/labs/page")
    # Not there yet, then ready: the picture follows by itself.
    free = page.locator("[data-port].look-free")
    expect(page.locator("[data-port]")).to_have_count(2)
    expect(free).to_have_count(2, timeout=BOOT)
    expect(page.get_by_role("button", name="Router r, running,")).to_be_visible(timeout=BOOT)
    expect(page.locator("main .state-good").first).to_have_text("ready", timeout=BOOT)

    start, end = port(page, 0), port(page, 1)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    expect(page.locator("[data-port].look-up")).to_have_count(2, timeout=60_000)
    assert here.on("page", "r", "show interfaces terse").count("up    up") >= 2
    shots = Path(__file__).parents[2] / "build/screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots / "end-to-end.png")

    page.goto(f"{place}/labs/page/consoles/r-vcp")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    page.locator("[data-terminal='Console of r-vcp'] textarea").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You write")).to_be_visible()
    rows = page.locator("[data-terminal='Console of r-vcp'] .xterm-rows")
    expect(rows).to_contain_text("login:", timeout=60_000)
    page.keyboard.type("nobody\n")
    expect(rows).to_contain_text("Password:", timeout=60_000)

    page.goto(f"{place}/labs/page")
    page.get_by_role("button", name=re.compile("^End")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^End")).click()
    await_that("the end of the lab", lambda: here.json("list"), lambda labs: labs == [])
    assert here.leftovers() == []
