"""A place that is this server's own machine, where several servers share the store: to each of them it is another machine.

What one made there the others can't see, and must not miss; and a lab that is made there stays behind when its server dies. So
machines belong at named hosts then, which every server reaches.
"""

from __future__ import annotations

import sqlalchemy as sa

from rackless.model.errors import StateError
from rackless.model.plan import Plan
from rackless.providers.contract import Finding, at
from rackless.store import servers
from rackless.workflows.world import World

KIND = "local"
"""The provider whose places are the server's own machine."""


def places(world: World) -> frozenset[str]:
    """The names of such places of this site."""
    return frozenset(place.name for place in world.site.everywhere if at(world.provider, place.name).info.name == KIND)


async def others(world: World) -> list[str]:
    """The machines of other servers on the store, as they are called."""
    if not world.database.shared:
        return []

    def look(db: sa.Connection) -> list[str]:
        return sorted(f"{row.id} on {row.host}" for row in servers.every(db) if row.id != world.server)

    return await world.database.read(look)


async def unseen(world: World) -> dict[str, str]:
    """Such places of which nothing may be concluded, with the reasons."""
    mine = places(world)
    found = await others(world) if mine else []
    return dict.fromkeys(mine, _why(found)) if found else {}


async def refuse(world: World, plan: Plan) -> None:
    """Raises StateError when the lab would be made on the own machine of one of several servers."""
    taken = [name for name in plan.places if name in await unseen(world)]
    if taken:
        raise StateError(f"At {taken[0]} nothing is made: {_why(await others(world))}.", hint=hint(taken[0]))


async def finding(world: World, place: str) -> Finding | None:
    """What is to be said of this place; None for one that has nothing to do with it."""
    if place not in places(world) or not world.database.shared:
        return None
    found = await others(world)
    return Finding(
        name="one server",
        ok=not found,
        detail=_why(found) if found else "no other works on the store",
        hint=hint(place) if found else "",
    )


def hint(place: str) -> str:
    places = "`places: {NAME: {provider: host, address: ADDRESS}}`"
    return f"Make each machine a host: {places} in place of {place} in site.yaml, then `rackless host add NAME`."


def _why(found: list[str]) -> str:
    return f"other servers work on this store ({', '.join(found)}), and to each of them it is another machine"
