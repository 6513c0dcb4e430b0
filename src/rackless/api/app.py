"""The application: its routes, its errors, its bounds, its document at /openapi.json."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from rackless.api import (
    audit,
    backup,
    blueprints,
    bounds,
    doctor,
    errors,
    events,
    exchange,
    fabric,
    images,
    inventory,
    jobs,
    layout,
    locks,
    machines,
    monitoring,
    once,
    openid,
    page,
    people,
    places,
    plans,
    pools,
    quotas,
    routers,
    sandboxes,
    server,
    session,
    snapshots,
    templates,
    times,
    vm_hosts,
    web,
    wires,
)
from rackless.api.document import describe
from rackless.api.guard import Logged, guard
from rackless.api.requests import Observed
from rackless.api.watching import Watched

PREFIX = "/v1"
"""Version of the API: of every path but those of `BARE`."""
PARTS = (
    server,
    doctor,
    fabric,
    places,
    vm_hosts,
    pools,
    audit,
    backup,
    images,
    plans,
    sandboxes,
    snapshots,
    blueprints,
    templates,
    times,
    wires,
    machines,
    routers,
    exchange,
    inventory,
    jobs,
    layout,
    locks,
    session,
    openid,
    people,
    quotas,
    web,
    events,
)
BARE: tuple[APIRouter, ...] = (monitoring.router, monitoring.health, page.router)
"""Routers whose paths other programs prescribe (health, metrics, the page): no prefix, and they look after their callers."""


def _operation(route: APIRoute) -> str:
    return route.name


def make(stop: Callable[[], None]) -> FastAPI:
    """`stop` asks the server to end after the answers under way."""
    app = FastAPI(title="Rackless", version="1", docs_url=None, redoc_url=None, generate_unique_id_function=_operation)
    app.state.stop = stop
    app.state.ports = web.NoPorts()
    app.state.openid = {}
    for part in PARTS:
        app.include_router(part.router, prefix=PREFIX, dependencies=[Depends(guard)], responses=errors.RESPONSES)
    for router in BARE:
        app.include_router(router)
    app.add_middleware(Watched)
    app.add_middleware(once.Once)
    app.add_middleware(Logged)
    app.add_middleware(bounds.Bounds)
    app.add_middleware(Observed)  # the last is the outermost: it sees what the others refuse
    errors.install(app)
    app.add_exception_handler(once.ReplayError, once.replay)
    describe(app)
    return app
