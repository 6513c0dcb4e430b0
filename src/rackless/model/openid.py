"""OpenID providers that this installation trusts, and what is made of what they say of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rackless.model.people import Role


@dataclass(frozen=True, kw_only=True)
class OpenId:
    """A provider. `secret`: the file that the client's secret is in; None for a client without one. `roles`: by group of the
    provider; who has several gets the highest, who has none `role`, and nobody comes in without one. `groups`: of ours, by the
    provider's. `domains`: of verified mail addresses that may come in; none for all."""

    name: str
    title: str
    issuer: str
    client: str
    secret: Path | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    user_claim: str = "preferred_username"
    groups_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)
    role: Role | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who logs in. `subject`: what the provider never gives to another. `mapped`: the role is the provider's word, at every
    login; else it is that of the first."""

    provider: str
    subject: str
    name: str
    role: Role
    mapped: bool
    groups: frozenset[str]
