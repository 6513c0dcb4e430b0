"""Whose quota a lab counts for, and whether it fits. Functions over one transaction: who comes second sees what the first booked.

A user's limits are the site's default, with what was set for the user in its place. A group's limits are for its users together.
Operators and admins are bound by what was set for themselves, and count for no group; `local` is bound by nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from rackless.model.calendar import Amounts, Shortage, Span, Stay, unit
from rackless.model.durations import spoken
from rackless.model.errors import QuotaError
from rackless.model.people import Role
from rackless.model.quotas import BOUNDLESS, Quota
from rackless.planning.calendar import Calendar, Limit, earliest, share
from rackless.planning.quotas import WINDOW, Hours
from rackless.store import groups, sandboxes, usage, users

ASK = "Ask an admin for more (`rackless quota show` says what you have)."


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A quota, and all that counts for it. `whose`: in words."""

    whose: str
    quota: Quota
    stays: tuple[Stay, ...]

    @property
    def limits(self) -> tuple[Limit, Limit]:
        return Calendar(self.quota.amounts, self.stays), Hours(self.quota.machine_hours, self.stays)

    def used(self, now: float) -> dict[str, float]:
        """What is held now, and the machine-hours of the last seven days."""
        held = Calendar(self.quota.amounts, self.stays).held(now)
        counted = {name: getattr(held, name) for name in ("labs", "routers", "machines", "memory", "processors", "disk")}
        return {**counted, "machine_hours": Hours(math.inf, self.stays).used(now)}


class Ledger:
    """All quotas and all that is booked. Each is read at most once, and what is booked only where a quota or the queue asks."""

    def __init__(self, db: sa.Connection, default: Quota, now: float, *, but: int = 0) -> None:
        self._db = db
        self._roles = {row.name: row.role for row in users.all_users(db)}
        self._own = groups.limits_of_users(db)
        self._default = default
        self._groups = groups.memberships(db)
        self._of_groups = groups.limits_of_groups(db)
        self._now = now
        self._but = but
        self._added: list[usage.Use] = []

    @cached_property
    def _stays(self) -> defaultdict[str, list[Stay]]:
        found: defaultdict[str, list[Stay]] = defaultdict(list)
        for use in (*usage.since(self._db, self._now, self._now - WINDOW, but=self._but), *self._added):
            found[use.owner].append(use.stay)
        return found

    def add(self, owner: str, stay: Stay) -> None:
        """Count this too."""
        if "_stays" in vars(self):
            self._stays[owner].append(stay)
        else:
            self._added.append(usage.Use(owner=owner, stay=stay))

    def of_user(self, name: str) -> Bound:
        """Their own quota, and all they have."""
        return Bound(whose=name, quota=self._quota(name), stays=tuple(self._stays[name]))

    def of_group(self, name: str) -> Bound:
        found = tuple(stay for user in sorted(self._groups[name]) if self._ordinary(user) for stay in self._stays[user])
        return Bound(whose=f"the group {name}", quota=self._quota_of_group(name), stays=found)

    def bounds(self, owner: str) -> list[Bound]:
        """What a lab of this owner counts for, and is limited by."""
        found = [self.of_user(owner)] if self._quota(owner) != BOUNDLESS else []
        for name in sorted(self._groups) if self._ordinary(owner) else []:
            if owner in self._groups[name] and self._quota_of_group(name) != BOUNDLESS:
                found.append(self.of_group(name))
        return found

    def limits(self, owner: str) -> list[Limit]:
        return [limit for bound in self.bounds(owner) for limit in bound.limits]

    def _quota(self, name: str) -> Quota:
        """Boundless for who has none."""
        if name not in self._roles:
            return BOUNDLESS
        return (self._default if self._ordinary(name) else BOUNDLESS).but(self._own.get(name, {}))

    def _quota_of_group(self, name: str) -> Quota:
        return BOUNDLESS.but(self._of_groups[name])

    def tally(self, capacity: Amounts) -> dict[str, float]:
        """What each owner has, for the order of the queue: their share of the place now, and on average in seven days."""
        found: dict[str, float] = {}
        for owner, stays in self._stays.items():
            found[owner] = sum(share(stay.amounts, capacity) * self._weight(stay.span) for stay in stays)
        return found

    def _weight(self, span: Span) -> float:
        past = max(min(span.ends, self._now) - max(span.begins, self._now - WINDOW), 0.0) / WINDOW
        return past + (1.0 if span.begins <= self._now < span.ends else 0.0)

    def _ordinary(self, name: str) -> bool:
        return name in self._roles and self._roles[name].rank < Role.OPERATOR.rank


def check(ledger: Ledger, owner: str, lab: str, amounts: Amounts, span: Span, *, now: float, queue: bool = False) -> bool:
    """False when it has to wait for the quota.

    Args:
        ledger: without the lab itself.
        queue: it may wait.

    Raises:
        QuotaError: it is more than the owner may have, says how much and when it would fit.
    """
    bounds = ledger.bounds(owner)
    for bound in bounds:
        _check_times(bound, lab, span, now)
        for limit in bound.limits:
            lacks = limit.shortage(amounts, span)
            if lacks is not None:
                first = earliest([one for each in bounds for one in each.limits], amounts, span.length, span.begins)
                if queue and first is not None:
                    return False
                raise QuotaError(f"Lab {lab} is beyond the quota of {bound.whose}: {_told(lacks, now)}.", hint=_way_out(first))
    return True


def check_growth(
    db: sa.Connection, found: sandboxes.SandboxRow, amounts: Amounts, default: Quota, now: float, *, queue: bool = False
) -> None:
    """A lab that is booked takes this from now on.

    Raises:
        QuotaError: it is more than its owner may have.
    """
    ledger = Ledger(db, default, now, but=found.id)
    begins = max(found.span.begins, now)
    if found.span.begins < now and not queue:
        past = Span(begins=found.span.begins, ends=now)
        ledger.add(found.owner, Stay(sandbox=found.name, span=past, amounts=found.amounts))
    span = Span(begins=begins, ends=max(found.span.ends, now + 1) if not queue else begins + found.span.length)
    check(ledger, found.owner, found.name, amounts, span, now=now, queue=queue)


def _check_times(bound: Bound, lab: str, span: Span, now: float) -> None:
    quota = bound.quota
    if span.length > quota.longest:
        asked = "it has no end" if span.length == math.inf else f"this is {spoken(span.length)}"
        raise QuotaError(
            f"The quota of {bound.whose} is {spoken(quota.longest)} for a booking, and {asked}.",
            hint=f"Say `--for {spoken(quota.longest).replace(' ', '')}` or less. {ASK}",
        )
    begins = span.begins - now
    if begins > quota.ahead:
        raise QuotaError(
            f"The quota of {bound.whose} is to book {spoken(quota.ahead)} ahead, and lab {lab} begins in {spoken(begins)}.",
            hint=f"Book it later. {ASK}",
        )


def _told(lacks: Shortage, now: float) -> str:
    from rackless.sandboxes.times import moment

    when = f" on {moment(lacks.at)}" if lacks.at > now else ""
    return f"it takes {lacks.wanted:g} {unit(lacks.resource)}, and {max(lacks.free, 0):.4g} of {lacks.most:g} are left{when}"


def _way_out(first: float | None) -> str:
    from rackless.sandboxes.times import moment

    if first is None:
        return f"Make it smaller or shorter, or end another lab. {ASK}"
    return f"It would fit from {moment(first)} on: say `--from` that, or `--queue` to wait for it. {ASK}"


def set_limits(kept: Mapping[str, float | None], changes: Mapping[str, float | None], cleared: Sequence[str]) -> groups.Limits:
    """What is set after a change."""
    return {name: value for name, value in {**kept, **changes}.items() if name not in cleared}
