"""Errors as responses, and the one that asks the client for files."""

from __future__ import annotations

import contextlib
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rackless.durable import from_record, to_record
from rackless.model.errors import FilesNeededError, RacklessError

REFUSED = 4000
"""Close code of a websocket after an error was told (RFC 6455, section 7.4.2: from 4000 on for private use)."""


class ProblemBody(BaseModel):
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class ErrorBody(BaseModel):
    """Every answer that is not a success. `problems`: of a blueprint; `files`: names that the server asks for."""

    code: str
    message: str
    hint: str = ""
    problems: list[ProblemBody] = []
    files: list[str] = []


def body_of(error: RacklessError) -> dict[str, Any]:
    record = to_record(error)
    files = list(error.names) if isinstance(error, FilesNeededError) else []
    return ErrorBody(
        code=record["code"], message=record["message"], hint=record["hint"], problems=record.get("problems", []), files=files
    ).model_dump()


def raise_kept(record: dict[str, Any] | None) -> None:
    """Raise the error that a job ended with, if it did."""
    if record is not None:
        raise from_record(record)


async def _ours(connection: Any, error: Exception) -> Any:
    """The answer to a request; a websocket gets the same body in a message, and is closed."""
    assert isinstance(error, RacklessError)
    if not isinstance(connection, WebSocket):
        return JSONResponse(body_of(error), status_code=error.status)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await connection.accept()
        await connection.send_json({"error": body_of(error)})
        await connection.close(REFUSED)
    return None


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse(
        ErrorBody(code="input", message=f"{place}: {first['msg']}.", hint="See /openapi.json.").model_dump(), status_code=422
    )


def install(app: FastAPI) -> None:
    app.add_exception_handler(RacklessError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Your input, or the wrong moment for it"},
    "5XX": {"model": ErrorBody, "description": "The place that makes machines, a deadline, or our fault"},
}
