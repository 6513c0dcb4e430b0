"""Where a lab is drawn: kept for all who use it, and gone with it; and the schema that editors read."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.unit.api_client import BLUEPRINT, Client

from rackless.store import layouts, sandboxes

PLACE = "/labs/lab/layout"


async def nodes(client: Client) -> Any:
    return (await client.ask("GET", PLACE))["nodes"]


async def test_places_are_kept_until_they_are_taken_back(client: Client) -> None:
    await client.up()
    assert await nodes(client) == {}
    whole = {"west": {"x": 10.5, "y": -20.0}, "pc1": {"x": 0.0, "y": 300.0}}
    assert (await client.ask("PUT", PLACE, {"nodes": whole}))["nodes"] == whole
    assert await nodes(client) == whole
    await client.ask("PUT", PLACE, {"nodes": {}})
    assert await nodes(client) == {}


async def test_two_people_who_move_different_routers_do_not_undo_each_other(client: Client) -> None:
    await client.up()
    await client.ask("PATCH", PLACE, {"nodes": {"west": {"x": 1, "y": 2}}})
    await client.ask("PATCH", PLACE, {"nodes": {"east": {"x": 3, "y": 4}}})
    await client.ask("PATCH", PLACE, {"nodes": {"west": {"x": 5, "y": 6}}})
    assert await nodes(client) == {"west": {"x": 5, "y": 6}, "east": {"x": 3, "y": 4}}
    await client.ask("PATCH", PLACE, {"nodes": {"west": None}})
    assert await nodes(client) == {"east": {"x": 3, "y": 4}}


async def test_what_the_lab_does_not_have_is_not_kept(client: Client) -> None:
    await client.up()
    found = await client.ask("PUT", PLACE, {"nodes": {"nosuch": {"x": 1, "y": 1}, "west": {"x": 1, "y": 1}}})
    assert list(found["nodes"]) == ["west"]
    found = await client.ask("PATCH", PLACE, {"nodes": {"nosuch": {"x": 1, "y": 1}, "also-not": None}})
    assert list(found["nodes"]) == ["west"]


@pytest.mark.parametrize("place", [{"x": 1e9, "y": 0}, {"x": 0}, {"x": "left", "y": 0}, {"x": 0, "y": -1000001}])
async def test_a_place_that_cannot_be_is_refused(client: Client, place: Any) -> None:
    await client.up()
    await client.ask("PATCH", PLACE, {"nodes": {"west": place}}, status=422)
    assert await nodes(client) == {}


async def test_places_go_with_their_lab(client: Client) -> None:
    await client.up()
    await client.ask("PATCH", PLACE, {"nodes": {"west": {"x": 1, "y": 2}}})
    key = (await client.world.database.read(sandboxes.get, "lab")).id
    await client.down()
    assert await client.world.database.read(layouts.of, key) == {}
    await client.ask("GET", PLACE, status=404)


async def test_the_schema_of_a_blueprint_is_one_that_editors_can_use(client: Client) -> None:
    schema = await client.ask("GET", "/blueprints/schema")
    Draft202012Validator.check_schema(schema)
    assert {"routers", "hosts", "wires"} <= set(schema["properties"])
    assert "name: lab" in BLUEPRINT
    assert "name" in schema["required"]
