"""One server with several places: labs at each at once, a lab at two, and a place that does not answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import pytest
from tests.unit.api_client import FILES, Client, serving

from rackless.model.errors import ProviderError
from rackless.providers import glances
from rackless.providers.contract import at
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud
from rackless.store import sandboxes
from rackless.workflows import audit

SITE = """
provider: home
places:
  home: {provider: fake}
  munich: {provider: fake, numbers: 2000-2009, fabric: core}
  vienna: {provider: fake, numbers: 2000-2009, fabric: core}
  small: {provider: fake, memory: 1000, most-nics: 4, segment-most-mtu: 1450}
"""
PAIR = """
name: NAME
place: PLACE
routers:
  west: {cards: 1, ports_per_card: 2}
  east: {cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
SPAN = PAIR.replace("place: PLACE\n", "place: munich\n").replace("east: {cards", "east: {place: vienna, cards")


def pair(name: str, place: str) -> str:
    return PAIR.replace("NAME", name).replace("PLACE", place)


@pytest.fixture
async def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)
    async with serving(tmp_path, "", monkeypatch, SITE) as client:
        yield client


def cloud(client: Client, place: str) -> FakeCloud:
    provider = at(client.world.provider, place)
    assert isinstance(provider, FakeProvider)
    return provider.cloud


def there(client: Client, place: str) -> set[str]:
    return set(cloud(client, place).machines)


async def test_two_labs_are_at_two_places_at_once_and_a_third_where_the_site_says(several: Client) -> None:
    for name, place in (("one", "munich"), ("two", "vienna")):
        await several.up(pair(name, place))
    await several.up(pair("three", "home").replace("place: home\n", ""))
    machines = ["east-vcp", "east-vfp0", "west-vcp", "west-vfp0"]
    for name, place in (("one", "munich"), ("two", "vienna"), ("three", "home")):
        assert there(several, place) == {f"{name}/{machine}" for machine in machines}
        lab = await several.ask("GET", f"/labs/{name}")
        assert (lab["state"], lab["note"], [one["state"] for one in lab["machines"]]) == ("ready", "", ["running"] * 4)
        assert [wire["state"] for wire in lab["wires"]] == ["connected"]
    assert [(line["name"], line["running"]) for line in await several.items("/labs")] == [("one", 4), ("three", 4), ("two", 4)]
    assert await several.items("/audit") == []
    await several.ask("DELETE", "/labs/one/wires", a="west:ge-0/0/0", b="east:ge-0/0/0", wait=10)
    await several.ask("POST", "/labs/one/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    west = cloud(several, "munich").lab("one").machines["west-vfp0"]
    assert [west.spec.nics[nic].label for nic in west.attached] == ["int", "ge-0/0/1"]
    await several.down("one")
    assert there(several, "munich") == set()
    assert there(several, "vienna") == {f"two/{machine}" for machine in machines}
    for name in ("two", "three"):
        await several.down(name)
    assert await several.world.provider.owned() == ()


async def test_one_lab_is_at_two_places_with_a_wire_between(several: Client) -> None:
    await several.up(SPAN.replace("NAME", "span"))
    assert there(several, "munich") == {"span/west-vcp", "span/west-vfp0"}
    assert there(several, "vienna") == {"span/east-vcp", "span/east-vfp0"}


async def test_a_lab_is_not_down_while_a_place_does_not_answer(several: Client) -> None:
    span = SPAN.replace("NAME", "far")
    await several.up(span)
    await several.up(pair("near", "munich"))
    far = cloud(several, "vienna")
    far.fail("owned", 10_000, message="The line is cut.")
    found = {line["name"]: line for line in await several.items("/labs")}
    assert found["near"]["note"] == ""
    assert found["far"]["note"] == "The place vienna does not answer: The line is cut."
    assert (await several.ask("GET", "/labs/far"))["note"] == found["far"]["note"]
    seen = await several.items("/audit")
    assert [(one["difference"], one["name"], one["reason"]) for one in seen] == [("silent", "vienna", "The line is cut.")]

    answer = await several.http.delete("/labs/far", params={"wait": 30})
    assert answer.status_code >= 400
    assert "what is at vienna (The line is cut.)" in answer.text
    assert there(several, "munich") == {f"near/{name}-{kind}" for name in ("east", "west") for kind in ("vcp", "vfp0")}
    assert len(there(several, "vienna")) == 2
    states = {row["name"]: row["state"] for row in (await several.ask("GET", "/labs/far"))["machines"]}
    assert states["west-vcp"] == "removed"
    assert states["east-vcp"] != "removed"

    await several.down("near")  # what is not at the silent place is not kept by it
    far.faults.clear()
    await several.down("far")
    assert there(several, "vienna") == set()
    assert await audit.audit(several.world) == []


async def test_a_list_of_labs_waits_for_no_place_that_is_slow(several: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("near", "munich"), ("far", "vienna")):
        await several.up(pair(name, place))
    far = at(several.world.provider, "vienna")
    assert isinstance(far, FakeProvider)
    ask, asked, answers = far.running, asyncio.Event(), asyncio.Event()

    async def slow(sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        asked.set()
        await answers.wait()
        return await ask(sandboxes)

    monkeypatch.setattr(far, "running", slow)

    async def listed() -> dict[str, tuple[int, str]]:
        return {line["name"]: (line["running"], line["note"]) for line in await several.items("/labs")}

    # The place answers nothing until we let it: a list that waited for it would not end.
    async with asyncio.timeout(60):
        assert await listed() == {"near": (4, ""), "far": (0, "The place vienna does not answer: It has not answered yet.")}
    assert asked.is_set()
    answers.set()
    assert await listed() == {"near": (4, ""), "far": (4, "")}
    answers.clear()
    cloud(several, "vienna").kill("far", "west-vfp0")
    async with asyncio.timeout(60):
        assert (await listed())["far"] == (4, "")  # as last seen
    answers.set()
    assert (await listed())["far"][0] == 3
    answers.clear()
    await several.down("near")
    async with asyncio.timeout(60):
        assert (await listed())["far"][0] == 3


async def test_what_runs_at_a_cloud_is_asked_seldom_and_at_once_after_a_change() -> None:
    runs, asked = {"lab": frozenset({"a"})}, []

    async def ask(place: str, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        asked.append((place, sorted(sandboxes)))
        if place == "broken":
            raise ProviderError("The line is cut.")
        return runs

    seen = glances.Glances(ask, quick={"here"})
    for _ in range(3):
        found, silent = await seen.look(["cloud", "here"], ["lab"])
        assert (found, silent) == ({"cloud": runs, "here": runs}, {})
    assert asked == [("cloud", ["lab"]), *[("here", ["lab"])] * 3]
    asked.clear()
    runs = {"lab": frozenset({"a", "b"})}
    seen.changed("cloud")
    found, _ = await seen.look(["cloud"], ["lab"])
    assert found == {"cloud": runs}
    _, silent = await seen.look(["cloud", "broken"], ["lab"])
    assert silent == {"broken": "The line is cut."}
    asked.clear()
    assert seen.watched
    await seen.refresh(["cloud", "here"], ["lab", "other"])
    assert asked == [("cloud", ["lab", "other"])]
    found, silent = await seen.look(["cloud"], ["lab", "other"])
    assert found == {"cloud": {"lab": frozenset({"a", "b"}), "other": frozenset()}}
    assert len(asked) == 1


async def test_a_wire_at_one_place_is_moved_while_the_other_does_not_answer(several: Client) -> None:
    text = SPAN.replace("NAME", "far") + "  - [west:ge-0/0/1, pc1:eth1]\nhosts:\n  pc1: {nics: 2}\n"
    await several.up(text)
    cloud(several, "vienna").fail("owned", 10_000, message="The line is cut.")
    for verb in ("detach", "attach", "remove", "ensure"):
        cloud(several, "vienna").fail(verb, 10_000, message="The line is cut.")
    await several.ask("DELETE", "/labs/far/wires", a="west:ge-0/0/1", b="pc1:eth1", wait=10)
    await several.ask("POST", "/labs/far/wires", {"a": "west:ge-0/0/1", "b": "pc1:eth2"}, wait=10)
    pc1 = cloud(several, "munich").lab("far").machines["pc1"]
    assert [pc1.spec.nics[nic].label for nic in pc1.attached] == ["eth2"]
    assert len(cloud(several, "munich").lab("far").segments) == 3


async def test_what_a_place_cannot_bear_is_refused_before_anything_is_made(several: Client) -> None:
    answer = await several.ask("POST", "/labs", several.blueprint(pair("big", "small").replace("cards: 1", "cards: 8")), 502)
    assert "At small: The lab needs" in answer["detail"]
    answer = await several.ask(
        "POST", "/labs", several.blueprint(pair("wide", "small").replace("per_card: 2", "per_card: 6")), 502
    )
    assert "At small: west-vfp0 has 8 NICs, and a machine has at most 4 there." in answer["detail"]
    assert "4 ports a card less" in answer["hint"]
    assert "and a segment carries 1450 there" in answer["detail"]
    assert "Wires carry packets of 1450 octets there, and whatever is at an Ethernet expects 1500" in answer["detail"]
    later = several.blueprint(pair("wide", "small").replace("per_card: 2", "per_card: 6"), begins=4e9)
    answer = await several.ask("POST", "/labs", later, 502)
    assert "has at most 4 there" in answer["detail"]
    assert await several.items("/labs") == []


async def test_a_router_has_an_ipv6_address_for_management_where_the_place_has_them(several: Client) -> None:
    text = pair("lab", "munich").replace(
        "west: {cards", 'west: {fxp0: {address: "2001:db8::7/64", gateway: "2001:db8::1"}, cards'
    )
    await several.up(text)
    lab = await several.ask("GET", "/labs/lab")
    (west,) = [router for router in lab["routers"] if router["name"] == "west"]
    assert west["management"]["address"] == "2001:db8::7/64"
    again = text.replace("name: lab", "name: again").replace("2001:db8::7", "2001:0DB8:0::7")
    answer = await several.ask("POST", "/labs", several.blueprint(again), 422)
    assert "2001:db8::7, which another lab or router holds" in answer["detail"]


@pytest.mark.parametrize("path", ["/plans", "/labs"])
async def test_a_wire_that_cannot_be_is_refused_with_its_line(several: Client, path: str) -> None:
    text = SPAN.replace("NAME", "far").replace("place: vienna", "place: home")
    answer = await several.ask("POST", path, {"text": text, "file": "far.yaml", "files": FILES}, 422)
    problem = answer["problems"][0]
    assert (problem["line"], problem["column"]) == (8, 5)
    assert "Wire 1 would go from west at munich to east at home, and home is on no fabric." in problem["message"]


async def test_a_live_wire_that_cannot_be_is_refused_with_the_reason(several: Client) -> None:
    text = SPAN.replace("NAME", "far").replace("place: vienna", "place: home")
    await several.up(text.split("wires:", maxsplit=1)[0])
    answer = await several.ask("POST", "/labs/far/wires", {"a": "west:ge-0/0/0", "b": "east:ge-0/0/0"}, 422)
    assert "would go from munich to home, and home is on no fabric" in answer["detail"]


async def test_a_router_moves_to_another_place_and_leaves_nothing_behind(several: Client) -> None:
    await several.up(pair("lab", "munich"))
    moved = pair("lab", "munich").replace("west: {cards", "west: {place: vienna, cards")
    body = several.blueprint(moved)
    seen = await several.ask("PUT", "/labs/lab/blueprint", {**body, "dry_run": True})
    assert [(one["name"], one["reason"]) for one in seen["changes"] if one["verb"] == "change"] == [
        ("west", "place munich => vienna")
    ]
    started = await several.ask("PUT", "/labs/lab/blueprint", {**body, "replace": True})
    assert (await several.end_of(started["job"]))["state"] == "succeeded"
    assert there(several, "munich") == {"lab/east-vcp", "lab/east-vfp0"}
    assert there(several, "vienna") == {"lab/west-vcp", "lab/west-vfp0"}
    assert set(cloud(several, "munich").lab("lab").disks) == {"east-vcp-disk0", "east-vfp0-disk0"}
    segments = {
        place: {name.split("-")[0] for name in cloud(several, place).lab("lab").segments} for place in ("munich", "vienna")
    }
    assert segments == {"munich": {"east", "wire"}, "vienna": {"west", "wire"}}
    assert await audit.audit(several.world) == []
    await several.down("lab")
    assert await several.world.provider.owned() == ()


async def test_segments_take_numbers_of_their_place_and_give_them_back(several: Client) -> None:
    await several.up(pair("one", "munich"))
    await several.up(SPAN.replace("NAME", "two"))
    await several.up(pair("none", "home"))
    one, two, none = [await several.world.database.read(sandboxes.get, name) for name in ("one", "two", "none")]
    assert {segment.number for segment in none.plan.segments} == {None}
    numbers = [segment.number for row in (one, two) for segment in row.plan.segments]
    assert sorted(number for number in numbers if number) == [2000, 2001, 2002, 2003, 2004, 2005]
    wire = two.plan.segments[-1]
    for place, machine in (("munich", "west-vfp0"), ("vienna", "east-vfp0")):
        made = cloud(several, place).lab("two").segments[wire.name]
        assert (made.number, [port.machine for port in made.ports]) == (wire.number, [machine])
    pools = {pool["name"]: pool for pool in await several.items("/pools")}
    core = pools["numbers@core"]
    assert (core["first"], core["last"], core["taken"], core["labs"]) == (2000, 2009, 6, {"one": 3, "two": 3})

    await several.ask("POST", "/labs/one/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    segments = cloud(several, "munich").lab("one").segments.values()
    assert {segment.number for segment in segments} == {2000, 2001, 2002, 2006}
    lab = await several.world.database.read(sandboxes.get, "one")
    assert lab.amounts.others["numbers@core"] == 4
    await several.ask("DELETE", "/labs/one/wires", a="west:ge-0/0/1", b="east:ge-0/0/1", wait=10)
    lab = await several.world.database.read(sandboxes.get, "one")
    assert lab.amounts.others["numbers@core"] == 3
    for name in ("one", "two"):
        await several.down(name)
    assert {pool["name"]: pool["taken"] for pool in await several.items("/pools")}["numbers@core"] == 0


async def test_numbers_that_run_out_are_refused_with_the_time_at_which_some_are_free(several: Client) -> None:
    for number in range(3):
        await several.up(pair(f"lab{number}", "munich" if number else "vienna"), seconds=3600)
    answer = await several.ask("POST", "/labs", several.blueprint(pair("late", "vienna")), 409)
    assert "3 segment numbers of core are wanted, and 1 are free" in answer["detail"]
    assert "It would fit from" in answer["hint"]
    await several.ask("POST", "/labs/lab0/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    answer = await several.ask("POST", "/labs/lab1/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, 409)
    assert "segment numbers of core are wanted" in answer["detail"]
    await several.up(pair("elsewhere", "home"))
    calendar = await several.ask("GET", "/calendar")
    assert (calendar["held"]["numbers@core"], calendar["capacity"]["numbers@core"]) == (10, 10)
    booked = {row["lab"]: row["amounts"] for row in await several.items("/bookings")}
    assert booked["lab0"]["numbers@core"] == 4
    text = (await several.http.get("http://rackless/metrics")).text
    assert 'rackless_capacity_held{resource="numbers@core"} 10.0' in text


async def test_an_applied_blueprint_takes_and_gives_back_numbers(several: Client) -> None:
    await several.up(pair("lab", "munich"))
    other = pair("lab", "munich").replace("ge-0/0/0", "ge-0/0/1")
    started = await several.ask("PUT", "/labs/lab/blueprint", several.blueprint(other))
    assert (await several.end_of(started["job"]))["state"] == "succeeded"
    row = await several.world.database.read(sandboxes.get, "lab")
    numbers = {segment.name: segment.number for segment in row.plan.segments}
    made = {name: segment.number for name, segment in cloud(several, "munich").lab("lab").segments.items()}
    assert numbers == made
    assert {pool["name"]: pool["taken"] for pool in await several.items("/pools")}["numbers@core"] == 3
    assert row.amounts.others["numbers@core"] == 3


async def test_labs_of_before_count_at_the_places_that_the_site_has_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)
    async with serving(tmp_path, "", monkeypatch, "provider: fake\n") as client:
        await client.up(pair("old", "fake"))
        await client.ask("POST", "/labs", client.blueprint(pair("later", "fake"), begins=4e9))
    more = "provider: munich\nplaces:\n  munich: {provider: fake, numbers: 5-7}\n  fake: {provider: fake, memory: 2000}\n"
    async with serving(tmp_path, "", monkeypatch, more) as client:
        memory = {lab["lab"]: lab["amounts"] for lab in await client.items("/bookings")}
        assert memory["old"]["memory@fake"] == memory["old"]["memory"] > 0
        await client.down("old")  # at the place where it was made, though the site makes others elsewhere now
        assert there(client, "fake") == set()
        await client.up(pair("new", "munich"))
        assert len(there(client, "munich")) == 4


async def test_the_plan_says_where_and_what_a_place_can_do(several: Client) -> None:
    plan = await several.ask("POST", "/plans", several.blueprint(SPAN.replace("NAME", "two")))
    assert [(place["name"], place["numbers"], place["fabric"], place["live_rewire"]) for place in plan["places"]] == [
        ("munich", "2000-2009", "core", True),
        ("vienna", "2000-2009", "core", True),
    ]
    assert {machine["name"]: machine["place"] for machine in plan["machines"]} == {
        **dict.fromkeys(["west-vcp", "west-vfp0"], "munich"),
        **dict.fromkeys(["east-vcp", "east-vfp0"], "vienna"),
    }
    assert [wire["places"] for wire in plan["wires"]] == [["munich", "vienna"]]
    assert plan["problems"] == []
    plan = await several.ask("POST", "/plans", several.blueprint(pair("wide", "small").replace("per_card: 2", "per_card: 6")))
    assert plan["places"][0]["most_nics"] == 4
    assert "At small: west-vfp0 has 8 NICs, and a machine has at most 4 there." in [one["message"] for one in plan["problems"]]
    assert await several.items("/labs") == []


async def test_a_place_is_examined_and_each_finding_is_told(several: Client) -> None:
    places = {place["name"]: place for place in await several.items("/places")}
    assert [name for name, place in places.items() if place["default"]] == ["home"]
    assert set(places) == {"home", "munich", "vienna", "small"}

    async def check(name: str) -> list[dict[str, object]]:
        answer = await several.http.post(f"/places/{name}/check")
        return [json.loads(line) for line in answer.text.splitlines()]

    *findings, end = await check("small")
    assert [(one["name"], one["ok"], one["detail"]) for one in findings] == [
        ("reachable", True, "in memory"),
        ("memory", True, "1000 MiB are free"),
    ]
    assert end == {"checked": 2, "bad": 0}
    cloud(several, "munich").fail("examine", message="The credentials are wrong.")
    *findings, end = await check("munich")
    assert findings[0] == {
        "name": "reachable",
        "ok": False,
        "detail": "The credentials are wrong.",
        "hint": "Take the fault away.",
    }
    assert end["bad"] == 1
    answer = await several.http.post("/places/munch/check")
    assert (answer.status_code, "Did you mean 'munich'" in answer.text) == (404, True)


async def test_a_router_moves_away_from_where_the_site_makes_what_names_no_place(several: Client) -> None:
    text = pair("lab", "home").replace("place: home\n", "").split("wires:", maxsplit=1)[0]
    await several.up(text)
    moved = text.replace("west: {cards", "west: {place: munich, cards")
    started = await several.ask("PUT", "/labs/lab/blueprint", several.blueprint(moved, replace=True))
    assert (await several.end_of(started["job"]))["state"] == "succeeded"
    assert there(several, "home") == {"lab/east-vcp", "lab/east-vfp0"}
    assert set(cloud(several, "home").lab("lab").segments) == {"east-internal"}
    assert there(several, "munich") == {"lab/west-vcp", "lab/west-vfp0"}
    assert await audit.audit(several.world) == []
