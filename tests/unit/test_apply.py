"""Apply on the `fake` provider: a lab becomes that of another blueprint, and what is equal is not touched."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tests.unit.api_client import BLUEPRINT, Client

from rackless.store import pools, sandboxes, secrets, wires
from rackless.workflows import audit


async def apply(client: Client, text: str, *, status: int = 0, lab: str = "lab", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await client.ask("PUT", f"/labs/{lab}/blueprint", client.blueprint(text, **more), status=status)
    if answer.get("job"):
        answer["ended"] = await client.end_of(answer["job"])
    return answer


def rows(answer: dict[str, Any], *verbs: str) -> list[tuple[str, str, str]]:
    return [(row["verb"], row["kind"], row["name"]) for row in answer["changes"] if not verbs or row["verb"] in verbs]


def boots(client: Client) -> dict[str, int]:
    return {key.partition("/")[2]: machine.boots for key, machine in client.cloud.machines.items()}


async def numbers(client: Client, lab: str = "lab") -> dict[str, tuple[Any, ...]]:
    """What a machine that stays keeps: MACs, addresses, console port, forwarded ports."""
    row = await client.world.database.read(sandboxes.get, lab)
    return {
        spec.name: (spec.console_port, spec.forwards, [(nic.mac, nic.address) for nic in spec.nics]) for spec in row.plan.machines
    }


async def clean(client: Client) -> None:
    """The store and the place agree."""
    assert await audit.audit(client.world) == []
    held = await client.world.database.read(pools.count)
    made = [await numbers(client, row.name) for row in await client.world.database.read(sandboxes.live)]
    assert held.get("console", 0) == sum(map(len, made))


NORTH = """
name: lab
routers:
  west: {cards: 2, ports_per_card: 2, login: {user: eng, password: giv3n-by-file}, startup: west.set}
  east: {cards: 1, ports_per_card: 2}
  north: {cards: 2, ports_per_card: 2, startup: west.set}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [north:ge-1/0/1, west:ge-0/0/1]
"""


async def test_a_router_and_a_wire_come_and_go_and_nothing_else_is_touched(client: Client) -> None:
    await client.up()
    before, were = await numbers(client), boots(client)
    dry = await apply(client, NORTH, dry_run=True, status=200)
    assert rows(dry, "add", "change", "remove") == [
        ("add", "router", "north"),
        ("add", "wire", "north:ge-1/0/1 -- west:ge-0/0/1"),
        ("remove", "wire", "west:ge-1/0/0 -- pc1:eth1"),
    ]
    assert boots(client) == were
    assert (await apply(client, NORTH))["ended"]["state"] == "succeeded"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], sum(port["ready"] for port in lab["ports"]), len(lab["ports"])) == ("ready", 11, 11)
    assert {frozenset(wire["ends"]) for wire in lab["wires"]} == {
        frozenset({"west:ge-0/0/0", "east:ge-0/0/0"}), frozenset({"north:ge-1/0/1", "west:ge-0/0/1"}),
    }  # fmt: skip
    assert boots(client) == {**were, "north-vcp": 1, "north-vfp0": 1, "north-vfp1": 1}
    after = await numbers(client)
    assert {name: after[name] for name in before} == before
    assert next(router for router in lab["routers"] if router["name"] == "north")["system"]
    mine = await client.world.database.read(secrets.of, 1, "north")
    assert set(mine) == {"password", "root", "community"}
    await clean(client)

    assert (await apply(client, NORTH, status=200))["kind"] == "unchanged"
    assert (await apply(client, BLUEPRINT))["ended"]["state"] == "succeeded"
    assert boots(client) == were
    assert await numbers(client) == before
    assert await client.world.database.read(secrets.of, 1, "north") == {}
    assert list(client.world.transcripts.glob("lab/north*")) == []
    await clean(client)
    await client.down()
    assert await client.world.provider.owned() == ()
    assert await client.world.database.read(pools.count) == {}


async def test_what_would_be_made_anew_is_refused_unless_allowed(client: Client) -> None:
    await client.up()
    were = boots(client)
    text = BLUEPRINT.replace("east: {cards: 1,", "east: {cards: 1, memory: {controller: 300M},")
    text = text.replace("user: eng", "user: ops")
    error = await apply(client, text, status=409)
    assert "west is made anew (login.user eng => ops)" in error["detail"]
    assert "east restarts east-vcp (memory.controller default => 300 MiB)" in error["detail"]
    assert "--replace" in error["hint"]
    assert boots(client) == were
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    before = await numbers(client)
    assert (await apply(client, text, replace=True))["ended"]["state"] == "succeeded"
    after = boots(client)
    assert (after["east-vcp"], after["east-vfp0"], after["pc1"]) == (1, 1, 1)  # east-vcp is another machine, in its first boot
    assert client.cloud.machines["lab/east-vcp"].spec.memory == 300
    lab = await client.ask("GET", "/labs/lab")
    assert [router["user"] for router in lab["routers"]] == ["ops", "lab"]
    assert all(port["ready"] for port in lab["ports"])
    assert {wire["state"] for wire in lab["wires"]} == {"connected"}
    now = await numbers(client)
    assert now == before  # the same MACs, addresses and ports, though other machines
    await clean(client)


async def test_cards_come_and_go_behind_a_running_controller(client: Client) -> None:
    await client.up()
    were = boots(client)
    more = BLUEPRINT.replace("east: {cards: 1", "east: {cards: 3")
    more = more.replace("pc1:eth1]", "pc1:eth1]\n  - [east:ge-2/0/1, west:ge-1/0/1]")
    assert (await apply(client, more))["ended"]["state"] == "succeeded"
    assert boots(client) == {**were, "east-vfp1": 1, "east-vfp2": 1}
    lab = await client.ask("GET", "/labs/lab")
    assert {"east:ge-2/0/1", "west:ge-1/0/1"} <= {port["name"] for port in lab["ports"] if port["up"]}
    await clean(client)
    assert (await apply(client, BLUEPRINT))["ended"]["state"] == "succeeded"
    assert boots(client) == were
    assert len((await client.ask("GET", "/labs/lab"))["ports"]) == 7
    await clean(client)


async def test_wires_drawn_live_stay_unless_they_are_in_the_way_or_pruned(client: Client) -> None:
    await client.up()
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    await client.ask("DELETE", "/labs/lab/wires", a="west:ge-1/0/0", b="pc1:eth1", wait=10)
    found = await apply(client, BLUEPRINT)
    assert [(row["verb"], row["name"], row["reason"]) for row in found["changes"] if row["kind"] == "wire"] == [
        ("keep", "west:ge-0/0/0 -- east:ge-0/0/0", ""),
        ("add", "west:ge-1/0/0 -- pc1:eth1", "it was disconnected"),
        ("keep", "west:ge-0/0/1 -- east:ge-0/0/1", "it was drawn live"),
    ]
    assert len((await client.ask("GET", "/labs/lab"))["wires"]) == 3
    other = BLUEPRINT.replace("pc1:eth1]", "pc1:eth1]\n  - [west:ge-1/0/1, east:ge-0/0/1]")
    found = await apply(client, other)
    assert ("remove", "wire", "west:ge-0/0/1 -- east:ge-0/0/1") in rows(found)
    assert "takes its port" in next(row["reason"] for row in found["changes"] if row["verb"] == "remove")
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "pc1:eth1"}, status=409)
    await client.ask("DELETE", "/labs/lab/wires", a="west:ge-1/0/0", b="pc1:eth1", wait=10)
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "pc1:eth1"}, wait=10)
    without = other.replace("  - [west:ge-1/0/0, pc1:eth1]\n", "")
    assert rows(await apply(client, without, status=200), "add", "remove") == []
    assert rows(await apply(client, without, prune=True), "remove") == [("remove", "wire", "west:ge-0/0/1 -- pc1:eth1")]
    await clean(client)


async def test_a_failure_half_way_is_completed_by_another_apply(client: Client) -> None:
    await client.up()
    were = boots(client)
    text = NORTH.replace("  east: {cards: 1, ports_per_card: 2}\n", "").replace("  - [west:ge-0/0/0, east:ge-0/0/0]\n", "")
    client.cloud.fail("remove", times=99, name="east-vcp", message="it clings")
    found = await apply(client, text)
    assert found["ended"]["error"]["message"] == "it clings"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["reason"]) == ("failed", "it clings")
    assert "east-vcp" in {machine["name"] for machine in lab["machines"]}
    assert await audit.audit(client.world) == []  # it is known, and on its way out
    client.cloud.faults.clear()
    started = await client.ask("POST", "/labs", client.blueprint(text))  # `up` of the same file does it as well
    assert (await client.end_of(started["job"]))["verb"] == "apply"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], [router["name"] for router in lab["routers"]]) == ("ready", ["west", "north"])
    assert {name: boots(client)[name] for name in ("west-vcp", "west-vfp0", "pc1")} == {
        name: were[name] for name in ("west-vcp", "west-vfp0", "pc1")
    }
    await clean(client)


async def test_a_router_that_was_being_removed_comes_back_by_the_old_blueprint(client: Client) -> None:
    await client.up()
    text = BLUEPRINT.replace("  east: {cards: 1, ports_per_card: 2}\n", "").replace("  - [west:ge-0/0/0, east:ge-0/0/0]\n", "")
    client.cloud.fail("remove", times=99, name="east-vfp0", message="it clings")
    assert (await apply(client, text))["ended"]["state"] == "failed"
    client.cloud.faults.clear()
    assert (await apply(client, BLUEPRINT))["ended"]["state"] == "succeeded"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], all(port["ready"] for port in lab["ports"]), len(lab["wires"])) == ("ready", True, 2)
    await clean(client)


async def test_up_with_another_blueprint_points_to_apply_and_with_an_equal_one_goes_on(client: Client) -> None:
    await client.up()
    error = await client.ask("POST", "/labs", client.blueprint(NORTH), status=409)
    assert "rackless apply" in error["hint"]
    again = "# another comment\n" + BLUEPRINT.replace("  west: {cards: 2, ", "  west: {family: reference, cards: 2, ")
    assert (await client.up(again))["kind"] == "again"
    # Wires for later are no difference either, and are drawn from then on.
    later = again + "  - {ends: [west:ge-1/0/1, north:ge-0/0/0], planned: true}\n"
    before = await numbers(client)
    assert (await client.up(later))["kind"] == "again"
    assert await numbers(client) == before
    wires = (await client.ask("GET", "/labs/lab"))["wires"]
    assert ["west:ge-1/0/1", "north:ge-0/0/0"] in [wire["ends"] for wire in wires]


async def test_apply_starts_what_stopped_and_tells_it(client: Client) -> None:
    await client.up()
    client.cloud.kill("lab", "west-vfp1")
    found = await apply(client, BLUEPRINT)
    assert [(row["name"], row["reason"]) for row in found["changes"] if row["verb"] == "change"] == [
        ("west", "west-vfp1 is not running")
    ]
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["note"]) == ("ready", "")
    assert boots(client)["west-vfp1"] == 2


async def test_a_booked_lab_takes_another_blueprint_without_a_job(client: Client) -> None:

    begins = time.time() + 3600
    await client.ask("POST", "/labs", client.blueprint(begins=begins, seconds=600))
    found = await apply(client, NORTH, status=200)
    assert (found["kind"], found["job"]) == ("booked", "")
    row = await client.world.database.read(sandboxes.get, "lab")
    assert {router.name for router in row.plan.blueprint.routers} == {"west", "east", "north"}
    assert set(await client.world.database.read(secrets.of, row.id, "north")) == {"password", "root", "community"}
    assert await client.world.database.read(pools.count) == {}


async def test_what_does_not_fit_is_refused_and_nothing_is_drawn(client: Client) -> None:
    await client.up()
    before = await client.world.database.read(pools.count)
    client.cloud.memory = client.cloud.lab("lab").memory + 100
    error = await apply(client, NORTH, status=409)
    assert (error["code"], "MiB of memory" in error["detail"]) == ("capacity", True)
    assert await client.world.database.read(pools.count) == before
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    assert len(await client.world.database.read(wires.of, 1, "lab")) == 2


@pytest.mark.parametrize("verb", ["ensure", "power", "attach", "detach", "remove"])
async def test_a_fault_that_passes_is_tried_again(client: Client, verb: str) -> None:
    await client.up()
    client.cloud.fail(verb, times=1, after=verb != "power")
    assert (await apply(client, NORTH))["ended"]["state"] in {"succeeded", "failed"}
    client.cloud.faults.clear()
    assert (await apply(client, NORTH)).get("ended", {"state": "succeeded"})["state"] == "succeeded"
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    await clean(client)


PLANNED = """
name: lab
templates:
  routers:
    small: {cards: 1, ports_per_card: 1}
routers:
  west: {template: small}
  east: {template: small}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - {ends: [west:ge-1/0/0, east:ge-1/0/0], planned: true}
  - {ends: [west:ge-2/0/0, north:ge-0/0/0], planned: true}
"""


async def test_wires_are_drawn_before_their_ports_are_there_and_connected_when_they_are(client: Client) -> None:
    await client.up(PLANNED)
    drawn = {tuple(wire["ends"]): wire for wire in (await client.ask("GET", "/labs/lab"))["wires"]}
    assert [(wire["state"], wire["note"]) for wire in drawn.values()] == [
        ("connected", ""),
        ("planned", "not yet connected: west has no port ge-1/0/0 yet"),
        ("planned", "not yet connected: west has no port ge-2/0/0 yet"),
    ]
    await client.up(PLANNED)  # nothing differs
    more = PLANNED.replace("west: {template: small}", "west: {template: small, cards: 2}")
    assert (await apply(client, more))["ended"]["state"] == "succeeded"
    whole = more.replace("cards: 2}", "cards: 3}").replace("east: {template: small}", "east: {template: small, cards: 2}")
    whole = whole.replace("wires:", "  north: {template: small}\nwires:")
    assert (await apply(client, whole))["ended"]["state"] == "succeeded"
    lab = await client.ask("GET", "/labs/lab")
    assert [(wire["state"], wire["note"]) for wire in lab["wires"]] == [("connected", "")] * 3
    assert sum(port["up"] for port in lab["ports"]) == 6
    assert (boots(client)["west-vcp"], boots(client)["east-vcp"]) == (1, 1)
    back = await apply(client, PLANNED)
    assert back["ended"]["state"] == "succeeded"
    assert [wire["state"] for wire in (await client.ask("GET", "/labs/lab"))["wires"]] == ["connected", "planned", "planned"]
    await clean(client)


async def test_the_blueprint_is_kept_as_written_and_what_is_there_can_be_had_as_one(client: Client) -> None:
    text = "# Mine\n" + BLUEPRINT
    await client.up(text)
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    await client.ask("DELETE", "/labs/lab/wires", a="west:ge-1/0/0", b="pc1:eth1", wait=10)
    kept = await client.ask("GET", "/labs/lab/blueprint")
    assert (kept["text"], kept["file"], kept["live"], kept["who"]) == (text, "lab.yaml", False, "local")
    assert kept["files"] == {"west.set": "set system time-zone UTC\n"}
    live = await client.ask("GET", "/labs/lab/blueprint", live=True)
    assert "giv3n-by-file" not in live["text"]
    assert "[west:ge-0/0/1, east:ge-0/0/1]  # drawn live" in live["text"]
    assert "pc1:eth1" not in live["text"]
    # It is what is there: applied to the lab it changes nothing, and another lab made from it is the same.
    body = {"text": live["text"], "files": live["files"]}
    found = await client.ask("PUT", "/labs/lab/blueprint", body, status=200)
    assert (found["kind"], {row["verb"] for row in found["changes"]}) == ("unchanged", {"keep"})
    started = await client.ask("POST", "/labs", {**body, "name": "copy"})
    await client.end_of(started["job"])
    labs = [await client.ask("GET", f"/labs/{name}") for name in ("lab", "copy")]
    assert labs[0]["state"] == labs[1]["state"] == "ready"
    assert [wire["ends"] for wire in labs[0]["wires"]] == [wire["ends"] for wire in labs[1]["wires"]]
    odd = await client.ask("PUT", "/labs/lab/blueprint", {**body, "file": "a\0b\n" + "c" * 500}, status=200)
    assert odd["kind"] == "unchanged"
    assert (await client.ask("GET", "/labs/lab/blueprint"))["file"] == "ab" + "c" * 253
    await client.down()
    await client.ask("GET", "/labs/lab/blueprint", status=404)


async def test_one_blueprint_makes_many_labs_at_once(client: Client) -> None:
    names = [f"lab{number}" for number in range(5)]
    await asyncio.gather(*(client.up(PLANNED, name=name) for name in names))
    labs = [await client.ask("GET", f"/labs/{name}") for name in names]
    assert {lab["state"] for lab in labs} == {"ready"}
    macs = [port["mac"] for lab in labs for port in lab["ports"]]
    consoles = [machine["console_port"] for lab in labs for machine in lab["machines"]]
    assert len(set(macs)) == len(macs) == 10
    assert len(set(consoles)) == len(consoles) == 20
    more = PLANNED.replace("wires:", "  north: {template: small}\nwires:")
    await asyncio.gather(*(apply(client, more, lab=name) for name in names))
    await clean(client)
