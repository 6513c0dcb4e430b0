"""`rpc-error` (RFC 6241, section 4.3)."""

from __future__ import annotations

from ..xmltree import Element

SENSIBLE = {
    "access-denied": "protocol",
    "operation-not-supported": "protocol",
    "malformed-message": "rpc",
    "missing-element": "protocol",
    "unknown-element": "protocol",
    "bad-element": "protocol",
    "bad-attribute": "protocol",
    "missing-attribute": "protocol",
    "unknown-attribute": "protocol",
    "lock-denied": "protocol",
    "in-use": "protocol",
    "invalid-value": "protocol",
    "too-big": "rpc",
    "data-exists": "application",
    "data-missing": "application",
    "operation-failed": "application",
}
"""error-type that goes with each error-tag used here."""


class RpcError(Exception):
    """One error or warning. `info` are elements for error-info, as (name, text)."""

    def __init__(self, tag: str, message: str, *, type_: str = "", severity: str = "error", path: str = "",
                 bad: str = "", info: tuple[tuple[str, str], ...] = ()) -> None:  # fmt: skip
        super().__init__(message)
        self.tag = tag
        self.message = message
        self.type = type_ or SENSIBLE.get(tag, "application")
        self.severity = severity
        self.path = path
        self.info = (*((("bad-element", bad),) if bad else ()), *info)

    def element(self) -> Element:
        made = Element("rpc-error")
        made.add("error-type", self.type)
        made.add("error-tag", self.tag)
        made.add("error-severity", self.severity)
        if self.path:
            made.add("error-path", self.path)
        made.add("error-message", self.message)
        if self.info:
            info = made.add("error-info")
            for name, text in self.info:
                info.add(name, text)
        return made


class Errors(Exception):
    """Several at once."""

    def __init__(self, errors: list[RpcError]) -> None:
        super().__init__(errors[0].message if errors else "")
        self.errors = errors


def warning(message: str) -> RpcError:
    return RpcError("operation-failed", message, severity="warning")


def syntax(bad: str) -> RpcError:
    """What the dialect says of a word that it does not know."""
    return RpcError("operation-failed", "syntax error", type_="protocol", bad=bad)
