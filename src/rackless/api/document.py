"""The OpenAPI 3.1 document: what every route shares is said here once - problems, and the ways to say who one is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rackless.api.errors import ProblemDetails
from rackless.api.events import BODIES

ABOUT = """Labs of multi-VM virtual routers.

Every error is a problem document (RFC 9457, `application/problem+json`) whose `code` is one of a closed list.
Every list is a page `{items, next}`: `limit` bounds it, `after` takes the `next` of the page before.
Times are seconds since the epoch, memory is in MiB, speeds are in bit/s.
"""
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A user's token, `rkl_...`. The unix socket needs none."},
    "session": {"type": "apiKey", "in": "cookie", "name": "rackless_session", "description": "Of a browser that logged in."},
}


def describe(app: FastAPI) -> None:
    """Let the application answer /openapi.json with the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, openapi_version="3.1.0", description=ABOUT, routes=app.routes
            )
            _share(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _share(made: dict[str, Any]) -> None:
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDetails"] = problem
    for body in BODIES:
        shown = body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(shown.pop("$defs", {}))
        schemas[body.__name__] = shown
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = SCHEMES
    made["security"] = [{name: []} for name in SCHEMES] + [{}]
    for path in made["paths"].values():
        for operation in path.values():
            operation.get("responses", {}).pop("422", None)  # in 4XX, as the problem that it is
