"""What the routers of a lab really are, as SNMP told at their last autoload."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.model.inventory import Inventory
from rackless.store import inventory, sandboxes

router = APIRouter(tags=["labs"], responses=RESPONSES)


class FoundCard(BaseModel):
    """A line card in its slot, as the chassis calls it."""

    slot: int
    description: str
    serial: str


class FoundPort(BaseModel):
    """A port as the router calls it. `speed` in bit/s, MTU in bytes; `card`: the slot it is in."""

    name: str
    mac: str
    speed: int
    mtu: int
    admin_up: bool
    oper_up: bool
    description: str
    addresses: list[str]
    card: int | None


class RouterInventory(BaseModel):
    """`taken`: when it was read, in seconds since the epoch; `system_name`: what the router calls itself."""

    router: str
    taken: float
    system_name: str
    system_description: str
    chassis: str
    serial: str
    cards: list[FoundCard]
    ports: list[FoundPort]


@router.get("/labs/{name}/inventory")
async def show_inventory(name: str, here: Here, asked: Pages) -> Page[RouterInventory]:
    """Chassis, cards and ports of each router that was read, by the router's name."""

    def look(db: sa.Connection) -> list[tuple[str, float, Inventory]]:
        return inventory.taken(db, sandboxes.get(db, name).id)

    found = await here.database.read(look)
    return asked.of_all(found, lambda one: (one[0],), lambda one: _shown(*one), str)


def _shown(router: str, taken: float, found: Inventory) -> RouterInventory:
    return RouterInventory(
        router=router,
        taken=taken,
        system_name=found.system_name,
        system_description=found.system_description,
        chassis=found.chassis,
        serial=found.serial,
        cards=[FoundCard(**vars(card)) for card in found.cards],
        ports=[FoundPort(**{**vars(port), "addresses": list(port.addresses)}) for port in found.ports],
    )
