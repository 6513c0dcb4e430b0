"""Claims of an ID token -> a person of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rackless.model.errors import ForbiddenError
from rackless.model.openid import OpenId, Person

NAME = re.compile(r"[a-z][a-z0-9._@-]{0,63}")
RESERVED = frozenset({"local", "rackless"})
"""Names that no user can have: the unix socket's caller, and the service itself in histories."""
ASK = "Ask an admin of this server."


def person(provider: OpenId, claims: Mapping[str, Any]) -> Person:
    """Who these verified claims are of.

    Raises:
        ForbiddenError: they may not come in: their domain, groups or name.
    """
    _check_domain(provider, claims)
    name = claims.get(provider.user_claim)
    if provider.user_claim == "email" and claims.get("email_verified") is not True:
        raise ForbiddenError(f"{provider.title} has not verified the mail address.", hint=ASK)
    if not isinstance(name, str) or not NAME.fullmatch(name.lower()) or name.lower() in RESERVED:
        raise ForbiddenError(
            f"{provider.title} says nothing in '{provider.user_claim}' that can be a user's name.",
            hint="An admin chooses another claim (`user_claim` in the site file).",
        )
    groups = _groups(claims.get(provider.groups_claim))
    roles = [role for group, role in provider.roles.items() if group in groups]
    role = max(roles, key=lambda one: one.rank) if roles else provider.role
    if role is None:
        raise ForbiddenError(f"{name} is in no group of {provider.title} that may come in.", hint=ASK)
    return Person(
        provider=provider.name,
        subject=str(claims["sub"]),
        name=name.lower(),
        role=role,
        mapped=bool(provider.roles),
        groups=frozenset(ours for theirs, ours in provider.groups.items() if theirs in groups),
    )


def _check_domain(provider: OpenId, claims: Mapping[str, Any]) -> None:
    if not provider.domains:
        return
    address = claims.get("email")
    domain = address.rpartition("@")[2].lower() if isinstance(address, str) and "@" in address else ""
    if claims.get("email_verified") is not True or domain not in provider.domains:
        raise ForbiddenError(
            f"Only mail addresses of {', '.join(sorted(provider.domains))} that {provider.title} has verified may come in.",
            hint=ASK,
        )


def _groups(claim: object) -> frozenset[str]:
    """A list of names, or one name."""
    if isinstance(claim, str):
        return frozenset({claim})
    return frozenset(one for one in claim if isinstance(one, str)) if isinstance(claim, list) else frozenset()
