"""What the server of a node says to the node's daemon, on a socket that only the server's user may open."""

from __future__ import annotations

from pathlib import Path

import httpx

from rackless import unencrypted
from rackless.fabric.truth import from_text
from rackless.model.errors import ProviderError, remade
from rackless.model.fabric import Alarm

SOCKET = "fabric.sock"
"""In the folder of the application."""
ACKNOWLEDGE = "/v1/alarms/acknowledge"
ANSWERS = 20.0


async def acknowledged(socket: Path, key: str, who: str) -> Alarm:
    """Raises:
    NotFoundError: there is no such alarm.
    ProviderError: the daemon does not answer.
    """
    transport = unencrypted.asynchronous(socket)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://node", timeout=ANSWERS) as client:
            answer = await client.post(ACKNOWLEDGE, json={"key": key, "who": who})
            found = answer.json()
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise ProviderError("The fabric's daemon on this node does not answer.", hint="Its log says why: node.log.") from error
    if answer.status_code != 200:
        raise remade(str(found["code"]), str(found["message"]), hint=str(found.get("hint", "")))
    return from_text(Alarm, answer.text)
