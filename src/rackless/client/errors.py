"""An answer that is an error -> the error it was on the server."""

from __future__ import annotations

from typing import Any

from rackless.model.errors import BlueprintErrors, FilesNeededError, Problem, RacklessError, remade


def error_of(body: dict[str, Any]) -> RacklessError:
    """The error of an error body; a code that this version does not know becomes the base class."""
    code, message, hint = (
        str(body.get("code", "")),
        str(body.get("detail", body.get("message", "no message"))),
        str(body.get("hint", "")),
    )
    if body.get("problems"):
        return BlueprintErrors(Problem(**problem) for problem in body["problems"])
    if code == FilesNeededError.code:
        return FilesNeededError(body.get("files", ()))
    return remade(code, message, hint=hint)
