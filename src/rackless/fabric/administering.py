"""How the commands of a node ask its daemon: over a socket that only root may open. Loads nothing of what the daemon needs."""

from __future__ import annotations

from typing import Any

import httpx

from rackless import unencrypted
from rackless.fabric.places import Places, find
from rackless.model.errors import NotFoundError, ProviderError, RacklessError, remade


async def administer(
    places: Places, method: str, verb: str, body: dict[str, Any] | None = None, *, answers: float = 120.0
) -> Any:
    """Ask this node's daemon. `answers`: seconds that it may take.

    Raises:
        NotFoundError: this machine is no node.
        ProviderError: its daemon does not answer.
    """
    if find(places) is None:
        raise NotFoundError(
            "This machine is no node of a fabric.", hint="`rackless fabric init` begins one, `rackless fabric join` joins."
        )
    transport = unencrypted.asynchronous(places.socket)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://node", timeout=answers) as client:
            answer = await client.request(method, f"/v1/{verb}", json=body)
    except (httpx.HTTPError, OSError) as error:
        hint = f"Its log is in {places.log}: node.log."
        raise ProviderError("The daemon of this node does not answer.", hint=hint) from error
    if answer.status_code >= 400:
        raise as_error(answer)
    return answer.json() if answer.content else None


def as_error(answer: httpx.Response) -> RacklessError:
    """What a node refused with."""
    try:
        found = dict(answer.json())
        return remade(str(found["code"]), str(found["message"]), hint=str(found.get("hint", "")))
    except (ValueError, KeyError):
        return ProviderError(f"The node answered {answer.status_code}.")
