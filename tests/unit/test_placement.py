"""Routers and hosts that name a group of places, or none: where they are put, and how they leave a place. On pretended clouds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.api_client import FILES, Client, serving

from rackless.blueprints import load
from rackless.keepers import hosts
from rackless.model.errors import BlueprintErrors, CapacityError, StateError
from rackless.model.places import FakePlace, Numbers
from rackless.model.site import Free, Site
from rackless.planning import plan
from rackless.providers.contract import Power, Ref, RefKind, at
from rackless.routers.families import FAMILIES
from rackless.sandboxes import changing
from rackless.store import blueprints, sandboxes
from rackless.workflows.starting import start

HALL = {"numbers": Numbers(first=5, last=99), "fabric": "core", "group": "hall"}
SITE = Site(
    families=FAMILIES,
    provider="alpha",
    places=(*(FakePlace(name=name, **HALL) for name in ("alpha", "beta", "gamma")), FakePlace(name="alone")),
    free={"alpha": Free(memory=4000, processors=4), "beta": Free(memory=8000, processors=8)},
)
ROUTER = "  {}: {{cards: 2, ports_per_card: 2}}\n"


def where(text: str, site: Site = SITE, there: object = None) -> Mapping[str, str]:
    """The place of each router and host."""
    made = plan(load(text, file="lab.yaml", files={}, families=FAMILIES, site=site), site, there=there)
    found: dict[str, set[str]] = {}
    for spec in made.machines:
        found.setdefault(spec.owner, set()).add(made.place_of(spec))
    assert all(len(spots) == 1 for spots in found.values()), "a router is whole"
    return {owner: spots.pop() for owner, spots in found.items()}


def lab(*routers: str, rest: str = "") -> str:
    return "name: lab\nrouters:\n" + "".join(ROUTER.format(name) for name in routers) + rest


def test_a_router_goes_whole_to_where_most_is_free_and_the_next_beside_its_neighbour() -> None:
    assert where(lab("west")) == {"west": "beta"}
    # The reference router of two cards has three processors: two fit at beta, whose processors are then too few.
    assert where(lab("a", "b", "c")) == {"a": "beta", "b": "beta", "c": "alpha"}
    wired = "wires:\n  - [a:ge-0/0/0, b:ge-0/0/0]\n"
    even = replace(SITE, free={name: Free(memory=8000, processors=8) for name in ("alpha", "beta")})
    assert where(lab("a", "b"), even) == {"a": "alpha", "b": "beta"}
    assert where(lab("a", "b", rest=wired), even) == {"a": "alpha", "b": "alpha"}


def test_a_group_can_be_named_and_a_place_of_it_too_and_others_are_no_choice() -> None:
    text = "name: lab\nplace: hall\nrouters:\n  west: {cards: 1}\n  east: {cards: 1, place: alpha}\n"
    text += "  far: {cards: 1, place: alone}\n"
    assert where(text) == {"west": "beta", "east": "alpha", "far": "alone"}
    single = replace(SITE, provider="alone")
    assert where(lab("west"), single) == {"west": "alone"}
    assert where(lab("west").replace("cards: 2", "cards: 2, place: hall"), single) == {"west": "beta"}
    with pytest.raises(BlueprintErrors) as caught:
        where(lab("west").replace("cards: 2", "cards: 2, place: halle"))
    assert "which this site does not have" in str(caught.value.problems[0])
    assert "hall" in caught.value.problems[0].hint


def test_what_is_there_stays_there_unless_it_is_to_leave() -> None:
    before = plan(load(lab("a", "b"), file="lab.yaml", files={}, families=FAMILIES, site=SITE), SITE)
    fuller = replace(SITE, free={"gamma": Free(memory=90000, processors=64)})
    assert where(lab("a", "b", "c"), fuller, before) == {"a": "beta", "b": "beta", "c": "gamma"}
    assert where(lab("a", "b"), replace(fuller, leaving=frozenset({"beta"})), before) == {"a": "gamma", "b": "gamma"}


def test_where_nothing_takes_anything_new_the_group_is_named() -> None:
    with pytest.raises(CapacityError, match="none of alpha, beta, gamma takes anything new"):
        where(lab("west"), replace(SITE, free={}))
    # Without room anywhere the roomiest is taken: booking says what lacks.
    assert where(lab("west"), replace(SITE, free={"gamma": Free(memory=1, processors=1)})) == {"west": "gamma"}


PLACES = """
provider: munich
places:
  munich: {provider: fake, numbers: 2000-2099, fabric: core, group: hall, memory: 2500}
  vienna: {provider: fake, numbers: 2000-2099, fabric: core, group: hall, memory: 4000}
"""
PAIR = """
name: NAME
routers:
  west: {cards: 1, ports_per_card: 2}
  east: {cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)
    async with serving(tmp_path, "", monkeypatch, PLACES) as made:
        yield made


async def places_of(client: Client, name: str) -> dict[str, str]:
    return {one["name"]: one["place"] for one in (await client.ask("GET", f"/labs/{name}"))["machines"]}


async def test_labs_are_spread_by_what_is_booked_and_the_plan_says_where(client: Client) -> None:
    planned = await client.ask("POST", "/plans", {"text": PAIR.replace("NAME", "one"), "file": "x.yaml", "files": FILES})
    assert {machine["place"] for machine in planned["machines"]} == {"vienna"}
    for name, place in (("one", "vienna"), ("two", "vienna"), ("three", "munich")):
        await client.up(PAIR.replace("NAME", name))
        assert set((await places_of(client, name)).values()) == {place}  # where most memory was left
    again = await client.ask("POST", "/labs", client.blueprint(PAIR.replace("NAME", "one")))
    assert (await client.end_of(again["job"]))["state"] == "succeeded"
    assert set((await places_of(client, "one")).values()) == {"vienna"}


async def test_what_leaves_a_place_is_made_anew_elsewhere_with_its_wires(client: Client) -> None:
    await client.up(PAIR.replace("NAME", "one"))
    world = client.world
    row = await world.database.read(sandboxes.get, "one")
    assert row.plan.places == {"vienna"}

    def book(db: object) -> changing.Applied:
        asked = changing.Asked(
            blueprint=row.plan.blueprint,
            place=world.place,
            wanted=world.wanted,
            terms=changing.Terms(anew=True),
            written=blueprints.Written(text="", file="", files={}),
        )
        return changing.book_move(db, "one", "vienna", asked)

    applied = await world.database.run(book)
    await start(world, applied.booking.job)
    assert (await client.end_of(applied.booking.job))["state"] == "succeeded"
    assert set((await places_of(client, "one")).values()) == {"munich"}
    shown = await client.ask("GET", "/labs/one")
    assert [wire["state"] for wire in shown["wires"]] == ["connected"]
    assert await client.items("/audit") == []
    await client.down("one")


async def test_what_must_be_there_does_not_leave(client: Client) -> None:
    pinned = PAIR.replace("NAME", "one").replace("west: {", "west: {place: vienna, ")
    await client.up(pinned)
    world = client.world
    row = await world.database.read(sandboxes.get, "one")
    asked = changing.Asked(
        blueprint=row.plan.blueprint,
        place=world.place,
        wanted=world.wanted,
        terms=changing.Terms(anew=True),
        written=blueprints.Written(text="", file="", files={}),
    )
    with pytest.raises(StateError, match="west of lab one can't be elsewhere"):
        await world.database.run(changing.book_move, "one", "vienna", asked)


async def test_what_was_at_a_host_that_was_started_anew_is_brought_back(client: Client) -> None:
    await client.up(PAIR.replace("NAME", "one"))
    await client.up(PAIR.replace("NAME", "other").replace("routers:", "place: munich\nrouters:"))
    for machine in ("west-vcp", "west-vfp0"):  # of the rest, the host's own agent has started it already
        at_vienna = at(client.world.provider, "vienna")
        await at_vienna.power(Ref(kind=RefKind.MACHINE, sandbox="one", name=machine), Power.OFF)
    assert await hosts.brought_back(client.world, "vienna")
    history = [entry["what"] for entry in await client.items("/labs/one/history")]
    assert "host-rebooted" in history
    jobs = await client.items("/labs/one/jobs")
    assert {(await client.end_of(job["id"]))["state"] for job in jobs} == {"succeeded"}
    found = await client.ask("GET", "/labs/one")
    assert found["state"] == "ready"
    assert {machine["state"] for machine in found["machines"]} == {"running"}
    assert "host-rebooted" not in [entry["what"] for entry in await client.items("/labs/other/history")]
    for name in ("one", "other"):
        await client.down(name)
