"""A password -> a token, by a session that ends with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from rackless.client.errors import error_in, gone
from rackless.client.places import Remote

ASKING = 30.0
CHANGES = {"X-Rackless": "1"}
"""With a session's cookie, a request that changes something says that no foreign page made it."""


def token_by_password(base: str, ca: str, user: str, password: str, *, label: str, seconds: float | None) -> str:
    """Log in, make a token, log out.

    Raises:
        RacklessError: the password is wrong, or the server can't be reached.
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

        ask("POST", "/v1/session", {"user": user, "password": password})
        try:
            made = ask("POST", f"/v1/users/{quote(user, safe='')}/tokens", {"label": label, "seconds": seconds})
        finally:
            ask("DELETE", "/v1/session")
    return str(made["token"])
