"""Every error Rackless raises on purpose.

    RacklessError                 code, message, hint; what the user sees is `message` and then `Hint: hint`
    ├── InputError                the user's input is wrong; repeating it unchanged cannot succeed   (HTTP 422)
    │   ├── BlueprintErrors       every problem of one blueprint at once, each with its place
    │   ├── UnauthorizedError     nobody knows who asks                                                (HTTP 401)
    │   ├── ForbiddenError        the one who asks may not                                             (HTTP 403)
    │   ├── FilesNeededError      the blueprint refers to files that were not sent along
    │   └── NotFoundError         no such sandbox, machine, port, image or job                       (HTTP 404)
    ├── StateError                right request, wrong moment (a lab of that name exists, a job runs) (HTTP 409)
    │   └── CancelledError        the job was told to stop
    ├── CapacityError             the site cannot bear it now: memory, disk, pool empty              (HTTP 409)
    ├── DeadlineError             something awaited did not come in time; says what was awaited      (HTTP 504)
    ├── ProviderError             the place that makes machines refused or failed                    (HTTP 502)
    │   ├── AbsentError           what the verb needs is not there (never raised by remove/detach)
    │   └── GuestError            the guest answered, and said no: failed commit, refused login
    └── DefectError               our fault: an invariant does not hold                              (HTTP 500)

`message` is one sentence naming the values that differ. `hint` is one sentence that says the way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class RacklessError(Exception):
    """Base of the tree. `made` names what was already made when the error came, so that it can be undone."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, hint: str = "", made: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.made = made

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class InputError(RacklessError):
    code = "input"
    status = 422


class NotFoundError(InputError):
    code = "not-found"
    status = 404


class UnauthorizedError(InputError):
    code = "unauthorized"
    status = 401


class ForbiddenError(InputError):
    code = "forbidden"
    status = 403


class StateError(RacklessError):
    code = "state"
    status = 409


class CancelledError(StateError):
    """The job was told to stop. Recorded like any other error, so that a resumed job stops at the same place."""

    code = "cancelled"


class CapacityError(RacklessError):
    code = "capacity"
    status = 409


class DeadlineError(RacklessError):
    code = "deadline"
    status = 504


class ProviderError(RacklessError):
    code = "provider"
    status = 502


class AbsentError(ProviderError):
    code = "absent"


class GuestError(ProviderError):
    code = "guest"


class DefectError(RacklessError):
    code = "defect"


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

    code = "blueprint"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        count = len(self.problems)
        super().__init__(f"The blueprint has {count} problem{'s' if count != 1 else ''}.")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), self.message])


class FilesNeededError(InputError):
    """The blueprint refers to files that were not sent: post again with them. `names` as they stand in the blueprint."""

    code = "files-needed"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"The blueprint refers to {', '.join(self.names)}.", hint="Send the files along with it.")


_KINDS: dict[str, type[RacklessError]] = {
    kind.code: kind
    for kind in (
        InputError,
        NotFoundError,
        UnauthorizedError,
        ForbiddenError,
        StateError,
        CancelledError,
        CapacityError,
        DeadlineError,
        ProviderError,
        AbsentError,
        GuestError,
        DefectError,
    )
}


def remade(code: str, message: str, *, hint: str = "", made: tuple[str, ...] = ()) -> RacklessError:
    """The error that these were kept of, or sent as; an unknown code becomes the base class."""
    return _KINDS.get(code, RacklessError)(message, hint=hint, made=made)
