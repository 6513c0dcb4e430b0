"""Where a lab's routers and hosts stand in its drawing. Whoever uses the lab sees the same picture."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.store import layouts, sandboxes

router = APIRouter(tags=["labs"], responses=RESPONSES, prefix="/labs/{name}/layout")

FAR = 1_000_000
"""Units from the origin within which things stand: a drawing of 10,000 routers takes a tenth of it."""
MOST = 20_000
"""Names in one request."""

Coordinate = Annotated[float, Field(ge=-FAR, le=FAR, allow_inf_nan=False)]


class Place(BaseModel):
    """The upper left corner in the drawing's units, CSS pixels at 100 %; y grows downward."""

    x: Coordinate
    y: Coordinate


class Layout(BaseModel):
    """`nodes`: by name of router or host. What has no place is laid out automatically by whoever draws."""

    nodes: dict[str, Place] = Field({}, max_length=MOST)


class LayoutChange(BaseModel):
    """`nodes`: the new place of each that moved; null gives it back to the automatic layout."""

    nodes: dict[str, Place | None] = Field({}, max_length=MOST)


@router.get("")
async def show_layout(name: str, here: Here) -> Layout:
    """The places that were chosen."""
    return await here.database.read(_found, name)


@router.put("")
async def put_layout(name: str, body: Layout, here: Here) -> Layout:
    """Exactly these places; none gives all back to the automatic layout. Names that the lab does not have are left out."""

    def put(db: sa.Connection) -> Layout:
        row = sandboxes.get(db, name)
        owners = _owners(row)
        layouts.put(db, row.id, {node: _point(place) for node, place in body.nodes.items() if node in owners})
        return _found(db, name)

    return await here.database.run(put)


@router.patch("")
async def change_layout(name: str, body: LayoutChange, here: Here) -> Layout:
    """Move some, and leave the others where they are."""

    def change(db: sa.Connection) -> Layout:
        row = sandboxes.get(db, name)
        owners = _owners(row)
        moved = {node: _point(place) for node, place in body.nodes.items() if place is not None and node in owners}
        layouts.change(db, row.id, moved, [node for node, place in body.nodes.items() if place is None])
        return _found(db, name)

    return await here.database.run(change)


def _found(db: sa.Connection, name: str) -> Layout:
    row = sandboxes.get(db, name)
    here = _owners(row)
    return Layout(nodes={node: Place(x=at.x, y=at.y) for node, at in layouts.of(db, row.id).items() if node in here})


def _owners(row: sandboxes.SandboxRow) -> frozenset[str]:
    blueprint = row.plan.blueprint
    return frozenset([wish.name for wish in blueprint.routers] + [wish.name for wish in blueprint.hosts])


def _point(place: Place) -> layouts.Point:
    return layouts.Point(x=place.x, y=place.y)
