"""Locks on what labs and people share: who holds which until when, take, renew, give back, break."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.pages import Asked, Page, Pages
from rackless.model.errors import StateError
from rackless.store import locks

router = APIRouter(tags=["locks"], responses=RESPONSES)

LOOK = 0.5
"""Seconds between two tries of one that waits."""
LONGEST_WAIT = 3600.0
LONGEST_LEASE = 7 * 86400.0

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=32, description="Name of the lock")]


class Lock(BaseModel):
    """`token`: number of this acquisition, which grows. `holder`: what of the owner's has it. `expires` null: until the lab's
    end. Times are seconds since the epoch."""

    name: str
    held: bool
    token: int
    owner: str
    holder: str
    since: float
    expires: float | None


class LockEntry(BaseModel):
    """`what`: acquired, taken-over, released or broken."""

    id: int
    token: int
    time: float
    who: str
    what: str
    why: str


class LockWish(BaseModel):
    """`holder`: what wants it, for those who look. `wait`: seconds to wait for it."""

    seconds: float = Field(gt=0, le=LONGEST_LEASE, description="How long it is held, if it is not renewed")
    holder: str = Field("", max_length=100)
    wait: float = Field(0, ge=0, le=LONGEST_WAIT)


class Renewal(BaseModel):
    token: int = Field(ge=1, le=2**31 - 1)
    seconds: float = Field(gt=0, le=LONGEST_LEASE)


class Breaking(BaseModel):
    why: str = Field(min_length=1, max_length=500)


def _shown(row: locks.LockRow, moment: float) -> Lock:
    return Lock(
        name=row.name,
        held=row.held_at(moment),
        token=row.token,
        owner=row.owner,
        holder=row.holder,
        since=row.since,
        expires=row.expires,
    )


@router.get("/locks")
async def list_locks(here: Here, asked: Pages) -> Page[Lock]:
    """Every lock that there was, held or not."""
    rows = await here.database.read(locks.listed)
    moment = await here.database.read(locks.now)
    return asked.of_all(rows, lambda row: (row.name,), lambda row: _shown(row, moment), str)


@router.get("/locks/{lock}/log")
async def lock_log(lock: Name, here: Here, asked: Pages) -> Page[LockEntry]:
    """Who had a lock, newest first."""
    after = _after(asked)
    rows = await here.database.read(locks.entries, lock, after, asked.more)
    return asked.page(
        rows,
        lambda row: (row.id,),
        lambda row: LockEntry(id=row.id, token=row.token, time=row.time, who=row.who, what=row.what, why=row.why),
    )


def _after(asked: Asked) -> int:
    key = asked.after(int)
    return int(key[0]) if key is not None else 0


@router.post("/locks/{lock}", status_code=201)
async def acquire_lock(lock: Name, body: LockWish, here: Here, who: Who) -> Lock:
    """Take a lock, at once or within the time one would wait. A lease that is over may be taken over."""
    end = time.monotonic() + body.wait
    while True:
        try:
            row = await here.database.run(
                locks.acquire, lock, owner=who.name, holder=body.holder or "by hand", seconds=body.seconds
            )
        except StateError:
            if time.monotonic() >= end:
                raise
        else:
            return _shown(row, row.since)
        await asyncio.sleep(min(LOOK, max(end - time.monotonic(), 0.01)))


@router.post("/locks/{lock}/renew")
async def renew_lock(lock: Name, body: Renewal, here: Here, who: Who) -> Lock:
    """Another lease from now on, for its owner with its token."""
    row = await here.database.run(locks.renew, lock, owner=who.name, token=body.token, seconds=body.seconds)
    return _shown(row, row.since)


@router.delete("/locks/{lock}", status_code=204)
async def release_lock(lock: Name, token: Annotated[int, Query(ge=1, le=2**31 - 1)], here: Here, who: Who) -> None:
    """Give a lock back: its owner, with its token."""
    await here.database.run(locks.release, lock, owner=who.name, token=token)
    here.changed.set()  # a lab may wait for it


@router.post("/locks/{lock}/break")
async def break_lock(lock: Name, body: Breaking, here: Here, who: Who) -> Lock:
    """Take a lock away from whoever has it; its log keeps who did, and why."""
    row = await here.database.run(locks.break_, lock, who=who.name, why=body.why)
    here.changed.set()
    return _shown(row, row.since)
