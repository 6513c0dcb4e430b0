"""The primary: who has it, and how it hands over in order (https://patroni.readthedocs.io/en/latest/rest_api.html)."""

from __future__ import annotations

import httpx

from rackless.deadline import Deadline
from rackless.fabric import health
from rackless.fabric.engines import patroni
from rackless.fabric.etcd import Etcd
from rackless.fabric.places import Places
from rackless.model.errors import ProviderError, StateError
from rackless.model.fabric import Layout

SWITCHES = 60.0
"""Seconds for a primary to hand over in order."""


async def primary(etcd: Etcd, layout: Layout) -> str:
    """Id of the node that has it; empty while none has."""
    found = await etcd.get(patroni.leader_key(layout))
    return found.value if found is not None else ""


async def switched(places: Places, etcd: Etcd, layout: Layout, to: str) -> str:
    """To the node of that id, or the best. Returns the id of the node that has it then.

    Raises:
        StateError: there is no primary, or nobody to take it.
    """
    leader = await primary(etcd, layout)
    node = layout.node(leader)
    if node is None:
        raise StateError("There is no primary now.", hint="`rackless fabric status` shows what the databases do.")
    if to == leader:
        return leader
    body = {"leader": leader, **({"candidate": to} if to else {})}
    try:
        async with health.asked(places, answers=SWITCHES) as client:
            answer = await client.post(f"https://{node.address}:{patroni.REST_PORT}/switchover", json=body)
    except httpx.HTTPError as error:
        raise ProviderError(f"Patroni of {node.name} does not answer: {error}.") from error
    if answer.status_code != 200:
        hint = "Wait until a synchronous replica is there: `rackless fabric status`."
        raise StateError(f"The primary stays at {node.name}: {answer.text.strip()}.", hint=hint)
    deadline = Deadline(SWITCHES)
    while (now := await primary(etcd, layout)) in {"", leader}:
        if deadline.over:
            raise deadline.missed("another primary")
        await deadline.pause(0.5)
    return now
