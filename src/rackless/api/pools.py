"""What labs share: the pools of numbers and who holds them, and the servers that do the work."""

from __future__ import annotations

import os
import socket
import time

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.keepers.heartbeat import SILENT
from rackless.sandboxes import numbers
from rackless.store import pools, servers

router = APIRouter(tags=["site"], responses=RESPONSES)


class Pool(BaseModel):
    """Numbers `first` to `last`, each held by one owner at a time. `labs`: how many each lab holds."""

    name: str
    first: int
    last: int
    taken: int
    labs: dict[str, int]


class Host(BaseModel):
    """A server. `seen`: its last heartbeat; `alive`: it came in time; `this`: the one that answers. Times are seconds since the
    epoch."""

    name: str
    host: str
    pid: int
    started: float
    seen: float
    alive: bool
    this: bool


STARTED = time.time()


@router.get("/pools")
async def list_pools(here: Here, asked: Pages) -> Page[Pool]:
    """Console ports and forwarded ports; segment numbers and console ports of places, called numbers@PLACE (or @FABRIC)."""
    held = await here.database.read(pools.held)
    found = [
        Pool(name=name, first=span.first, last=span.last, taken=sum(held.get(name, {}).values()), labs=held.get(name, {}))
        for name, span in numbers.ranges(here.site).items()
    ]
    return asked.of_all(found, lambda pool: (pool.name,), lambda pool: pool, str)


@router.get("/hosts")
async def list_hosts(here: Here, asked: Pages) -> Page[Host]:
    """The servers on this store; with SQLite there is one."""
    if not here.database.shared:
        alone = Host(
            name="local", host=socket.gethostname(), pid=os.getpid(), started=STARTED, seen=time.time(), alive=True, this=True
        )
        return asked.of_all([alone], lambda one: (one.name,), lambda one: one, str)

    def look(db: sa.Connection) -> list[Host]:
        living = {row.id for row in servers.alive(db, SILENT)}
        rows = sorted(servers.every(db), key=lambda row: row.id not in living)
        return [
            Host(
                name=row.id,
                host=row.host,
                pid=row.pid,
                started=row.started,
                seen=row.seen,
                alive=row.id in living,
                this=row.id == here.server,
            )
            for row in rows
        ]

    return asked.of_all(await here.database.read(look), lambda one: (one.name,), lambda one: one, str)
