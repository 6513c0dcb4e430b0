"""The server itself: what it is, what this machine can do, what images there are, and its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.keepers.maintenance import Duty, Maintenance
from rackless.model.errors import StateError
from rackless.release import SOURCES, build, release
from rackless.store import jobs, pools, sandboxes

router = APIRouter(tags=["server"], responses=RESPONSES)

STARTED = time.time()
BUILD = build()
"""Of the sources that this process was started from; they may change while it runs."""
ZONES = Path("/usr/share/zoneinfo")


def zone(chosen: str | None, local: Path = Path("/etc/localtime")) -> str:
    """The IANA name of this process's time zone: of TZ (POSIX.1, section 8.3, with its colon), or what the system's file is
    a link to. "UTC" where neither tells."""
    if chosen and (ZONES / chosen.removeprefix(":")).is_file():
        return chosen.removeprefix(":")
    target = local.resolve()
    return target.relative_to(ZONES).as_posix() if not chosen and target.is_relative_to(ZONES) else "UTC"


ZONE = zone(os.environ.get("TZ"))


class Server(BaseModel):
    """`build`: version and digest of the sources; a client of another one does not talk to this server. `running`: ids of the
    jobs that run."""

    version: str
    build: str
    sources: str
    pid: int
    since: float
    zone: str
    """The time zone that the server itself tells times in, by its name in the IANA database."""
    provider: str
    accelerator: str
    management: str
    labs: int
    jobs: int
    running: list[str]
    pools: dict[str, int]
    """Numbers taken, by pool."""


class Stopping(BaseModel):
    """`jobs`: ids of those that go on when a server is started again."""

    jobs: list[str]


def _work(db: sa.Connection) -> tuple[list[str], int, dict[str, int]]:
    return jobs.running_ids(db), sandboxes.count(db), pools.count(db)


@router.get("/server")
async def server(here: Here) -> Server:
    info = here.provider.info
    running, labs, taken = await here.database.recall(_work)
    return Server(
        version=release(),
        build=BUILD,
        sources=str(SOURCES.parent),
        pid=os.getpid(),
        since=STARTED,
        zone=ZONE,
        provider=info.name,
        accelerator=info.accelerator,
        management=info.management,
        labs=labs,
        jobs=len(running),
        running=running,
        pools=taken,
    )


@router.post("/server/stop", status_code=202)
async def stop(request: Request, here: Here, pid: int | None = None) -> Stopping:
    """End the server, or only if it is process `pid` still. Labs go on running; jobs go on with the next server."""
    if pid not in (None, os.getpid()):
        raise StateError(f"The server is process {os.getpid()}, not {pid} any more.", hint="Ask GET /server anew.")
    left = [job.id for job in await here.database.read(jobs.running)]
    end: Callable[[], None] = request.app.state.stop
    end()
    return Stopping(jobs=left)


class MaintenanceWish(BaseModel):
    on: bool


class MaintenanceState(BaseModel):
    """`duty`: working, finishing (steps are under way) or idle: it can be stopped, and nothing is lost or waits for it."""

    on: bool
    duty: Duty


def _maintenance(request: Request) -> Maintenance:
    found: Maintenance | None = getattr(request.app.state, "maintenance", None)
    if found is None:
        raise StateError("This server has just been started.", hint="Ask again in a few seconds.")
    return found


@router.get("/server/maintenance")
async def show_maintenance(request: Request) -> MaintenanceState:
    """Of this server: behind a load balancer ask each by its own address, or its unix socket."""
    found = _maintenance(request)
    return MaintenanceState(on=found.duty is not Duty.WORKING, duty=found.duty)


@router.put("/server/maintenance", status_code=202)
async def put_maintenance(request: Request, wish: MaintenanceWish) -> MaintenanceState:
    """On: this server finishes the steps that it is at, hands its jobs on to the others and begins none; load balancers are told
    to send nobody. Off: it works again. It stays so when the server is started anew."""
    found = _maintenance(request)
    await (found.begin() if wish.on else found.end())
    return MaintenanceState(on=found.duty is not Duty.WORKING, duty=found.duty)
