"""Every verb with its parameters, checked, and how it is done: one table for the guest's channel and the operator's socket.

What is asked comes from outside, so nothing of it is taken on trust: names, types, ranges and choices are looked at here, once.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rackless.model.errors import DefectError, InputError, StateError
from rackless.model.vmhost import Asker
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind, Verb
from rackless.vmhost.administration import Administration, Tell
from rackless.vmhost.plain import plain

MOST_BUNDLE = 16 << 30
"""Bytes of a bundle that anybody may send."""
MOST_AFTER = 366 * 86400.0
"""Seconds that a reboot may lie ahead."""
NAME = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[A-Za-z0-9_.@+~:=,-][A-Za-z0-9_.@+~:=,/-]{0,254}")
"""A relative name of a file without `.` and `..` in it."""
ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """`default` None: it has to be given. `low`, `high`: of numbers, both allowed."""

    kind: type
    default: object = None
    choices: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    low: float = 0
    high: float = 0

    def check(self, name: str, value: object) -> object:
        """The value in its one form.

        Raises:
            InputError: a sentence with the name, and what it must be.
        """
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.kind:
            raise InputError(f"{name} is {_short(value)}, not {NOUNS[self.kind]}.")
        if isinstance(value, str):
            if self.choices and value not in self.choices:
                raise InputError(f"{name} is {_short(value)}; it can be {', '.join(one or 'empty' for one in self.choices)}.")
            if self.pattern is not None and self.pattern.fullmatch(value) is None:
                raise InputError(
                    f"{name} is {_short(value)}, which is no {'address' if self.pattern is ADDRESS else 'name of a file'} here."
                )
        elif isinstance(value, int | float) and not isinstance(value, bool) and not self.low <= value <= self.high:
            raise InputError(f"{name} is {_short(value)}; it can be from {self.low:g} to {self.high:g}.")
        return value


NOUNS: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
_AFTER = Parameter(kind=float, default=0.0, high=MOST_AFTER)
_KIND = Parameter(kind=str, choices=tuple(FileKind))
_NO = Parameter(kind=bool, default=False)

PARAMETERS: dict[Verb, dict[str, Parameter]] = {verb: {} for verb in Verb} | {
    Verb.FILES: {"kind": _KIND},
    Verb.READ: {
        "kind": _KIND,
        "name": Parameter(kind=str, pattern=NAME),
        "last": Parameter(kind=int, default=0, high=1 << 50),
    },
    Verb.ADD_SOFTWARE: {
        "name": Parameter(kind=str, pattern=NAME),
        "size": Parameter(kind=int, low=1, high=MOST_BUNDLE),
        "validate": Parameter(kind=bool, default=True),
        "reboot": _NO,
    },
    Verb.FETCH_SOFTWARE: {
        "address": Parameter(kind=str, pattern=ADDRESS),
        "validate": Parameter(kind=bool, default=True),
        "reboot": _NO,
    },
    Verb.TAKE_SNAPSHOT: {"recovery": _NO, "partition": _NO},
    Verb.REBOOT: {"device": Parameter(kind=str, default="", choices=("", *BootDevice)), "after": _AFTER},
    Verb.POWER_OFF: {"after": _AFTER},
    Verb.POWER_ON: {"guest": Parameter(kind=str, default="", pattern=re.compile(r"[A-Za-z0-9._-]{0,64}"))},
    Verb.HALT: {"after": _AFTER},
    Verb.ZEROIZE: {"sure": Parameter(kind=bool)},
    Verb.TEST_DISK: {"disk": Parameter(kind=str, choices=tuple(Disk)), "extended": _NO},
    Verb.AUTO_RECOVERY: {"on": Parameter(kind=bool)},
}
"""`last` 0 of `read`: all of the file. `sure` of `zeroize` must be true: somebody was asked twice."""
LONG = frozenset(
    (
        *(Verb.ADD_SOFTWARE, Verb.FETCH_SOFTWARE, Verb.ROLL_BACK, Verb.TAKE_SNAPSHOT),
        *(Verb.CLEAN_UP, Verb.ZEROIZE, Verb.TEST_DISK, Verb.READ),
    )
)
"""Verbs without a deadline: they tell how they get on instead."""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def verb(name: object) -> Verb:
    try:
        return Verb(str(name))
    except ValueError:
        raise InputError(f"There is no request {_short(name)}.", hint=f"There are {', '.join(Verb)}.") from None


def checked(what: Verb, given: object) -> dict[str, Any]:
    """All parameters of a verb, with defaults in place of what was not given.

    Raises:
        InputError: not an object, a parameter that the verb has not, one that is missing, or a wrong value.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"The parameters of {what} are {_short(given)}, not an object.")
    known = PARAMETERS[what]
    for name in given:
        if name not in known:
            raise InputError(
                f"{what} has no parameter {_short(name)}.", hint=f"It has {', '.join(known)}." if known else "It has none."
            )
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in given:
            values[name] = parameter.check(name, given[name])
        elif parameter.default is None:
            raise InputError(f"{what} needs the parameter {name}.")
        else:
            values[name] = parameter.default
    if what is Verb.ZEROIZE and not values["sure"]:
        raise InputError("zeroize forgets everything; it is done only for somebody who is sure.", hint="Give sure: true.")
    return values


async def perform(
    administration: Administration, what: Verb, values: Mapping[str, Any], *, by: Asker, tell: Tell, bundle: Path | None = None
) -> Any:
    """Do a verb with its checked values; the answer as JSON has it. `read` is not done here: it has no end that is one answer."""
    if what in SHOWN:
        return plain(await SHOWN[what](administration)())
    if what is Verb.FILES:
        return plain(await administration.files(FileKind(values["kind"])))
    if what is Verb.ADD_SOFTWARE:
        if bundle is None:
            raise DefectError("add-software without its bundle.")
        done = await administration.add_software(bundle, validate=values["validate"], reboot=values["reboot"], by=by, tell=tell)
        return plain(done)
    if what not in REQUESTED:
        raise StateError(f"{what} can't be asked this way.")
    return plain(await REQUESTED[what](administration, values, by, tell))


SHOWN: dict[Verb, Callable[[Administration], Callable[[], Awaitable[object]]]] = {
    Verb.VERSION: lambda host: host.version,
    Verb.STATUS: lambda host: host.status,
    Verb.HARDWARE: lambda host: host.hardware,
    Verb.INFORMATION: lambda host: host.information,
    Verb.UPTIME: lambda host: host.uptime,
    Verb.SNAPSHOT: lambda host: host.snapshot,
    Verb.PROCESSES: lambda host: host.processes,
    Verb.RESOURCES: lambda host: host.resources,
    Verb.NETSTAT: lambda host: host.netstat,
    Verb.BRIDGES: lambda host: host.bridges,
    Verb.MANAGEMENT: lambda host: host.management,
}


Requested = Callable[[Administration, Mapping[str, Any], Asker, Tell], Awaitable[object]]
REQUESTED: dict[Verb, Requested] = {
    Verb.FETCH_SOFTWARE: lambda host, given, by, tell: host.fetch_software(**given, by=by, tell=tell),
    Verb.ABORT_SOFTWARE: lambda host, _, by, tell: host.abort_software(by=by),
    Verb.ROLL_BACK: lambda host, _, by, tell: host.roll_back(by=by, tell=tell),
    Verb.TAKE_SNAPSHOT: lambda host, given, by, tell: host.take_snapshot(**given, by=by, tell=tell),
    Verb.REBOOT: lambda host, given, by, tell: host.reboot(
        device=BootDevice(given["device"]) if given["device"] else None, after=given["after"], by=by
    ),
    Verb.POWER_OFF: lambda host, given, by, tell: host.power_off(after=given["after"], by=by),
    Verb.POWER_ON: lambda host, given, by, tell: host.power_on(guest=given["guest"], by=by),
    Verb.HALT: lambda host, given, by, tell: host.halt(after=given["after"], by=by),
    Verb.CANCEL: lambda host, _, by, tell: host.cancel(by=by),
    Verb.CLEAN_UP: lambda host, _, by, tell: host.clean_up(by=by, tell=tell),
    Verb.ZEROIZE: lambda host, _, by, tell: host.zeroize(by=by, tell=tell),
    Verb.TEST_DISK: lambda host, given, by, tell: host.test_disk(
        Disk(given["disk"]), extended=given["extended"], by=by, tell=tell
    ),
    Verb.AUTO_RECOVERY: lambda host, given, by, tell: host.auto_recovery(on=given["on"], by=by),
}
