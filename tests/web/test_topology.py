"""A lab as a picture: wired with the mouse and with the keyboard, rearranged, switched, captured; and the same in tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.web.conftest import Site, Visitor

BLUEPRINT = """
name: {name}
routers:
  west: {{cards: 2, ports_per_card: 4, startup: west.set}}
  east: {{cards: 2, ports_per_card: 4}}
hosts:
  pc1: {{nics: 1}}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [pc1:eth1, west:ge-1/0/3]
"""
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def lab(site: Site) -> str:
    site.up("pair", BLUEPRINT.format(name="pair"), files={"west.set": "set system time-zone UTC\n"})
    for name in ("una", "viv"):
        site.know(name)
        site.ask("PUT", f"/labs/pair/shares/{name}")
    return "pair"


@pytest.fixture
def wires(site: Site, lab: str) -> Iterator[Callable[[], set[tuple[str, ...]]]]:
    """What is wired, as the API says; afterwards it is as before."""

    def now() -> set[tuple[str, ...]]:
        return {tuple(sorted(wire["ends"])) for wire in site.ask("GET", f"/labs/{lab}")["wires"]}

    before = now()
    yield now
    for a, b in now() - before:
        site.ask("DELETE", f"/labs/{lab}/wires", a=a, b=b, wait=60)
    for a, b in before - now():
        site.ask("POST", f"/labs/{lab}/wires", {"a": a, "b": b}, wait=60)


def port(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Port {name},")


def router(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Router {name},").or_(page.get_by_role("button", name=f"Host {name},"))


def wire(page: Page, a: str, b: str) -> Locator:
    return page.get_by_role("button", name=f"Wire {a} to {b},").or_(page.get_by_role("button", name=f"Wire {b} to {a},"))


def centre(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def come(visit: Visit, lab: str, who: str = "una", **more: Any) -> Page:
    visitor = visit(**more)
    page = visitor.log_in(who, f"/labs/{lab}")
    expect(router(page, "west")).to_be_visible()
    return page


def test_ports_say_how_they_are_in_words_and_shapes(visit: Visit, lab: str) -> None:
    page = come(visit, lab)
    expect(port(page, "west:ge-0/0/0")).to_have_attribute("aria-label", "Port west:ge-0/0/0, up, wired to east:ge-0/0/0")
    expect(port(page, "west:ge-0/0/0").locator(".sign")).to_have_count(1)
    expect(port(page, "west:ge-0/0/1")).to_have_attribute("aria-label", "Port west:ge-0/0/1, ready, not wired")
    expect(port(page, "west:ge-0/0/1").locator(".sign")).to_have_count(0)
    expect(router(page, "west")).to_have_attribute("aria-label", "Router west, running, 2 cards, 8 ports, 2 up")
    expect(router(page, "pc1")).to_have_attribute("aria-label", "Host pc1, running, 1 port, 1 up")


def test_a_wire_is_drawn_with_the_mouse(visit: Visit, lab: str, wires: Callable[[], Any]) -> None:
    page = come(visit, lab)
    drag(page, centre(port(page, "west:ge-0/0/2")), centre(port(page, "east:ge-1/0/1")))
    expect(wire(page, "west:ge-0/0/2", "east:ge-1/0/1")).to_have_attribute("aria-label", re.compile("connected"))
    expect(port(page, "east:ge-1/0/1")).to_have_attribute("aria-label", re.compile("up, wired to west:ge-0/0/2"))
    assert ("east:ge-1/0/1", "west:ge-0/0/2") in wires()


def test_a_wire_cannot_be_dropped_beside_a_port_or_on_one_that_is_wired(visit: Visit, lab: str, wires: Callable[[], Any]) -> None:
    page = come(visit, lab)
    before = wires()
    x, y = centre(port(page, "west:ge-0/0/2"))
    drag(page, (x, y), centre(port(page, "east:ge-0/0/0")))
    corner = page.get_by_label("Topology of pair").bounding_box()
    assert corner
    drag(page, (x, y), (corner["x"] + 8, corner["y"] + 8))
    drag(page, centre(port(page, "west:ge-0/0/0")), centre(port(page, "east:ge-1/0/1")))
    page.reload()
    expect(wire(page, "west:ge-0/0/0", "east:ge-0/0/0")).to_be_attached()
    assert wires() == before


def test_a_wire_is_drawn_and_taken_away_with_the_keyboard_alone(visit: Visit, lab: str, wires: Callable[[], Any]) -> None:
    page = come(visit, lab)
    page.get_by_role("button", name="Lay out anew").focus()
    page.keyboard.press("Tab")
    expect(page.locator("*:focus")).to_have_attribute("aria-label", re.compile("^Router "))
    focused = page.locator("*:focus").get_attribute("aria-label") or ""
    page.keyboard.press("Enter")
    name = focused.split()[1].rstrip(",")
    expect(page.locator("*:focus")).to_have_attribute("aria-label", re.compile(f"^Port {name}:ge-0/0/0,"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator("*:focus")).to_have_attribute("aria-label", re.compile(f"^Port {name}:ge-1/0/1,"))
    page.keyboard.press("w")
    expect(page.get_by_role("dialog")).to_be_visible()
    other = "east" if name == "west" else "west"
    page.keyboard.type(f"{other}:ge-1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    made = wire(page, f"{name}:ge-1/0/1", f"{other}:ge-1/0/2")
    expect(made).to_have_attribute("aria-label", re.compile("connected"))
    assert tuple(sorted((f"{name}:ge-1/0/1", f"{other}:ge-1/0/2"))) in wires()
    expect(page.locator("*:focus")).to_have_attribute("aria-label", re.compile(f"^Port {name}:ge-1/0/1,"))
    page.keyboard.press("l")
    expect(page.locator("*:focus")).to_have_attribute("aria-label", re.compile("^Wire "))
    page.keyboard.press("d")
    expect(made).to_have_attribute("aria-label", re.compile("down"))
    page.keyboard.press("d")
    expect(made).to_have_attribute("aria-label", re.compile("connected"))
    page.keyboard.press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").press("Enter")
    expect(made).to_have_count(0)
    assert tuple(sorted((f"{name}:ge-1/0/1", f"{other}:ge-1/0/2"))) not in wires()


def choose(page: Page, a: str, b: str) -> None:
    grip = wire(page, a, b).locator(".grip")
    grip.dispatch_event("pointerdown", {"button": 0, "bubbles": True})
    grip.dispatch_event("pointerup", {"button": 0, "bubbles": True})


def test_a_link_goes_down_and_up_and_all_who_look_see_it(visit: Visit, lab: str) -> None:
    page, other = come(visit, lab), come(visit, lab, "olga")
    choose(page, "west:ge-0/0/0", "east:ge-0/0/0")
    page.get_by_role("button", name="Link down").click()
    expect(port(page, "west:ge-0/0/0")).to_have_attribute("aria-label", re.compile("wired, no carrier"))
    expect(port(other, "west:ge-0/0/0")).to_have_attribute("aria-label", re.compile("wired, no carrier"))
    page.get_by_role("button", name="Link up").click()
    expect(port(other, "west:ge-0/0/0")).to_have_attribute("aria-label", re.compile("up, wired to"))


def test_a_wire_is_impaired_and_all_who_look_see_how(visit: Visit, lab: str, site: Site) -> None:
    visitor = visit()
    visitor.allow("422")
    page, other = visitor.log_in("una", f"/labs/{lab}"), come(visit, lab, "olga")
    ends = "west:ge-0/0/0", "east:ge-0/0/0"
    choose(page, *ends)
    wire(page, *ends).focus()
    page.keyboard.press("i")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Jitter").fill("2ms")
    dialog.get_by_role("button", name="Impair", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        "no frame arrives before it was sent"
    )  # and nothing that was typed is lost
    dialog.get_by_label("Delay").fill("20ms")
    dialog.get_by_label("Loss").fill("0.5%")
    dialog.get_by_role("button", name="Impair", exact=True).click()
    expect(dialog).to_have_count(0)
    words = re.compile("connected, impaired: delay 20ms, jitter 2ms, loss 0.5%")
    expect(wire(page, *ends)).to_have_attribute("aria-label", words)
    expect(wire(other, *ends)).to_have_attribute("aria-label", words)
    expect(page.get_by_label("Details of what is selected")).to_contain_text("Delay20ms")
    other.get_by_role("button", name="Tables").click()
    expect(other.get_by_role("table", name="Wires")).to_contain_text("delay 20ms, jitter 2ms, loss 0.5%")
    page.get_by_role("button", name="Impair…").click()
    for name, there in (("Delay", "20ms"), ("Jitter", "2ms"), ("Loss", "0.5%"), ("Rate", "")):
        expect(dialog.get_by_label(name)).to_have_value(there)
        dialog.get_by_label(name).fill("")
    dialog.get_by_role("button", name="Carry every frame at once").click()
    expect(wire(page, *ends)).not_to_have_attribute("aria-label", re.compile("impaired"))
    assert not any(one["impairment"] for one in site.ask("GET", f"/labs/{lab}")["wires"])


def place(page: Page, name: str) -> str:
    return router(page, name).get_attribute("transform") or ""


def test_what_is_put_somewhere_stays_there(visit: Visit, lab: str, site: Site) -> None:
    page = come(visit, lab)
    before, still = place(page, "west"), place(page, "east")
    x, y = centre(router(page, "west").locator(".name"))
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.url.endswith("/layout")):
        drag(page, (x, y), (x + 60, y - 90))
    after = place(page, "west")
    assert after != before
    page.reload()
    expect(router(page, "west")).to_have_attribute("transform", after)
    expect(router(page, "east")).to_have_attribute("transform", still)
    router(page, "west").focus()
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.keyboard.press("Shift+ArrowRight")
    moved = place(page, "west")
    assert moved != after
    other = come(visit, lab, "olga")
    expect(router(other, "west")).to_have_attribute("transform", moved)
    page.get_by_role("button", name="Lay out anew").click()
    expect(router(page, "west")).to_have_attribute("transform", before)
    assert site.ask("GET", f"/labs/{lab}/layout")["nodes"] == {}


def test_a_port_is_captured_and_the_capture_saved(visit: Visit, lab: str, tmp_path: Path) -> None:
    page = come(visit, lab)
    port(page, "west:ge-0/0/0").click()
    page.get_by_role("button", name="Capture").click()
    expect(page.get_by_text(re.compile("^Capturing: "))).to_be_visible()
    expect(page.get_by_role("button", name="Save as pcap")).to_be_visible()
    page.get_by_role("button", name="Stop the capture").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as pcap").click()
    assert waiting.value.suggested_filename == "pair-west-ge-0-0-0.pcap"
    waiting.value.save_as(tmp_path / "x.pcap")
    assert (tmp_path / "x.pcap").read_bytes()[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}


def test_counters_become_rates_on_wires(visit: Visit, lab: str) -> None:
    visitor = visit()
    at = [100.0]

    def counters(route: Any) -> None:
        at[0] += 2
        octets = int(at[0]) * 125_000
        ports = [
            {"name": name, "in_octets": octets, "out_octets": octets * 2, "in_packets": octets // 100, "out_packets": 0}
            for name in ("west:ge-0/0/0", "east:ge-0/0/0")
        ]
        route.fulfill(json={"at": at[0], "ports": ports})

    visitor.page.route("**/counters", counters)
    page = visitor.log_in("una", f"/labs/{lab}")
    expect(wire(page, "west:ge-0/0/0", "east:ge-0/0/0").locator(".flow")).to_have_text("2M / 2M")
    port(page, "west:ge-0/0/0").click()
    expect(page.get_by_label("Details of what is selected")).to_contain_text("1 Mbit/s, 1250 packets/s")


def test_a_router_is_asked_things(visit: Visit, lab: str) -> None:
    page = come(visit, lab)
    router(page, "west").locator(".name").click()
    details = page.get_by_label("Details of what is selected")
    expect(details).to_contain_text("Pretended router")
    details.get_by_role("button", name="Run a command…").click()
    page.get_by_role("textbox", name="Command").fill("show version")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Output")).to_contain_text("west is pretended and would run: show version")
    expect(page.get_by_label("Output")).to_contain_text("exit status 0")
    page.keyboard.press("Escape")
    details.get_by_role("button", name="Configuration…").click()
    expect(page.get_by_label("Configuration of west").last).to_contain_text("set system time-zone UTC")
    page.keyboard.press("Escape")
    details.get_by_role("button", name="Logins…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Password")
    page.keyboard.press("Escape")
    details.get_by_role("button", name="Restart west-vcp").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(router(page, "west")).to_have_attribute("aria-label", re.compile("running"))


def test_a_viewer_looks_and_changes_nothing(visit: Visit, lab: str, wires: Callable[[], Any]) -> None:
    page = come(visit, lab, "viv")
    before = wires()
    drag(page, centre(port(page, "west:ge-0/0/2")), centre(port(page, "east:ge-1/0/1")))
    port(page, "west:ge-0/0/2").focus()
    page.keyboard.press("w")
    expect(page.get_by_role("dialog")).to_have_count(0)
    router(page, "west").locator(".name").click()
    expect(page.get_by_role("button", name="Run a command…")).to_have_count(0)
    x, y = centre(router(page, "west").locator(".name"))
    drag(page, (x, y), (x + 50, y + 50))
    assert wires() == before


def test_the_same_in_tables(visit: Visit, lab: str, wires: Callable[[], Any]) -> None:
    page = come(visit, lab)
    page.get_by_role("button", name="Tables").click()
    row = page.get_by_role("row").filter(has_text="west:ge-1/0/3").filter(has_text="pc1:eth1").first
    expect(row).to_contain_text("connected")
    page.get_by_role("button", name="Wire east:ge-1/0/3").click()
    page.get_by_role("combobox", name="Free port").fill("west:ge-0/0/3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="east:ge-1/0/3").filter(has_text="connected")).to_have_count(1)
    assert ("east:ge-1/0/3", "west:ge-0/0/3") in wires()
    page.get_by_role("button", name="Picture").click()
    expect(wire(page, "west:ge-0/0/3", "east:ge-1/0/3")).to_be_attached()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(visit: Visit, lab: str, scheme: str) -> None:
    visitor = visit(scheme=scheme)
    page = visitor.log_in("una", f"/labs/{lab}")
    expect(router(page, "west")).to_be_visible()
    visitor.shot(f"topology-{scheme}")
    port(page, "west:ge-0/0/0").click()
    visitor.shot(f"topology-port-{scheme}")
    assert visitor.violations() == []
    page.get_by_role("button", name="Tables").click()
    visitor.shot(f"topology-tables-{scheme}")
    assert visitor.violations() == []


def test_a_hundred_routers_are_laid_out_beside_each_other(visit: Visit, lab: str, site: Site) -> None:
    """The picture of a large lab, whose answer is made of a small one's: what is tested is the page."""
    one = site.ask("GET", f"/labs/{lab}")
    like = {key: one[key][0] for key in ("routers", "machines", "ports", "wires")}
    names = [f"r{number}" for number in range(100)]
    ends = [(f"r{at}:ge-0/0/0", f"r{(at + 1) % 100}:ge-0/0/1") for at in range(100)]
    ends += [(f"r{at}:ge-1/0/0", f"r{(at * 7 + 30) % 100}:ge-1/0/1") for at in range(0, 100, 2)]
    peers = {end: other for pair in ends for end, other in (pair, pair[::-1])}
    ports = [f"{name}:ge-{card}/0/{number}" for name in names for card in (0, 1) for number in range(4)]
    one |= {
        "routers": [like["routers"] | {"name": name} for name in names],
        "machines": [like["machines"] | {"name": f"{name}-vcp", "owner": name, "role": "controller"} for name in names],
        "ports": [
            like["ports"]
            | {"name": port, "owner": port.split(":")[0], "machine": f"{port.split(':')[0]}-vfp", "ready": True}
            | {"peer": peers.get(port), "up": port in peers}
            for port in ports
        ],
        "wires": [like["wires"] | {"ends": list(pair), "state": "connected"} for pair in ends],
    }
    visitor = visit()
    visitor.page.route(f"**/v1/labs/{lab}", lambda route: route.fulfill(json=one))
    page = visitor.log_in("una", f"/labs/{lab}")
    expect(page.locator("[data-node]")).to_have_count(100, timeout=60_000)
    visitor.shot("topology-100")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.chassis .body')].map((one) => { const b = one.getBoundingClientRect();"
        " return [b.left, b.top, b.right, b.bottom]; })"
    )
    frame = page.get_by_label("Topology of pair").bounding_box()
    assert frame
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert frame["x"] <= left <= right <= frame["x"] + frame["width"]
        assert frame["y"] <= top <= bottom <= frame["y"] + frame["height"]
        for other in boxes[at + 1 :]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
    before = router(page, "r50").get_attribute("transform")
    router(page, "r50").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(router(page, "r50")).not_to_have_attribute("transform", before or "")
