"""Lists come in pages whose cursors are keys: whatever comes and goes, no item that stays is told twice or left out."""

from __future__ import annotations

import pytest
from tests.unit.api_client import Client

from rackless.api.pages import cursor
from rackless.store import outlines, sandboxes
from rackless.store.kept import Kept

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
NAMES = ["alpha", "beta", "delta", "gamma"]


async def booked(client: Client, name: str) -> None:
    await client.ask("POST", "/labs", client.blueprint(SMALL.format(name=name), begins=4e9))


async def test_labs_come_in_pages_by_name_and_changes_meanwhile_do_no_harm(client: Client) -> None:
    for name in ["gamma", "alpha", "delta", "beta"]:
        await booked(client, name)
    assert [lab["name"] for lab in await client.items("/labs", limit=1)] == NAMES
    assert [lab["name"] for lab in await client.items("/labs", limit=4)] == NAMES
    first = await client.ask("GET", "/labs", limit=2)
    assert [lab["name"] for lab in first["items"]] == NAMES[:2]
    await client.down("beta")  # the one that the cursor names
    await booked(client, "aaa")
    rest = await client.ask("GET", "/labs", limit=2, after=first["next"])
    assert ([lab["name"] for lab in rest["items"]], rest["next"]) == (NAMES[2:], None)


async def test_every_list_ends_and_is_whole(client: Client) -> None:
    await client.up()
    for name in ("una", "uwe", "viv"):
        await client.ask("POST", "/users", {"name": name})
        await client.ask("POST", "/users/una/tokens", {"label": name})
        await client.ask("PUT", f"/labs/lab/shares/{name}")
    await client.ask("POST", "/labs/lab/machines/pc1/restart", wait=30)
    for path, least in (
        ("/labs/lab/jobs", 2),
        ("/labs/lab/history", 2),
        ("/labs/lab/shares", 3),
        ("/labs/lab/credentials", 2),
        ("/users", 3),
        ("/users/una/tokens", 3),
        ("/access-log", 10),
        ("/doctor", 2),
        ("/audit", 0),
        ("/images", 0),
    ):
        whole = await client.items(path, limit=1000)
        assert len(whole) >= least, path
        assert await client.items(path, limit=1) == whole, path
    started = [job["started"] for job in await client.items("/labs/lab/jobs")]
    assert started == sorted(started, reverse=True)


@pytest.mark.parametrize("after", ["x", "!", "W10", cursor((3,)), cursor(("a", "b")), cursor(("\ud800",)), "W" * 2000, "é"])
async def test_a_cursor_of_another_list_is_refused(client: Client, after: str) -> None:
    error = await client.ask("GET", "/labs", status=422, after=after)
    assert error["code"] == "input"


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many"])
async def test_pages_are_bounded(client: Client, limit: str) -> None:
    assert (await client.ask("GET", "/labs", status=422, limit=limit))["code"] == "input"


async def test_a_list_tells_what_the_place_says_now(client: Client) -> None:
    await client.up()
    line = (await client.items("/labs"))[0]
    assert (line["machines"], line["running"], line["routers"], line["hosts"], line["note"]) == (6, 6, 2, 1, "")
    client.cloud.kill("lab", "west-vfp0")
    line = (await client.items("/labs"))[0]
    assert (line["machines"], line["running"]) == (6, 5)
    assert line["note"].startswith("Stopped: west-vfp0.")
    assert (await client.ask("GET", "/labs/lab"))["note"] == line["note"]
    client.cloud.fail("owned")
    assert "The place does not answer" in (await client.items("/labs"))[0]["note"]


async def test_what_a_plan_became_is_never_taken_from_memory(client: Client) -> None:
    """A transaction that failed has left its plan in memory, under a key that nothing has."""
    await client.up()
    database = client.world.database
    before = (await database.read(sandboxes.get, "lab")).plan

    def breaks(db: object) -> None:
        key = sandboxes.get(db, "lab").id  # type: ignore[arg-type]
        sandboxes.replan(db, key, before.__class__(**{**vars(before), "machines": before.machines[:1]}))  # type: ignore[arg-type]
        assert len(sandboxes.get(db, "lab").plan.machines) == 1  # type: ignore[arg-type]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(breaks)
    assert (await database.read(sandboxes.get, "lab")).plan == before
    assert (await database.read(outlines.page, 1))[0].memory == before.memory


def test_what_is_kept_is_bounded_and_the_least_used_goes() -> None:
    kept: Kept[str] = Kept(most=10, size=len)
    kept.keep({"a": "xxxx"})
    kept.keep({"b": "xxxx"})
    assert kept.take(["a"]) == {"a": "xxxx"}
    assert kept.keep({"c": "xxx"}) == {"c": "xxx"}
    assert kept.take("abc") == {"a": "xxxx", "c": "xxx"}
    assert kept.keep({"d": "x" * 99}) == {"d": "x" * 99}
    assert kept.take("abcd") == {}
