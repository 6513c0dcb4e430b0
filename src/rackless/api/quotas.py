"""Groups of users, and what users and groups may have."""

from __future__ import annotations

import time

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.identity.mapping import NAME
from rackless.model.errors import InputError
from rackless.model.quotas import BOUNDLESS, LIMITS, Quota
from rackless.sandboxes import quotas
from rackless.store import groups, users
from rackless.workflows.world import World

router = APIRouter(tags=["people"], responses=RESPONSES)


class Limits(BaseModel):
    """Null for no limit. Memory and disk in MiB; `machine_hours` in any seven days; `longest` and `ahead` in seconds."""

    labs: float | None
    routers: float | None
    machines: float | None
    memory: float | None
    processors: float | None
    disk: float | None
    machine_hours: float | None
    longest: float | None
    ahead: float | None


class Used(BaseModel):
    """Held now; `machine_hours` in the last seven days."""

    labs: float
    routers: float
    machines: float
    memory: float
    processors: float
    disk: float
    machine_hours: float


class QuotaBody(BaseModel):
    """What may be had, and what is. `set`: the limits that are not the default; `name` of a user or a group."""

    name: str
    limits: Limits
    set: list[str]
    used: Used


class UserQuota(QuotaBody):
    """`groups`: quotas that the user shares with others."""

    groups: list[QuotaBody]


class QuotaChange(BaseModel):
    """Limits to set, null for none; and those that shall be the default again."""

    limits: dict[str, float | None] = Field({}, description=f"By name: {', '.join(LIMITS)}")
    default: list[str] = Field([], description="Names of limits")

    def check(self) -> None:
        """Raises InputError for a limit that there is not."""
        for name in [*self.limits, *self.default]:
            if name not in LIMITS:
                raise InputError(f"There is no limit '{name}'.", hint=f"Limits are {', '.join(LIMITS)}.")
        for name, value in self.limits.items():
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"The limit {name} cannot be {value:g}.", hint="Give 0 or more, or null for no limit.")


class UserGroup(BaseModel):
    """Its quota is for its users together."""

    name: str
    members: list[str]
    limits: Limits


class NewGroup(BaseModel):
    name: str


def _limits(quota: Quota) -> Limits:
    values = {name: getattr(quota, name) for name in LIMITS}
    return Limits(**{name: None if value == float("inf") else value for name, value in values.items()})


def _body(name: str, bound: quotas.Bound, chosen: groups.Limits, now: float) -> QuotaBody:
    return QuotaBody(name=name, limits=_limits(bound.quota), set=sorted(chosen), used=Used(**bound.used(now)))


def _of_user(db: sa.Connection, here: World, user: str) -> UserQuota:
    now = time.time()
    users.get(db, user)
    ledger = quotas.Ledger(db, here.site.quota, now)
    own = _body(user, ledger.of_user(user), groups.limits_of_users(db).get(user, {}), now)
    chosen = groups.limits_of_groups(db)
    shared = [_body(name, ledger.of_group(name), chosen[name], now) for name in groups.of(db, user)]
    return UserQuota(**dict(own), groups=shared)


def _of_group(db: sa.Connection, here: World, group: str) -> QuotaBody:
    now = time.time()
    groups.check(db, group)
    ledger = quotas.Ledger(db, here.site.quota, now)
    return _body(group, ledger.of_group(group), groups.limits_of_groups(db)[group], now)


@router.get("/users/{user}/quota")
async def show_quota(user: str, here: Here) -> UserQuota:
    """What a user may have, alone and together with their groups, and what they have."""
    return await here.database.read(_of_user, here, user)


@router.patch("/users/{user}/quota")
async def change_quota(user: str, body: QuotaChange, here: Here) -> UserQuota:
    """Labs that are there stay, also where they are beyond it now."""
    body.check()

    def change(db: sa.Connection) -> UserQuota:
        kept = groups.limits_of_users(db).get(user, {})
        groups.limit_user(db, user, quotas.set_limits(kept, body.limits, body.default))
        return _of_user(db, here, user)

    found = await here.database.run(change)
    here.changed.set()
    return found


@router.get("/groups")
async def list_groups(here: Here, asked: Pages) -> Page[UserGroup]:
    """By name."""

    def look(db: sa.Connection) -> list[UserGroup]:
        limits, members = groups.limits_of_groups(db), groups.memberships(db)
        return [UserGroup(name=one, members=sorted(members[one]), limits=_limits(BOUNDLESS.but(limits[one]))) for one in members]

    return asked.of_all(await here.database.read(look), lambda group: (group.name,), lambda group: group, str)


@router.post("/groups", status_code=201)
async def add_group(body: NewGroup, here: Here) -> UserGroup:
    if not NAME.fullmatch(body.name):
        raise InputError(
            f"'{body.name}' cannot be a group's name.", hint="Use small letters, digits and . _ @ -, a letter first."
        )
    await here.database.run(groups.add, body.name)
    return UserGroup(name=body.name, members=[], limits=_limits(BOUNDLESS))


@router.delete("/groups/{group}", status_code=204)
async def remove_group(group: str, here: Here) -> None:
    """Its users stay, and their labs."""
    await here.database.run(groups.remove, group)


@router.put("/groups/{group}/members/{user}", status_code=204)
async def join_group(group: str, user: str, here: Here) -> None:
    """Their labs count for the group from now on."""
    await here.database.run(groups.put, group, user)


@router.delete("/groups/{group}/members/{user}", status_code=204)
async def leave_group(group: str, user: str, here: Here) -> None:
    """Their labs count for the group no longer."""
    await here.database.run(groups.take, group, user)


@router.get("/groups/{group}/quota")
async def show_group_quota(group: str, here: Here) -> QuotaBody:
    """What a group's users may have together, and what they have."""
    return await here.database.read(_of_group, here, group)


@router.patch("/groups/{group}/quota")
async def change_group_quota(group: str, body: QuotaChange, here: Here) -> QuotaBody:
    """Labs that are there stay, also where they are beyond it now."""
    body.check()

    def change(db: sa.Connection) -> QuotaBody:
        groups.check(db, group)
        kept = groups.limits_of_groups(db)[group]
        groups.limit_group(db, group, quotas.set_limits(kept, body.limits, body.default))
        return _of_group(db, here, group)

    found = await here.database.run(change)
    here.changed.set()
    return found
