"""Consoles in the page: two people at one line, one of them writing; what was shown before; a line that breaks; a shell."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.conftest import Site, Visitor

BLUEPRINT = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 2}}\n  east: {{cards: 1, ports_per_card: 2}}\n"
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def lab(site: Site) -> str:
    site.up("lines", BLUEPRINT.format(name="lines"))
    for name in ("una", "viv"):
        site.know(name)
        site.ask("PUT", f"/labs/lines/shares/{name}")
    return "lines"


def come(visit: Visit, lab: str, who: str, machine: str = "west-vcp", **more: Any) -> Page:
    page = visit(**more).log_in(who, f"/labs/{lab}/consoles/{machine}")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    return page


def shows(page: Page, text: str, title: str = "Console of west-vcp") -> None:
    """The terminal shows it; what a terminal draws is in its rows."""
    expect(page.locator(f"[data-terminal='{title}'] .xterm-rows")).to_contain_text(text)


def type_in(page: Page, text: str, title: str = "Console of west-vcp") -> None:
    page.locator(f"[data-terminal='{title}'] textarea").focus()
    page.keyboard.type(text)


def test_one_writes_the_other_watches_and_takes_over(visit: Visit, lab: str) -> None:
    una, olga = come(visit, lab, "una"), come(visit, lab, "olga")
    expect(una.get_by_text("Nobody writes; type to begin, 1 other watches")).to_be_visible()
    type_in(una, "first-words ")
    expect(una.get_by_text("You write, 1 other watches")).to_be_visible()
    shows(una, "first-words")
    shows(olga, "first-words")
    expect(olga.get_by_text("una writes")).to_be_visible()
    type_in(olga, "not-heard ")
    expect(olga.get_by_text("una writes now. Take the line over to type.")).to_be_visible()
    olga.get_by_role("button", name="Take over").click()
    expect(olga.get_by_text("You write")).to_be_visible()
    expect(una.get_by_text("olga writes", exact=False).first).to_be_visible()
    expect(una.get_by_text("was taken over from una by olga")).to_be_visible()
    type_in(olga, "second-words ")
    shows(una, "second-words")
    expect(una.locator(".xterm-rows")).not_to_contain_text("not-heard")
    olga.get_by_role("button", name="Only watch").click()
    expect(una.get_by_text("Nobody writes; type to begin")).to_be_visible()
    olga.close()
    expect(una.get_by_text("Nobody writes; type to begin", exact=True)).to_be_visible()


def test_who_comes_later_sees_what_was_and_a_viewer_only_watches(visit: Visit, lab: str) -> None:
    una = come(visit, lab, "una")
    type_in(una, "said-before ")
    shows(una, "said-before")
    viv = come(visit, lab, "viv")
    shows(viv, "said-before")
    type_in(viv, "not-heard")
    expect(viv.get_by_text("You may watch this console, not write.")).to_be_visible()
    expect(viv.get_by_role("button", name="Take over")).to_have_count(0)
    viv.get_by_role("button", name="Transcript…").click()
    expect(viv.get_by_label("Transcript")).to_contain_text("una may write")


def test_a_line_that_breaks_comes_back_and_shows_nothing_twice(visit: Visit, lab: str) -> None:
    visitor = visit()
    visitor.allow("WebSocket")
    page = visitor.log_in("una", "/labs")
    sockets: list[Any] = []

    def join(route: Any) -> None:
        sockets.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile("/console"), join)
    page.goto(f"{visitor.site.place}/labs/{lab}/consoles/east-vcp")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    title = "Console of east-vcp"
    type_in(page, "only-once ", title)
    shows(page, "only-once", title)
    sockets[0].close(code=4900, reason="broken")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    type_in(page, "after-it ", title)
    shows(page, "after-it", title)
    text = page.locator(f"[data-terminal='{title}'] .xterm-rows").inner_text()
    assert text.count("only-once") == 1
    assert len(sockets) >= 2


def test_several_are_open_in_tabs_and_stay_open(visit: Visit, lab: str) -> None:
    page = come(visit, lab, "una")
    page.get_by_role("navigation", name="Machines").get_by_role("button", name="east-vcp").click()
    expect(page.get_by_role("tab", name="east-vcp")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile("/consoles/east-vcp$"))
    page.get_by_role("tab", name="east-vcp").press("ArrowLeft")
    expect(page.get_by_role("tab", name="west-vcp")).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(page.get_by_role("tab")).to_have_count(2)
    page.get_by_role("button", name="Close Console of west-vcp").click()
    expect(page.get_by_role("tab")).to_have_count(1)


def test_a_shell_knows_the_size_of_the_window_and_ends(visit: Visit, lab: str) -> None:
    visitor = visit()
    page = visitor.log_in("una", f"/labs/{lab}")
    page.goto(f"{visitor.site.place}/labs/{lab}/consoles/ssh:west")
    title = "SSH to west"
    shows(page, "west is pretended", title)
    page.set_viewport_size({"width": 900, "height": 700})
    expect(page.locator(f"[data-terminal='{title}'] .xterm-rows")).to_contain_text(re.compile(r"\[\d+x\d+\]"))
    type_in(page, "hello there", title)
    shows(page, "hello there", title)
    page.keyboard.press("Control+d")
    expect(page.get_by_text("ended", exact=True)).to_be_visible()
    page.get_by_role("button", name="Open again").click()
    expect(page.get_by_text("connected", exact=True)).to_be_visible()


def test_the_keyboard_can_leave_the_terminal(visit: Visit, lab: str) -> None:
    page = come(visit, lab, "una")
    type_in(page, "\t")
    expect(page.locator("*:focus")).to_have_class(re.compile("xterm-helper-textarea"))
    page.keyboard.press("Control+]")
    expect(page.locator("*:focus")).to_have_class(re.compile("terminal-bar"))


def test_what_is_selected_is_copied_and_pasted(visit: Visit, lab: str) -> None:
    visitor = visit()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.log_in("una", f"/labs/{lab}/consoles/west-vcp")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    page.evaluate("navigator.clipboard.writeText('pasted-words')")
    page.get_by_role("button", name="Paste").click()
    shows(page, "pasted-words")
    box = page.locator(".xterm-rows").get_by_text("pasted-words").last.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    page.keyboard.press("Control+Shift+C")
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('pasted')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(visit: Visit, lab: str, scheme: str) -> None:
    visitor = visit(scheme=scheme)
    page = visitor.log_in("una", f"/labs/{lab}/consoles/west-vcp")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    type_in(page, "hello")
    visitor.shot(f"console-{scheme}")
    assert visitor.violations() == []
