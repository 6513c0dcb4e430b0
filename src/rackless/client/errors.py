"""An answer that is an error -> the error it was on the server."""

from __future__ import annotations

from typing import Any

from rackless.model.errors import (
    AbsentError,
    BlueprintErrors,
    CapacityError,
    DeadlineError,
    DefectError,
    GuestError,
    InputError,
    NotFoundError,
    Problem,
    ProviderError,
    RacklessError,
    StateError,
)

_KINDS: dict[str, type[RacklessError]] = {
    kind.code: kind
    for kind in (
        InputError,
        NotFoundError,
        StateError,
        CapacityError,
        DeadlineError,
        ProviderError,
        AbsentError,
        GuestError,
        DefectError,
    )
}


class FilesNeededError(InputError):
    """The server asks for files that the blueprint refers to."""

    code = "files-needed"

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class CancelledError(StateError):
    """The job was told to stop."""

    code = "cancelled"


def error_of(body: dict[str, Any]) -> RacklessError:
    """The error of an error body; a code that this version does not know becomes the base class."""
    code, message, hint = str(body.get("code", "")), str(body.get("message", "no message")), str(body.get("hint", ""))
    if body.get("problems"):
        return BlueprintErrors(Problem(**problem) for problem in body["problems"])
    if code == FilesNeededError.code:
        return FilesNeededError(message, tuple(body.get("files", ())))
    if code == CancelledError.code:
        return CancelledError(message, hint=hint)
    return _KINDS.get(code, RacklessError)(message, hint=hint)
