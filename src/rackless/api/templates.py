"""Warm templates: made before they are needed, and pruned with the images that they are of."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.plans import BlueprintText
from rackless.deadline import Deadline
from rackless.providers.contract import Cleanable, Kept, Warming, at
from rackless.sandboxes import booking
from rackless.workflows.world import World

router = APIRouter(tags=["images"], responses=RESPONSES)


class Warmed(BaseModel):
    """A warm template that was made now: `name` says what it is of."""

    place: str
    name: str


@router.post("/images/warm")
async def warm_up(
    body: BlueprintText,
    here: Here,
    wait: Annotated[float, Query(ge=1, le=7200, description="Seconds that it may take")] = 1800.0,
) -> list[Warmed]:
    """Make the warm templates that the machines of this blueprint can start from; those that are there already are not made
    again. One machine of each kind is booted for it, one after the other."""
    blueprint = await body.blueprint(here)
    name = blueprint.name if body.name is None else body.name
    drafted = await here.database.read(booking.draft, blueprint, name, here.place)
    made: list[Warmed] = []
    for place in sorted(drafted.places):
        there = at(here.provider, place)
        if isinstance(there, Warming):
            mine = tuple(spec for spec in drafted.machines if drafted.place_of(spec) == place)
            making = Deadline(wait).wait(there.make_ready(replace(drafted, machines=mine)), f"the templates at {place}")
            made += [Warmed(place=place, name=title) for title in await making]
    return made


async def prune(here: World, *, dry: bool, everything: bool) -> list[tuple[Kept, list[str]]]:
    """The templates there were, and who needs each: what nobody does is gone (with `dry`: would be)."""
    found: list[tuple[Kept, list[str]]] = []
    for place in here.site.everywhere:
        there = at(here.provider, place.name)
        if not isinstance(there, Warming) or not isinstance(there, Cleanable):
            continue
        for one in await there.kept():
            stays = bool(one.used) and not (everything and one.kind == "template")
            if not stays and not dry:
                await there.drop(one)
            found.append((one, [one.used] if stays else []))
    return found
