"""Logging in: how often it may be tried, and by what a session is opened. Functions over one transaction.

Every attempt is counted before the password is looked at, so that many at once gain nothing. Three counts are kept: of a user
from one source, of a source, and of a user from anywhere. Each gives some attempts for nothing; after those the wait doubles
with each one that follows, up to a bound. The bound for a user from anywhere is low: a stranger may slow a user down by guessing,
and not keep them out.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.errors import RateLimitedError, UnauthorizedError
from rackless.store import sessions, users


@dataclass(frozen=True, kw_only=True)
class Patience:
    """`free` attempts cost nothing; each after them waits 1, 2, 4, ... seconds, `most` at most."""

    free: int
    most: float

    def wait(self, count: int) -> float:
        """Seconds from the `count`-th attempt in a row until the next is let through."""
        if count < self.free:
            return 0.0
        return min(self.most, 2.0 ** min(count - self.free, 30))


PAIR, SOURCE, USER = Patience(free=5, most=300), Patience(free=20, most=300), Patience(free=40, most=10)
QUIET = 3600.0
"""Seconds without an attempt after which the count begins anew."""


def attempt(db: sa.Connection, user: str, source: str, now: float) -> None:
    """Count an attempt.

    Raises:
        RateLimitedError: it comes too soon after those before it; then it is not counted.
    """
    sessions.forget_old_tries(db, now - QUIET)
    counts = []
    for key, patience in _keys(user, source):
        count, last = sessions.tried(db, key)
        left = last + patience.wait(count) - now
        if count and left > 0:
            seconds = math.ceil(left)
            raise RateLimitedError(
                f"There were too many attempts to log in; the next may come in {seconds} s.", hint="Wait.", seconds=seconds
            )
        counts.append((key, count + 1))
    for key, count in counts:
        sessions.count_try(db, key, count, now)


def succeeded(db: sa.Connection, user: str, source: str) -> None:
    """The password was right: those before it were slips. What else the source tried still counts."""
    (key, _), *others = _keys(user, source)
    sessions.forget_tries(db, key)
    for other, _ in others:
        count, last = sessions.tried(db, other)
        if count > 1:
            sessions.count_try(db, other, count - 1, last)
        else:
            sessions.forget_tries(db, other)


def _keys(user: str, source: str) -> list[tuple[str, Patience]]:
    source = network(source)
    return [(f"pair {source} {user}", PAIR), (f"source {source}", SOURCE), (f"user {user}", USER)]


def network(source: str) -> str:
    """The address, or of an IPv6 address the /64: one host has all of that (RFC 4291, section 2.5.1)."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else source


def redeem(db: sa.Connection, ticket: str, now: float, *, local: str, source: str, agent: str) -> tuple[sessions.SessionRow, str]:
    """The session that a ticket opens, and its secret. `local`: name of who comes by the unix socket, who is no user.

    Raises:
        UnauthorizedError: it was taken already, has expired, or its user may not come in any more.
    """
    taken = sessions.take(db, ticket, now)
    user = users.find(db, taken[0]) if taken else None
    if taken is None or (taken[0] != local and (user is None or user.disabled)):
        raise UnauthorizedError("That ticket is not known: it opens once, within a minute.", hint="`rackless web` makes another.")
    return sessions.open_(db, taken[0], how="ticket", source=source, agent=agent, expires=taken[1])
