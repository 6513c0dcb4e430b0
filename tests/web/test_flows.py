"""What people do with the page: log in, make a lab, watch it come up, end it; by mouse, and by keyboard alone."""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.web.conftest import PASSWORD, ZONE, Site, Visitor

SMALL = "name: {name}\nrouters:\n  r1: {{cards: 1, ports_per_card: 2}}\n"
Visit = Callable[..., Visitor]


def blueprint(page: Page, text: str) -> None:
    """Put it into the editor, whatever that is, as somebody who selects all and pastes would."""
    page.get_by_role("textbox", name="Blueprint").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def row(page: Page, lab: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=lab, exact=True))


def test_a_wrong_password_is_told_and_the_right_one_lets_in(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("401")
    site.know("una")
    page = visitor.go("/calendar")
    page.get_by_label("User").fill("una")
    page.get_by_label("Password").fill("a wrong guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No user has that name and password.")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Calendar")
    assert visitor.page.context.cookies()[0]["httpOnly"]
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_the_address_that_rackless_web_prints_logs_in_once(visit: Visit, site: Site) -> None:
    url = site.ticket()
    visitor = visit()
    page = visitor.go(url)
    expect(page.get_by_role("link", name=re.compile("local"))).to_be_visible()
    assert "ticket" not in page.url
    second = visit()
    second.allow("401")
    page = second.go(url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_visible()


def test_rackless_web_opens_it_over_tls(browser: Browser, site: Site) -> None:
    url = site.shell.json("web")["url"]
    assert url.startswith("https://127.0.0.1:")
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("link", name=re.compile("local"))).to_be_visible()
    cookie = context.cookies()[0]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    site.up("over-tls", SMALL.format(name="over-tls"))
    expect(row(page, "over-tls")).to_contain_text("ready")
    site.ask("DELETE", "/labs/over-tls", wait=60)
    expect(row(page, "over-tls")).to_have_count(0)
    context.close()


def test_a_lab_from_blueprint_to_end(visit: Visit, site: Site) -> None:
    visitor, watcher = visit(), visit(scheme="dark")
    page = visitor.log_in("una", "/labs")
    other = watcher.log_in("olga", "/labs")
    page.get_by_role("link", name="New lab").click()
    expect(page.get_by_role("region", name="Plan", exact=True)).to_contain_text("my-lab")
    blueprint(page, SMALL.format(name="alpha"))
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan).to_contain_text("2 machines")
    expect(plan).to_contain_text("r1-vcp")
    page.get_by_label("For", exact=True).select_option("1 hour")
    visitor.shot("plan-light")
    page.get_by_role("button", name="Deploy").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("deploy of alpha")
    expect(page.locator(".facts .state")).to_have_text("succeeded")
    expect(page.get_by_role("log")).to_contain_text("done after")
    visitor.shot("job-light")
    assert not visitor.violations()
    # Who looks at the list sees it come without doing anything.
    expect(row(other, "alpha")).to_contain_text("ready")
    expect(row(other, "alpha")).to_contain_text("2/2")
    expect(row(other, "alpha")).to_contain_text("una")

    page.get_by_role("link", name="Labs").click()
    page.get_by_role("button", name="Extend alpha").click()
    before = site.ask("GET", "/labs/alpha")["ends"]
    page.get_by_label("Longer by").select_option("4 hours")
    visitor.shot("extend-light")
    page.get_by_role("button", name="Set the end").click()
    expect(page.get_by_role("status").filter(has_text="alpha ends at")).to_be_visible()
    assert site.ask("GET", "/labs/alpha")["ends"] == pytest.approx(before + 4 * 3600)

    page.get_by_role("button", name="End alpha", exact=True).click()
    dialog = page.get_by_role("dialog", name="End alpha?")
    expect(dialog).to_contain_text("All its machines, disks and wires go")
    dialog.get_by_role("button", name="End the lab").click()
    expect(row(page, "alpha")).to_have_count(0)
    expect(row(other, "alpha")).to_have_count(0)


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the focus is on what is called so."""
    met = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(e => e === document.body ? '' : e.getAttribute('aria-label') || (e.labels && e.labels[0]?.innerText)"
            " || e.innerText || e.value || e.tagName)(document.activeElement)"
        )
        if what in name:
            return
        met.append(name[:30])
    raise AssertionError(f"the focus never came to {what}, but to {met}")


def test_everything_by_keyboard_alone(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("401")
    site.know("una")
    page = visitor.go("/labs")
    expect(page.get_by_label("User")).to_be_focused()
    page.keyboard.type("una")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Labs")

    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, "New lab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New lab")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("textbox", name="Blueprint")).to_be_visible()
    tab_to(page, "Blueprint")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(SMALL.format(name="keys"))
    expect(page.get_by_role("button", name="Deploy")).to_be_enabled()
    expect(page.get_by_role("region", name="Plan", exact=True)).to_contain_text("keys")
    page.keyboard.press("Escape")  # the editor takes Tab for itself, but not right after Escape
    tab_to(page, "Deploy")
    page.keyboard.press("Enter")
    expect(page.locator(".facts .state")).to_have_text("succeeded")

    tab_to(page, "keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("keys")
    tab_to(page, "Inventory")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Card 0")).to_be_visible()
    tab_to(page, "Card 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader", name="ge-0/0/0")).to_be_hidden()
    page.go_back()

    page.get_by_role("button", name="End", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="End", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Save the routers")
    page.keyboard.press("Space")
    tab_to(page, "End the lab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("teardown of keys")
    expect(page.locator(".facts .state")).to_have_text("succeeded")


def test_a_blueprint_that_is_wrong_says_where_and_what_it_needs_is_asked_for(visit: Visit) -> None:
    visitor = visit()
    visitor.allow("422")
    visitor.allow("409")
    visitor.allow("428")
    page = visitor.log_in("una", "/new")
    blueprint(page, "name: broken\nrouters:\n  r1: {cards: many}\n")
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan.get_by_role("alert")).to_contain_text("blueprint.yaml:3:")
    expect(page.get_by_role("button", name="Deploy")).to_be_disabled()
    assert not visitor.violations()
    blueprint(page, "name: files\nrouters:\n  r1: {cards: 1, ports_per_card: 1, startup: r1.set}\n")
    field = page.get_by_label("r1.set")
    field.set_input_files({"name": "r1.set", "mimeType": "text/plain", "buffer": b"set system time-zone UTC\n"})
    expect(plan).to_contain_text("2 machines")
    expect(page.get_by_role("button", name="Deploy")).to_be_enabled()


def test_a_booking_is_in_the_calendar_for_everybody_as_a_bar_and_in_a_table(visit: Visit, site: Site) -> None:
    visitor = visit()
    page = visitor.log_in("una", "/new")
    blueprint(page, SMALL.format(name="later"))
    page.get_by_label("At a time").check()
    begin = time.time() + 7200
    page.get_by_label("Begin at").fill(page.evaluate("at => new Date((at + 3600) * 1000).toISOString().slice(0, 16)", begin))
    expect(page.get_by_role("button", name=re.compile("^Book for"))).to_be_enabled()
    page.get_by_role("button", name=re.compile("^Book for")).click()
    expect(page.locator(".facts .state")).to_have_text("booked")
    assert site.ask("GET", "/labs/later")["begins"] == pytest.approx(begin, abs=60), "the browser's zone is Europe/Berlin"

    page.get_by_role("link", name="Calendar").click()
    bar = page.get_by_role("link", name=re.compile("^later una, booked"))
    expect(bar).to_be_visible()
    page.get_by_label("Length of the axis").select_option("1 week")
    expect(bar).to_be_visible()
    bar.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("later")
    page.go_back()
    page.get_by_role("button", name="As a table").click()
    expect(row(page, "later")).to_contain_text("una")
    assert not visitor.violations()
    site.ask("DELETE", "/labs/later")
    expect(row(page, "later")).to_have_count(0)


def test_times_are_in_the_browsers_zone_and_in_the_servers_on_hover(visit: Visit, site: Site) -> None:
    site.up("clock", SMALL.format(name="clock"), seconds=3600)
    ends = site.ask("GET", "/labs/clock")["ends"]
    visitor = visit(zone="America/St_Johns")
    page = visitor.log_in("olga", "/labs")
    shown = row(page, "clock").locator("time").nth(1)
    formatted = (
        "([at, zone]) => new Date(at * 1000).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit', timeZone: zone})"
    )
    expect(shown).to_contain_text(page.evaluate(formatted, [ends, "America/St_Johns"]))
    title = shown.get_attribute("title") or ""
    there, here = title.splitlines()
    assert page.evaluate(formatted, [ends, ZONE]) in there
    assert ZONE in there
    assert "America/St_Johns" in here
    site.ask("DELETE", "/labs/clock", wait=60)


def test_a_viewer_is_offered_nothing_that_is_refused(visit: Visit, site: Site) -> None:
    site.up("shared", SMALL.format(name="shared"))
    site.know("viv")
    site.ask("PUT", "/labs/shared/shares/viv")
    page = visit().log_in("viv", "/labs")
    expect(row(page, "shared")).to_be_visible()
    navigation = page.get_by_role("navigation", name="Main")
    assert navigation.get_by_role("link").all_inner_texts() == ["Labs", "Calendar", "Images"]
    expect(page.get_by_role("link", name="New lab")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^(Extend|End) "))).to_have_count(0)
    site.ask("DELETE", "/labs/shared", wait=60)


def test_an_admin_adds_a_user_changes_their_role_and_puts_them_out(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("422")
    page = visitor.log_in("ada", "/admin")
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Tom")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be a user's name")
    dialog.get_by_label("Name").fill("tom")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="tom is added.")).to_be_visible()
    page.get_by_label("Role of tom").select_option("operator")
    expect(page.get_by_role("status").filter(has_text="tom is operator now.")).to_be_visible()
    assert {user["name"]: user["role"] for user in site.ask("GET", "/users")["items"]}["tom"] == "operator"

    their = visit()
    their.allow("401")
    theirs = their.log_in("tom", "/labs")
    page.get_by_role("button", name="Disable tom").click()
    expect(page.get_by_role("button", name="Enable tom")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("button", name="Log in")).to_be_visible()
    page.get_by_role("button", name="Remove tom").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("button", name="Enable tom")).to_have_count(0)


def test_a_token_is_shown_once_and_opens_the_api(visit: Visit, site: Site) -> None:
    visitor = visit()
    page = visitor.log_in("una", "/account")
    page.get_by_label("Label of a new token").fill("ci")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator(".secret").inner_text()

    def status() -> int:
        return httpx.get(f"{site.place}/v1/self", headers={"authorization": f"Bearer {secret}"}).status_code

    assert status() == 200
    page.reload()
    expect(page.get_by_role("button", name="Revoke ci")).to_be_visible()
    expect(page.locator(".secret")).to_have_count(0)
    page.get_by_role("button", name="Revoke ci").click()
    expect(page.get_by_role("button", name="Revoke ci")).to_have_count(0)
    assert status() == 401


def test_a_password_is_changed_and_the_session_that_changed_it_goes_on(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("403")
    page = visitor.log_in("pia", "/account")
    for label, text in (("Old password", "a wrong guess"), ("New password", "another long one")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("New password again").fill("another long one")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("form").get_by_role("alert")).to_contain_text("The old password is another one.")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status").filter(has_text="Your password is changed.")).to_be_visible()


def test_a_telephone_shows_it_without_scrolling_sideways(visit: Visit) -> None:
    visitor = visit(width=390, height=800)
    visitor.log_in("ada")
    for path in ("/labs", "/calendar", "/new", "/admin", "/account"):
        visitor.go(path)
        page = visitor.shown()
        wide = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => `${e.tagName}.${e.className}`).slice(0, 8)"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than a telephone: {wide}"


def test_an_image_is_taken_in_made_current_and_cleared_away(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("422")
    page = visitor.log_in("ada", "/images")

    def send(content: bytes) -> None:
        page.get_by_role("button", name="Upload…").click()
        page.get_by_label("Name").fill("vendor")
        page.get_by_label("File").set_input_files({"name": "disk.img", "mimeType": "", "buffer": content})
        page.get_by_role("dialog").get_by_role("button", name="Upload").click()

    send(b"no disk at all")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    page.keyboard.press("Escape")
    for at in (1, 2):
        send(bytes(510) + b"\x55\xaa" + bytes([at]) * (1 << 20))
        expect(page.get_by_role("row").filter(has_text="vendor")).to_have_count(at)
    old = (
        page.get_by_role("row").filter(has_text="vendor").filter(has=page.get_by_role("button", name=re.compile("Make current")))
    )
    with page.expect_download() as coming:
        old.get_by_role("link", name=re.compile("Download")).click()
    assert Path(coming.value.path()).stat().st_size > 1 << 20
    old.get_by_role("button", name=re.compile("Make current")).click()
    expect(page.get_by_role("status").filter(has_text="New machines get this build")).to_be_visible()
    page.get_by_role("button", name="Clear away…").click()
    expect(page.get_by_role("dialog")).to_contain_text("build vendor")
    page.get_by_role("dialog").get_by_role("button", name="Clear away").click()
    expect(page.get_by_role("row").filter(has_text="vendor")).to_have_count(1)
    assert len(site.ask("GET", "/images")["items"]) == 1


def test_somebody_elses_machine_is_imported_and_what_is_none_is_refused(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allow("422")
    page = visitor.log_in("ada", "/images")
    dialog = page.get_by_role("dialog")

    def take(file: str, content: bytes, **fields: str) -> None:
        page.get_by_role("button", name="Import…").click()
        page.get_by_label("File").set_input_files({"name": file, "mimeType": "", "buffer": content})
        for label, text in fields.items():
            page.get_by_label(label, exact=True).fill(text)
        dialog.get_by_role("button", name="Import").click()

    take("notes.txt", b"no machine at all")
    expect(dialog.get_by_role("alert")).to_contain_text("notes.txt is nothing that has a machine's disk in it")
    page.keyboard.press("Escape")
    disk = bytes(510) + b"\x55\xaa" + bytes(1 << 20)
    take("disk.img", disk)
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing says which image disk.img is.")
    page.keyboard.press("Escape")
    # What only comes out when all is sent, and something was told already.
    take("router.ova", _ova({"r.ovf": b"<none/>"}), Name="broken")
    expect(dialog.get_by_role("alert")).to_be_visible()
    page.keyboard.press("Escape")
    take("media-vsrx-vmdisk-18.4.qcow2", disk)
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Taken in: vsrx.")).to_be_visible()
    take("disk.img", disk, Family="frr")
    expect(page.get_by_role("row").filter(has_text="frr")).to_have_count(1)
    found = {one["name"]: one for one in site.ask("GET", "/images")["items"]}
    assert {"vsrx", "frr"} <= found.keys()
    assert "broken" not in found
    assert found["vsrx"]["about"]["source"] == "media-vsrx-vmdisk-18.4.qcow2"


def _ova(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def test_a_quota_is_set_and_refuses_what_is_beyond_it(visit: Visit, site: Site) -> None:
    admin, owner = visit(), visit()
    owner.allow("422")
    owner.allow("409")
    owner.allow("403")
    page = admin.log_in("ada", "/admin/quotas")
    site.know("tim")
    page.reload()
    page.get_by_role("button", name="Limits of tim").click()
    page.get_by_label("Machines", exact=True).fill("1")
    page.get_by_label("Memory (GiB)").fill("1.5")
    page.get_by_role("button", name="Set them").click()
    expect(page.get_by_role("row").filter(has_text="tim")).to_contain_text("1.5 GiB")
    assert site.ask("GET", "/users/tim/quota")["limits"]["memory"] == 1536
    theirs = owner.log_in("tim", "/new")
    expect(theirs.get_by_role("button", name="Deploy")).to_be_enabled()
    theirs.get_by_role("button", name="Deploy").click()
    expect(theirs.locator(".new-side").get_by_role("alert")).to_contain_text("machines")
    owner.go("/account")
    expect(theirs.get_by_text("0 of 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Limits of tim").click()
    page.get_by_label("Machines", exact=True).fill("")
    page.get_by_label("Memory (GiB)").fill("none")
    page.get_by_role("button", name="Set them").click()
    expect(page.get_by_role("row").filter(has_text="tim")).not_to_contain_text("1.5 GiB")


def test_a_group_is_made_and_users_put_into_it(visit: Visit, site: Site) -> None:
    site.know("una")
    page = visit().log_in("ada", "/admin/quotas")
    page.get_by_role("button", name="Add a group").click()
    page.get_by_label("Name").fill("research")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Users of research").click()
    page.get_by_label("User to add").select_option("una")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="research")).to_contain_text("una")
    assert [group["members"] for group in site.ask("GET", "/groups")["items"]] == [["una"]]
    page.get_by_role("button", name="Remove research").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="research")).to_have_count(0)


def test_pages_of_one_browser_share_one_stream_and_another_takes_it_over(visit: Visit, site: Site) -> None:
    visitor = visit()
    first = visitor.log_in("olga", "/labs")
    streams: list[str] = []
    visitor.page.context.on("request", lambda asked: streams.append(asked.url) if "/v1/events" in asked.url else None)
    second = first.context.new_page()
    second.goto(site.place + "/labs")
    expect(second.get_by_role("heading", level=1)).to_have_text("Labs")
    site.up("shared-stream", SMALL.format(name="shared-stream"))
    for page in (first, second):
        expect(row(page, "shared-stream")).to_contain_text("ready")
    assert streams == []
    first.close()
    site.ask("DELETE", "/labs/shared-stream", wait=60)
    expect(row(second, "shared-stream")).to_have_count(0)
    assert len(streams) == 1
    second.close()


def test_a_lock_is_seen_and_an_admin_breaks_it_with_a_reason(visit: Visit, site: Site) -> None:
    site.ask("POST", "/locks/optical-switch", {"seconds": 3600, "holder": "rewiring row 3"})
    page = visit().log_in("ada", "/site/locks")
    lock = page.get_by_role("row").filter(has_text="optical-switch")
    expect(lock).to_contain_text("rewiring row 3")
    expect(lock).to_contain_text("held")
    page.get_by_role("button", name="Break optical-switch").click()
    page.get_by_role("button", name="Break it").click()
    assert page.get_by_role("dialog").is_visible(), "a lock is not broken without a reason"
    page.get_by_label("Why").fill("its holder went home")
    page.get_by_role("button", name="Break it").click()
    expect(lock).to_contain_text("free")
    page.get_by_role("button", name="Log of optical-switch").click()
    expect(page.get_by_role("dialog")).to_contain_text("its holder went home")
    assert [one["held"] for one in site.ask("GET", "/locks")["items"]] == [False]
