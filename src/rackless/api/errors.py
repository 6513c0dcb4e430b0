"""Errors as RFC 9457 problem documents, whatever was asked and whoever found the fault: one form, one closed list of codes."""

from __future__ import annotations

import contextlib
import logging
import math
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from rackless import postgresql
from rackless.durable import from_record, to_record
from rackless.model.errors import (
    TITLES,
    Code,
    DefectError,
    FilesNeededError,
    ForbiddenError,
    InputError,
    MalformedError,
    MethodError,
    NotFoundError,
    RacklessError,
    RateLimitedError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)

log = logging.getLogger(__name__)

REFUSED = 4000
"""Close code of a websocket after an error was told (RFC 6455, section 7.4.2: from 4000 on for private use)."""
MEDIA = "application/problem+json"
PREFIX = "urn:rackless:problem:"
"""Of the type of a problem; its code follows."""

OF_STATUS: dict[int, type[RacklessError]] = {
    400: MalformedError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodError,
    413: TooLargeError,
    422: InputError,
    429: RateLimitedError,
}
"""What the framework says by a status alone."""


class ProblemBody(BaseModel):
    """One thing that is wrong with a blueprint. Lines and columns count from 1; 0 where the place is not known."""

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class ProblemDetails(BaseModel):
    """Every answer that is not a success (RFC 9457). `detail`: one sentence with the values that differ; `hint`: the way out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:rackless:problem:not-found",
                    "title": "There is no such thing",
                    "status": 404,
                    "detail": "There is no lab named wset.",
                    "code": "not-found",
                    "hint": "Did you mean 'west'? `rackless list` shows the labs.",
                    "problems": [],
                    "files": [],
                }
            ]
        }
    )

    type: str = Field(description=f"`{PREFIX}` and the code")
    title: str = Field(description="What all problems of this code have in common")
    status: int = Field(description="The status of the answer")
    detail: str
    code: Code = Field(description="One of a closed list: what programs decide by")
    hint: str = ""
    problems: list[ProblemBody] = Field([], description="Of a blueprint, all at once")
    files: list[str] = Field([], description="Names that the server asks for (code files-needed)")


def body_of(error: RacklessError, status: int | None = None) -> dict[str, Any]:
    """The problem document of an error, ready for JSON. A websocket and a stream of lines carry the same."""
    record = to_record(error)
    code = Code(error.code)
    return ProblemDetails(
        type=PREFIX + code.value,
        title=TITLES[code],
        status=error.status if status is None else status,
        detail=error.message,
        code=code,
        hint=error.hint,
        problems=record.get("problems", []),
        files=list(error.names) if isinstance(error, FilesNeededError) else [],
    ).model_dump(mode="json")


def answer_to(error: RacklessError, *, status: int | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that this error is."""
    told = dict(headers or {})
    if isinstance(error, RateLimitedError | UnavailableError):
        told["Retry-After"] = str(max(1, math.ceil(error.seconds)))
    if isinstance(error, UnauthorizedError):
        told["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1: a 401 says how
    body = body_of(error, status)
    return JSONResponse(body, status_code=body["status"], headers=told, media_type=MEDIA)


def raise_kept(record: dict[str, Any] | None) -> None:
    """Raise the error that a job ended with, if it did."""
    if record is not None:
        raise from_record(record)


async def _ours(connection: Any, error: Exception) -> Any:
    """The answer to a request; a websocket gets the same body in a message, and is closed."""
    assert isinstance(error, RacklessError)
    if not isinstance(connection, WebSocket):
        return answer_to(error)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await connection.accept()
        await connection.send_json({"error": body_of(error)})
        await connection.close(REFUSED)
    return None


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        place, reason = first["loc"][-1], first["ctx"]["error"]
        return answer_to(MalformedError(f"The body is not JSON: {reason} at character {place}."))
    place = ".".join(str(part) for part in first["loc"])
    return answer_to(InputError(f"{place}: {first['msg']}.", hint="/openapi.json has every body and parameter."))


async def _framework(connection: Any, error: Exception) -> Any:
    """What routing and the reading of bodies say: no such path, no such method, too large."""
    assert isinstance(error, HTTPException)
    if isinstance(connection, WebSocket) or error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    status, path = error.status_code, connection.url.path
    kind = OF_STATUS.get(status, MalformedError if status < 500 else DefectError)
    said = {
        404: (f"There is no {path} here.", "Paths begin with /v1; /openapi.json has them all."),
        405: (f"{path} does not take {connection.method}.", "/openapi.json has the methods of every path."),
    }
    message, hint = said.get(status, (f"{error.detail or HTTPStatus(status).phrase}.".replace("..", "."), ""))
    return answer_to(kind(message, hint=hint), status=status, headers=dict(error.headers or {}))


async def _unstorable(_: Request, error: Exception) -> Response:
    """PostgreSQL takes no NUL in a text, no number beyond its type."""
    log.info("refused by the store: %s", error)
    return answer_to(InputError("The request holds a character or a number that cannot be kept."))


async def _database(connection: Any, error: Exception) -> Any:
    """Of a route that reads at length by a connection of its own (a backup)."""
    if not postgresql.away(error):
        raise error
    log.warning("the database is away: %s", error)
    return await _ours(connection, UnavailableError("The database is away for the moment.", hint="Ask again in a few seconds."))


async def _defect(_: Request, error: Exception) -> Response:
    """Whatever nobody foresaw. The server logs it with its trace (uvicorn)."""
    defect = DefectError(
        f"The server failed unexpectedly ({type(error).__name__}).", hint="Its log is server.log in its state directory."
    )
    return answer_to(defect)


def install(app: FastAPI) -> None:
    app.add_exception_handler(RacklessError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(sa.exc.DataError, _unstorable)
    app.add_exception_handler(sa.exc.DBAPIError, _database)
    app.add_exception_handler(Exception, _defect)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Your input, or the wrong moment for it",
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    },
    "5XX": {
        "description": "The place that makes machines, a deadline, or our fault",
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    },
}
"""Said once for all routes by `app.make`; kept on routers for those that are shown alone."""
