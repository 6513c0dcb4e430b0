"""SNMP v2c -> Inventory."""

from __future__ import annotations

from collections.abc import Collection

from rackless.deadline import Deadline
from rackless.model.inventory import Inventory


async def discover(host: str, port: int, community: str, *, deadline: Deadline, expected: Collection[str] = ()) -> Inventory:
    """What the router at `host` really is; asked again until every port named in `expected` is there."""
    raise NotImplementedError
