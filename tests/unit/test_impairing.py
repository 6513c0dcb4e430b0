"""Impairing wires at the API and in blueprints: asked for, shown, kept, changed and refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.unit.api_client import Client

from rackless import blueprints, planning
from rackless.keepers.mending import mend
from rackless.model.blueprint import Wire
from rackless.model.changes import Live, LiveWire, Verb
from rackless.model.errors import BlueprintErrors
from rackless.model.impairment import Impairment
from rackless.model.site import Site
from rackless.planning import difference
from rackless.providers.everywhere import unable
from rackless.providers.impairing import lacking
from rackless.routers.families import FAMILIES
from rackless.workflows.starting import start

PAIR = """
name: lab
routers:
  west: {cards: 1, ports_per_card: 2}
  east: {cards: 1, ports_per_card: 2}
wires:
  - WIRE
  - [west:ge-0/0/1, east:ge-0/0/1]
"""
ENDS = "[west:ge-0/0/0, east:ge-0/0/0]"
SLOW = f"{{ends: {ENDS}, delay: 20ms, jitter: 2ms, loss: 1%, rate: 10m}}"
TEXTS = {"delay": "20ms", "jitter": "2ms", "loss": "1%", "rate": "10m"}


def read(wire: str) -> tuple[Wire, ...]:
    return blueprints.load(PAIR.replace("WIRE", wire), file="lab.yaml", families=FAMILIES, files={}).wires


def test_a_blueprint_says_what_a_wire_does_to_frames_and_is_written_so_again() -> None:
    slow, plain = read(SLOW)
    assert slow.impairment == Impairment(delay=0.02, jitter=0.002, loss=0.01, rate=10_000_000)
    assert plain.impairment is None
    blueprint = blueprints.load(PAIR.replace("WIRE", SLOW), file="lab.yaml", families=FAMILIES, files={})
    again = blueprints.load(blueprints.written(blueprint), file="lab.yaml", families=FAMILIES, files={})
    assert again.wires == blueprint.wires
    planned = planning.plan(blueprint, Site(families=FAMILIES))
    assert [wire.wire.impairment is not None for wire in planned.wires] == [True, False]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("delay: 20", "must be text with its unit, not 20"),
        ("delay: 20x", "delay '20x' is no time"),
        ("jitter: 5ms", "jitter is 5ms, and no frame arrives before it was sent"),
        ("loss: 200%", "loss '200%' is no share"),
        ("rate: fast", "rate 'fast' is none"),
        ("delai: 20ms", "delay"),
    ],
)
def test_what_a_blueprint_says_wrong_is_told_at_its_place(wish: str, says: str) -> None:
    with pytest.raises(BlueprintErrors) as caught:
        read(f"{{ends: {ENDS}, {wish}}}")
    (problem,) = caught.value.problems
    assert says in problem.message + problem.hint
    assert problem.line == 7
    assert problem.hint


def test_another_impairment_in_the_blueprint_changes_the_wire_behind_its_machines() -> None:
    site = Site(families=FAMILIES)
    there, wanted = (
        planning.plan(blueprints.load(PAIR.replace("WIRE", wire), file="x", families=FAMILIES, files={}), site)
        for wire in (ENDS, SLOW)
    )
    live = Live(wires=tuple(LiveWire(spec=wire) for wire in there.wires))
    what = difference(there, wanted, live, prune=False)
    assert what.impair == (there.wires[0].segment,)
    (row,) = [change for change in what.changes if change.verb is Verb.CHANGE]
    assert row.reason == "not impaired => delay 20ms, jitter 2ms, loss 1%, rate 10m"
    assert row.effect.value == "live"
    back = difference(wanted, there, live, prune=False)
    assert back.impair == what.impair
    assert difference(wanted, wanted, live, prune=False).empty


async def wires(client: Client) -> dict[str, dict[str, str]]:
    return {wire["ends"][0]: wire["impairment"] for wire in (await client.ask("GET", "/labs/lab"))["wires"]}


async def test_a_wire_is_impaired_and_cleared_behind_running_machines(client: Client) -> None:
    await client.up()
    path = "/labs/lab/wires/impairment"
    done = await client.ask("PUT", path, {"end": "west:ge-0/0/0", **TEXTS}, wait=30)
    assert done["job"]
    assert await wires(client) == {"west:ge-0/0/0": TEXTS, "west:ge-1/0/0": {}}
    live = (await client.ask("GET", "/labs/lab/blueprint", live=True))["text"]
    assert "delay: 20ms, jitter: 2ms, loss: 1%, rate: 10m" in live
    await client.ask("PUT", path, {"end": "west:ge-0/0/0", "loss": "5%"}, wait=30)
    assert (await wires(client))["west:ge-0/0/0"] == {"loss": "5%"}, "what is not said is none"
    await client.ask("PUT", path, {"end": "east:ge-0/0/0"}, wait=30)
    assert (await wires(client))["west:ge-0/0/0"] == {}
    refused = await client.ask("PUT", path, {"end": "west:ge-0/0/0", "rate": "fast"}, status=422)
    assert "rate 'fast' is none from 8k" in refused["detail"]
    await client.ask("PUT", path, {"end": "west:ge-0/0/1", "delay": "1ms"}, status=404)
    await client.down()


async def test_one_that_carries_nothing_any_more_is_impaired_again_by_itself(client: Client) -> None:
    await client.up()
    await client.ask("PUT", "/labs/lab/wires/impairment", {"end": "west:ge-0/0/0", **TEXTS}, wait=30)
    assert await mend(client.world) == [], "it carries"
    (segment,) = client.cloud.lab("lab").impaired
    client.cloud.hush("lab", segment)
    assert "does not run" in str((await client.ask("GET", "/labs/lab"))["wires"])
    (job,) = await mend(client.world)
    await start(client.world, job)
    await client.end_of(job)
    assert "does not run" not in str((await client.ask("GET", "/labs/lab"))["wires"])
    assert (await wires(client))["west:ge-0/0/0"] == TEXTS
    assert await mend(client.world) == []
    assert any("carried nothing" in one["why"] for one in await client.items("/labs/lab/history"))
    await client.down()


async def test_a_wire_of_the_blueprint_is_impaired_from_the_begin_and_follows_it(client: Client) -> None:
    started = await client.ask("POST", "/labs", client.blueprint(PAIR.replace("WIRE", SLOW)))
    await client.end_of(started["job"])
    assert await wires(client) == {"west:ge-0/0/0": TEXTS, "west:ge-0/0/1": {}}
    for wire, texts in ((f"{{ends: {ENDS}, delay: 1s}}", {"delay": "1s"}), (ENDS, {})):
        applied = await client.ask("PUT", "/labs/lab/blueprint", client.blueprint(PAIR.replace("WIRE", wire)))
        await client.end_of(applied["job"])
        assert (await wires(client))["west:ge-0/0/0"] == texts
    await client.down()


async def test_a_place_that_cannot_is_named_before_anything_is_made(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.up()
    without = SimpleNamespace(info=client.world.provider.info)
    monkeypatch.setattr("rackless.providers.impairing.at", lambda provider, place: without)
    body = {"end": "west:ge-0/0/0", "delay": "1ms"}
    refused = await client.ask("PUT", "/labs/lab/wires/impairment", body, status=422)
    assert "cannot be impaired" in refused["detail"]
    blueprint = blueprints.load(PAIR.replace("WIRE", SLOW), file="x", families=FAMILIES, files={})
    plan = planning.plan(blueprint, client.world.site)
    (problem,) = lacking(client.world.provider, plan)
    assert "west:ge-0/0/0 -- east:ge-0/0/0" in problem.message
    assert problem in unable(client.world.provider, plan)
    await client.down()
