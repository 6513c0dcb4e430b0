"""The server itself: what it is, what this machine can do, what images there are, and its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Request
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.store import jobs, pools, sandboxes

router = APIRouter(tags=["server"], responses=RESPONSES)

STARTED = time.time()


class Server(BaseModel):
    version: str
    pid: int
    since: float
    provider: str
    accelerator: str
    management: str
    labs: int
    jobs: int
    pools: dict[str, int]
    """Numbers taken, by pool."""


class Stopping(BaseModel):
    """`jobs`: ids of those that go on when a server is started again."""

    jobs: list[str]


@router.get("/server")
async def server(here: Here) -> Server:
    try:
        release = version("rackless")
    except PackageNotFoundError:
        release = "unpackaged"
    info = here.provider.info
    return Server(
        version=release,
        pid=os.getpid(),
        since=STARTED,
        provider=info.name,
        accelerator=info.accelerator,
        management=info.management,
        labs=len(await here.database.run(sandboxes.live)),
        jobs=len(await here.database.run(jobs.running)),
        pools=await here.database.run(pools.count),
    )


@router.post("/server/stop", status_code=202)
async def stop(request: Request, here: Here) -> Stopping:
    """End the server. Labs go on running; jobs go on with the next server."""
    left = [job.id for job in await here.database.run(jobs.running)]
    end: Callable[[], None] = request.app.state.stop
    end()
    return Stopping(jobs=left)
