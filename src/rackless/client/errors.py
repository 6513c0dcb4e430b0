"""An answer that is an error -> the error it was on the server."""

from __future__ import annotations

import json
import ssl
from typing import Any

from rackless.model.errors import (
    BlueprintErrors,
    DefectError,
    FilesNeededError,
    InputError,
    Problem,
    RacklessError,
    ServerGoneError,
    UnavailableError,
    remade,
)


def error_of(body: dict[str, Any]) -> RacklessError:
    """The error of an error body (RFC 9457); a code that this version does not know becomes the base class."""
    code, hint = str(body.get("code", "")), str(body.get("hint", ""))
    message = str(body.get("detail") or body.get("message") or body.get("title") or "no message")
    if body.get("problems"):
        return BlueprintErrors(Problem(**problem) for problem in body["problems"])
    if code == FilesNeededError.code:
        return FilesNeededError(body.get("files", ()))
    return remade(code, message, hint=hint)


def error_in(content: bytes, status: int, where: str) -> RacklessError:
    """The error of an answer with this status. `where`: the server, for what an answer says that is none of ours: a load balancer
    that has no server at the moment (503), or lost it under way (502, 504)."""
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if isinstance(body, dict) and "code" in body:
        return error_of(body)
    if status == 503:
        return UnavailableError(f"No server stands behind {where} at the moment.", hint="Run the same command again.")
    if status in {502, 504}:
        return ServerGoneError(f"The server behind {where} went away ({status}).", hint="Run the same command again.")
    if status == 404:
        return RacklessError(f"{where} does not speak this version of Rackless's API.", hint="Is the address right?")
    return DefectError(f"{where} answered with status {status} and no reason.", hint="The server's log tells more.")


def gone(where: str, error: Exception) -> RacklessError:
    """Of a connection that broke or did not come to be. A ServerGoneError may pass; a certificate does not get better."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return InputError(
                f"{where} has a certificate that is not trusted: {cause.verify_message}.",
                hint="Give its CA, or the certificate itself if it signed that: `rackless login URL --ca FILE`, or RACKLESS_CA.",
            )
        cause = cause.__cause__ or cause.__context__
    return ServerGoneError(f"{where} went away ({error or type(error).__name__}).", hint="Run the same command again.")
