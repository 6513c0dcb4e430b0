"""The blueprint editor: proposals and explanations from the schema, problems at their places, a plan, a lab from it; drafts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.web.conftest import Site, Visitor

Visit = Callable[..., Visitor]
SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 2}}\n  east: {{cards: 1, ports_per_card: 2}}\n"


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Blueprint")


def write(page: Page, text: str) -> None:
    """Select all and paste, and put the cursor at the end."""
    editor(page).focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def new(visit: Visit, who: str = "una", path: str = "/new") -> tuple[Visitor, Page]:
    visitor = visit()
    visitor.allow("422")
    page = visitor.log_in(who, path)
    expect(editor(page)).to_be_visible()
    return visitor, page


def proposals(page: Page) -> list[str]:
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_be_visible()
    return page.locator(".cm-tooltip-autocomplete .cm-completionLabel").all_inner_texts()


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("", {"name", "routers", "hosts", "wires"}, {"cards"}),
        ("name: x\nro", {"routers"}, {"name"}),
        ("name: x\nrouters:\n  west:\n    ", {"family", "cards", "ports_per_card", "login"}, {"routers", "nics"}),
        ("name: x\nrouters:\n  west:\n    cards: 2\n    ", {"family", "ports_per_card"}, {"cards"}),
        ("name: x\nrouters:\n  west: {cards: 2, ", {"family", "startup"}, {"cards"}),
        ("name: x\nrouters:\n  west: {login: {", {"user", "password"}, {"family"}),
        ("name: x\nrouters:\n  west: {cards: 2}\nhosts:\n  pc1:\n    ", {"nics", "addresses"}, {"cards", "family: router"}),
        ("name: x\nrouters:\n  west: {family: ", {"reference"}, {"cards"}),
        ("name: x\nrouters:\n  west:\n    fxp0: ", {"dhcp"}, {"cards"}),
        (
            "name: x\nrouters:\n  a: {cards: 1, ports_per_card: 2}\nhosts:\n  pc1: {}\nwires:\n  - [",
            {"a:ge-0/0/0", "a:ge-0/0/1", "pc1:eth1"},
            {"a:ge-0/0/2", "a:ge-1/0/0"},
        ),
        ("name: x # routers: {\nrouters:\n  'west': # {\n    car", {"cards"}, {"name"}),
    ],
)
def test_it_proposes_what_can_stand_there(visit: Visit, text: str, some: set[str], none: set[str]) -> None:
    _, page = new(visit)
    write(page, text)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Space")
    found = set(proposals(page))
    assert some <= found
    assert not none & found


def test_a_proposal_is_taken_with_enter(visit: Visit) -> None:
    _, page = new(visit)
    write(page, "name: x\nrouters:\n  west:\n    ")
    page.keyboard.type("car")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_be_visible()
    page.wait_for_timeout(120)  # it takes no key for so long, so that nobody takes a proposal that they have not seen
    page.keyboard.press("Enter")
    page.keyboard.type("2")
    expect(editor(page)).to_contain_text("cards: 2")


def test_a_key_is_explained_under_the_pointer(visit: Visit) -> None:
    _, page = new(visit)
    write(page, "name: x\nrouters:\n  west: {cards: 2}\n")
    page.keyboard.press("Escape")
    box = page.locator(".cm-line", has_text="cards").bounding_box()
    assert box
    word = page.evaluate(
        """() => { const line = [...document.querySelectorAll('.cm-line')].find((one) => one.textContent.includes('cards'));
        const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT); let node;
        while ((node = walk.nextNode())) { const at = node.textContent.indexOf('cards'); if (at >= 0) {
          const range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + 5);
          const box = range.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; } } }"""
    )
    page.mouse.move(*word)
    expect(page.locator(".editor-hover")).to_contain_text("Number of line cards. Each is a machine of its own.")
    expect(page.locator(".editor-hover")).to_contain_text("integer, from 1 on, 1 if it is left out")


def test_problems_stand_at_their_places_and_go_when_they_are_mended(visit: Visit) -> None:
    _, page = new(visit)
    write(page, "name: x\nrouters:\n  west: {cards: 2}\nwires:\n  - [west:ge-0/0/0, west:ge-9/0/0]\n")
    marked = page.locator(".cm-lintRange-error")
    expect(marked).to_have_count(1)
    expect(marked).to_have_text("west:ge-9/0/0")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    editor(page).focus()
    page.keyboard.press("F8")
    page.keyboard.press("Control+Shift+M")
    expect(page.locator(".cm-panel-lint")).to_contain_text("ge-9/0/0")
    write(page, "name: x\nrouters:\n  west: {cards: 2}\nwires:\n  - [west:ge-0/0/0, west:ge-1/0/0]\n")
    expect(marked).to_have_count(0)
    expect(page.get_by_label("Plan", exact=True)).to_contain_text("3 machines")


def test_text_that_is_no_yaml_is_told_at_its_line(visit: Visit) -> None:
    _, page = new(visit)
    write(page, "name: x\nrouters:\n  west: {cards: 2\nwires: [\n")
    expect(page.locator(".cm-lint-marker-error")).not_to_have_count(0)


def test_a_lab_is_made_from_what_was_written(visit: Visit, site: Site) -> None:
    _, page = new(visit)
    write(page, SMALL.format(name="written"))
    expect(page.get_by_label("Plan", exact=True)).to_contain_text("4 machines")
    page.get_by_role("button", name="Deploy").click()
    expect(page).to_have_url(re.compile("/jobs/|/labs/written"))
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    assert site.ask("GET", "/labs/written")["state"] == "ready"


def test_what_was_written_survives_a_reload(visit: Visit) -> None:
    _, page = new(visit)
    write(page, "name: not-yet-sent\n")
    page.reload()
    expect(editor(page)).to_contain_text("name: not-yet-sent")


@pytest.fixture
def lab(site: Site) -> Iterator[str]:
    site.up("live", SMALL.format(name="live") + "wires:\n  - [west:ge-0/0/0, east:ge-0/0/0]\n")
    site.know("viv")
    site.ask("PUT", "/labs/live/shares/viv")
    yield "live"
    site.ask("DELETE", "/labs/live", wait=60)


def test_a_lab_becomes_what_its_blueprint_says(visit: Visit, site: Site, lab: str) -> None:
    _, page = new(visit, "olga", f"/labs/{lab}/blueprint")
    expect(editor(page)).to_contain_text("name: live")
    changes = page.get_by_label("What would change")
    expect(changes).to_contain_text("Nothing: the lab is as this blueprint says.")
    write(
        page, SMALL.format(name="live") + "  south: {cards: 1, ports_per_card: 1}\nwires:\n  - [west:ge-0/0/1, south:ge-0/0/0]\n"
    )
    expect(changes).to_contain_text("router south")
    page.reload()
    expect(editor(page)).to_contain_text("south")
    page.get_by_role("button", name=re.compile(r"^Apply \d changes")).click()
    expect(page).to_have_url(re.compile("/jobs/"))
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    shown = site.ask("GET", f"/labs/{lab}")
    assert [router["name"] for router in shown["routers"]] == ["west", "east", "south"] or len(shown["routers"]) == 3
    assert {"west:ge-0/0/1", "south:ge-0/0/0"} in [set(wire["ends"]) for wire in shown["wires"]]
    page.goto(f"{site.place}/labs/{lab}/blueprint")
    expect(page.get_by_text("changed, not applied")).to_have_count(0)
    expect(editor(page)).to_contain_text("south")


def test_a_text_with_problems_can_be_taken_back(visit: Visit, lab: str) -> None:
    _, page = new(visit, "olga", f"/labs/{lab}/blueprint")
    expect(editor(page)).to_contain_text("name: live")
    write(page, "name: live\nrouters:\n  west: {card: 1}\n")
    expect(page.locator(".cm-lintRange-error")).to_have_text("card")
    expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    page.get_by_role("button", name="Back to the lab’s").click()
    expect(editor(page)).to_contain_text("ports_per_card: 2")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_another_lab_is_begun_from_the_blueprint_of_one(visit: Visit, lab: str) -> None:
    _, page = new(visit, "olga", f"/labs/{lab}/blueprint")
    page.get_by_role("button", name="Another lab of it…").click()
    expect(page).to_have_url(re.compile("/new$"))
    expect(editor(page)).to_contain_text("name: live")
    expect(page.get_by_label("Name")).to_have_value("live-2")
    expect(page.get_by_label("Plan", exact=True)).to_contain_text("live-2")


def test_one_who_may_not_change_it_reads_it(visit: Visit, lab: str) -> None:
    visitor = visit()
    page = visitor.log_in("viv", f"/labs/{lab}/blueprint")
    expect(editor(page)).to_contain_text("name: live")
    expect(editor(page)).to_have_attribute("contenteditable", "false")
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(visit: Visit, scheme: str) -> None:
    visitor = visit(scheme=scheme)
    visitor.allow("422")
    page = visitor.log_in("una", "/new")
    write(page, "name: x\nrouters:\n  west: {cards: 2}\nwires:\n  - [west:ge-0/0/0, west:ge-9/0/0]\n")
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    visitor.shot(f"editor-{scheme}")
    assert visitor.violations() == []
    page.keyboard.type("ho")
    expect(page.locator(".cm-tooltip-autocomplete")).to_be_visible()
    visitor.shot(f"editor-completion-{scheme}")
