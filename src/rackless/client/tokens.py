"""A login -> a token, by a session that ends with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from rackless.client.errors import error_in, gone
from rackless.client.kept import Login
from rackless.client.places import Remote

ASKING = 30.0
CHANGES = {"X-Rackless": "1"}
"""With a session's cookie, a request that changes something says that no foreign page made it."""


def make_token(base: str, ca: str, proof: dict[str, str], *, label: str, seconds: float | None) -> Login:
    """Log in, make a token, log out.

    Args:
        proof: `user` and `password`, or a `ticket`.
        seconds: how long the token is good; None: until it is revoked.

    Raises:
        RacklessError: the password or the ticket is wrong, or the server can't be reached.
    """
    place = Remote(base=base, ca=ca)
    tls = place.tls
    with httpx.Client(base_url=base, timeout=ASKING, verify=tls or True, trust_env=tls is not None, headers=CHANGES) as http:

        def ask(method: str, path: str, body: Any = None) -> Any:
            try:
                answer = http.request(method, path, json=body)
            except httpx.TransportError as error:
                raise gone(place.name, error) from error
            if not answer.is_success:
                raise error_in(answer.content, answer.status_code, place.name)
            return answer.json() if answer.content else None

        user = str(ask("POST", "/v1/session", proof)["name"])
        try:
            made = ask("POST", f"/v1/users/{quote(user, safe='')}/tokens", {"label": label, "seconds": seconds})
        finally:
            ask("DELETE", "/v1/session")
    return Login(token=str(made["token"]), ca=ca, label=label, user=user)
