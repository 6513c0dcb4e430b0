"""Who may do what: four roles, each with all that those before it may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    """Looks at the labs that are shared with them."""
    USER = "user"
    """Makes labs, and uses those that are shared with them."""
    OPERATOR = "operator"
    """Uses every lab, and sees what is hidden from users: card machines, internal networks, leftovers."""
    ADMIN = "admin"
    """Users, quotas, images, the server itself."""

    @property
    def rank(self) -> int:
        return list(Role).index(self)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks. `via`: `socket` (the unix socket, whose file permissions let only the server's own user in), `token`, or
    `session` (a browser's); then `session` is its number."""

    name: str
    role: Role
    via: str
    session: int | None = None

    def has(self, role: Role) -> bool:
        return self.role.rank >= role.rank


LOCAL = Caller(name="local", role=Role.ADMIN, via="socket")
"""Whoever may open the unix socket."""
