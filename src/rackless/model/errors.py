"""Every error Rackless raises on purpose.

    RacklessError                 code, message, hint; what the user sees is `message` and then `Hint: hint`
    ├── InputError                the user's input is wrong; repeating it unchanged cannot succeed   (HTTP 422)
    │   ├── BlueprintErrors       every problem of one blueprint at once, each with its place
    │   ├── UnauthorizedError     nobody knows who asks                                                (HTTP 401)
    │   ├── ForbiddenError        the one who asks may not                                             (HTTP 403)
    │   ├── FilesNeededError      the blueprint refers to files that were not sent along
    │   ├── MalformedError        not what the API takes at all: broken JSON, text that is no Unicode   (HTTP 400)
    │   ├── MethodError           the path is there, but not for that method                            (HTTP 405)
    │   ├── TooLargeError         the body of the request is larger than any may be                     (HTTP 413)
    │   ├── IdempotencyError      an Idempotency-Key came with another request before                   (HTTP 422)
    │   ├── RateLimitedError      too many requests; says when to come again                            (HTTP 429)
    │   └── NotFoundError         no such sandbox, machine, port, image or job                       (HTTP 404)
    ├── StateError                right request, wrong moment (a lab of that name exists, a job runs) (HTTP 409)
    │   └── CancelledError        the job was told to stop
    ├── CapacityError             the site cannot bear it now: memory, disk, pool empty              (HTTP 409)
    │   └── QuotaError            the site could, but it is more than its owner may have                             (HTTP 409)
    ├── DeadlineError             something awaited did not come in time; says what was awaited      (HTTP 504)
    ├── UnavailableError          the database is away (a failover, a restart); says when to come again (HTTP 503)
    ├── ProviderError             the place that makes machines refused or failed                    (HTTP 502)
    │   ├── ServerGoneError       the connection to the server broke (only clients raise it)
    │   ├── AbsentError           what the verb needs is not there (never raised by remove/detach)
    │   ├── GuestError            the guest answered, and said no: failed commit, refused login
    │   └── HookError             a hook of the user's or the site's failed
    └── DefectError               our fault: an invariant does not hold                              (HTTP 500)

`message` is one sentence naming the values that differ. `hint` is one sentence that says the way out. `code` is one of `Code`,
the closed list that programs may rely on: a subclass elsewhere in the tree keeps its parent's, or is given one here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Every code that an error can have, in an answer of the API and in the record of a job."""

    ERROR = "error"
    INPUT = "input"
    BLUEPRINT = "blueprint"
    FILES_NEEDED = "files-needed"
    MALFORMED = "malformed"
    METHOD = "method-not-allowed"
    TOO_LARGE = "too-large"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    IDEMPOTENCY = "idempotency"
    RATE_LIMITED = "rate-limited"
    STATE = "state"
    CANCELLED = "cancelled"
    CAPACITY = "capacity"
    QUOTA = "quota"
    DEADLINE = "deadline"
    UNAVAILABLE = "unavailable"
    PROVIDER = "provider"
    SERVER_GONE = "server-gone"
    ABSENT = "absent"
    GUEST = "guest"
    HOOK = "hook"
    DEFECT = "defect"


TITLES: Mapping[Code, str] = {
    Code.ERROR: "Something failed",
    Code.INPUT: "The input is wrong",
    Code.BLUEPRINT: "The blueprint is wrong",
    Code.FILES_NEEDED: "Files are needed that were not sent",
    Code.MALFORMED: "The request cannot be read",
    Code.METHOD: "There is no such method here",
    Code.TOO_LARGE: "The request is too large",
    Code.UNAUTHORIZED: "It is not known who asks",
    Code.FORBIDDEN: "That is not allowed",
    Code.NOT_FOUND: "There is no such thing",
    Code.IDEMPOTENCY: "The idempotency key was used for another request",
    Code.RATE_LIMITED: "Too many requests",
    Code.STATE: "Not now",
    Code.CANCELLED: "The job was cancelled",
    Code.CAPACITY: "There is not enough of it",
    Code.QUOTA: "It is beyond a quota",
    Code.DEADLINE: "It did not come in time",
    Code.UNAVAILABLE: "Not available for the moment",
    Code.PROVIDER: "The place that makes machines failed",
    Code.SERVER_GONE: "The server went away",
    Code.ABSENT: "What it needs is not there",
    Code.GUEST: "The guest refused",
    Code.HOOK: "A hook failed",
    Code.DEFECT: "A defect of Rackless",
}
"""What all errors of a code have in common, in a few words (RFC 9457, `title`)."""


class RacklessError(Exception):
    """Base of the tree. `made` names what was already made when the error came, so that it can be undone."""

    code: Code = Code.ERROR
    status = 500

    def __init__(self, message: str, *, hint: str = "", made: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.made = made

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class InputError(RacklessError):
    code = Code.INPUT
    status = 422


class NotFoundError(InputError):
    code = Code.NOT_FOUND
    status = 404


class MalformedError(InputError):
    code = Code.MALFORMED
    status = 400


class MethodError(InputError):
    code = Code.METHOD
    status = 405


class TooLargeError(InputError):
    code = Code.TOO_LARGE
    status = 413


class IdempotencyError(InputError):
    code = Code.IDEMPOTENCY


class RateLimitedError(InputError):
    """`seconds` until the next request is taken."""

    code = Code.RATE_LIMITED
    status = 429

    def __init__(self, message: str, *, hint: str = "", made: tuple[str, ...] = (), seconds: float = 1) -> None:
        super().__init__(message, hint=hint, made=made)
        self.seconds = seconds


class UnauthorizedError(InputError):
    code = Code.UNAUTHORIZED
    status = 401


class ForbiddenError(InputError):
    code = Code.FORBIDDEN
    status = 403


class StateError(RacklessError):
    code = Code.STATE
    status = 409


class CancelledError(StateError):
    """The job was told to stop. Recorded like any other error, so that a resumed job stops at the same place."""

    code = Code.CANCELLED


class CapacityError(RacklessError):
    code = Code.CAPACITY
    status = 409


class QuotaError(CapacityError):
    code = Code.QUOTA


class DeadlineError(RacklessError):
    code = Code.DEADLINE
    status = 504


class UnavailableError(RacklessError):
    """Nothing was done, unless the message says that it is not known. `seconds` until it is worth to ask again."""

    code = Code.UNAVAILABLE
    status = 503

    def __init__(self, message: str, *, hint: str = "", made: tuple[str, ...] = (), seconds: float = 2) -> None:
        super().__init__(message, hint=hint, made=made)
        self.seconds = seconds


class ProviderError(RacklessError):
    code = Code.PROVIDER
    status = 502


class ServerGoneError(ProviderError):
    """The connection broke: the server ended or was killed."""

    code = Code.SERVER_GONE


class AbsentError(ProviderError):
    code = Code.ABSENT


class GuestError(ProviderError):
    code = Code.GUEST


class HookError(ProviderError):
    code = Code.HOOK


class DefectError(RacklessError):
    code = Code.DEFECT


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with an input. `line` and `column` count from 1; 0 means the place is not known."""

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n  Hint: {self.hint}" if self.hint else text


class BlueprintErrors(InputError):
    """All problems found in one blueprint, in the order of the file."""

    code = Code.BLUEPRINT

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        count = len(self.problems)
        super().__init__(f"The blueprint has {count} problem{'s' if count != 1 else ''}.")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), self.message])


class FilesNeededError(InputError):
    """The blueprint refers to files that were not sent: post again with them. `names` as they stand in the blueprint."""

    code = Code.FILES_NEEDED

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"The blueprint refers to {', '.join(self.names)}.", hint="Send the files along with it.")


_KINDS: dict[str, type[RacklessError]] = {
    kind.code: kind
    for kind in (
        InputError,
        MalformedError,
        MethodError,
        TooLargeError,
        IdempotencyError,
        RateLimitedError,
        NotFoundError,
        UnauthorizedError,
        ForbiddenError,
        StateError,
        CancelledError,
        CapacityError,
        QuotaError,
        DeadlineError,
        UnavailableError,
        ProviderError,
        ServerGoneError,
        AbsentError,
        GuestError,
        HookError,
        DefectError,
    )
}


def remade(code: str, message: str, *, hint: str = "", made: tuple[str, ...] = ()) -> RacklessError:
    """The error that these were kept of, or sent as; an unknown code becomes the base class."""
    return _KINDS.get(code, RacklessError)(message, hint=hint, made=made)
