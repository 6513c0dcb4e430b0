"""The application: its routes, its errors, its document at /openapi.json."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from rackless.api import (
    audit,
    doctor,
    errors,
    images,
    jobs,
    layout,
    machines,
    people,
    plans,
    routers,
    sandboxes,
    server,
    times,
    wires,
)
from rackless.api.guard import guard, logged

PARTS = (server, doctor, audit, images, plans, sandboxes, times, wires, machines, routers, jobs, people, layout)


def _operation(route: APIRoute) -> str:
    return route.name


def make(stop: Callable[[], None]) -> FastAPI:
    """`stop` asks the server to end after the answers under way."""
    app = FastAPI(title="Rackless", version="1", docs_url=None, redoc_url=None, generate_unique_id_function=_operation)
    app.state.stop = stop
    for part in PARTS:
        app.include_router(part.router, dependencies=[Depends(guard)])
    app.middleware("http")(logged)
    errors.install(app)
    return app
