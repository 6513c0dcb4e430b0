"""What nodes ask each other's daemons (serving.py), each showing its certificate."""

from __future__ import annotations

import logging
from typing import Any

import httpx

from rackless.fabric import health
from rackless.fabric.places import PEER_PORT, Places
from rackless.model.errors import RacklessError
from rackless.model.fabric import Node

log = logging.getLogger(__name__)


async def ask(places: Places, node: Node, method: str, verb: str, body: object = None) -> dict[str, Any] | None:
    """Its answer; None if it does not answer, or refuses: the log says why."""
    try:
        async with health.asked(places) as client:
            answer = await client.request(method, f"https://{node.address}:{PEER_PORT}/v1/{verb}", json=body)
        found = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError, OSError, RacklessError) as error:
        log.info("%s does not answer: %s", node.name, error or type(error).__name__)
        return None
    if answer.status_code >= 400:
        log.info("%s refuses: %s", node.name, found.get("message", answer.status_code))
        return None
    return dict(found)
