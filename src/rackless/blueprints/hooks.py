"""Hooks by phase, as a blueprint and the site's file write them:

hooks:
  post-provisioning:
    - run: [check-ports, --quick]
      deadline: 2m
  teardown:
    - {name: tell, call: "https://ci.example.net/labs", headers: {Authorization: "Bearer {secret:ci}"}}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from rackless.blueprints.reading import Reading, quoted
from rackless.blueprints.source import Path, Value, Written
from rackless.model import naming
from rackless.model.durations import seconds, spoken
from rackless.model.hooks import MOST_DEADLINE, Hook, Phase
from rackless.model.suggestions import listed, nearest

Tell = Callable[[Path, str, str, bool], None]
"""Told a problem: the path below `hooks`, the sentence, the hint, and whether the key at the path is meant, not its value."""

KEYS = ("name", "run", "call", "method", "headers", "deadline")
METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
REFERENCE = re.compile(r"\{secret:([a-z0-9][a-z0-9._-]{0,63})\}")
"""Stands for a secret of the site's in the value of a header."""
MOST_HOOKS = 16
"""Of one phase."""
MOST_WORDS, MOST_CHARACTERS = 64, 4096
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
"""A token of RFC 9110, section 5.6.2."""
_PRIVATE = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)
_RESERVED = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"})
_FORM = "Write `post-provisioning: [{run: [check-ports, --quick]}]`, or `call: https://...` instead of `run`."


def of_blueprint(reading: Reading) -> tuple[Hook, ...]:
    """The hooks of a blueprint; those that had a problem are left out."""
    if not reading.sound("hooks") or (isinstance(reading.source.value, dict) and "hooks" not in reading.source.value):
        return ()

    def tell(path: Path, message: str, hint: str, of_key: bool) -> None:
        (reading.key_problem if of_key else reading.problem)(("hooks", *path), message, hint)

    return read(reading.get_raw(("hooks",)), tell)


def read(value: Value, tell: Tell) -> tuple[Hook, ...]:
    """The hooks written in `value`, in the order of the file."""
    if not isinstance(value, dict):
        tell((), "`hooks` must be a mapping of phases to lists of hooks.", _FORM, False)
        return ()
    found: list[Hook] = []
    for key, listing in value.items():
        if key not in set(Phase):
            near = nearest(str(key), Phase)
            guess = f"Did you mean `{near}`? " if near else ""
            tell((key,), f"There is no phase {quoted(str(key))}.", f"{guess}The phases are: {', '.join(Phase)}.", True)
        elif not isinstance(listing, list):
            tell((key,), f"The hooks of `{key}` must be a list.", _FORM, False)
        elif len(listing) > MOST_HOOKS:
            tell((key,), f"The phase `{key}` has {len(listing)} hooks.", f"At most {MOST_HOOKS} run in one phase.", False)
        else:
            found += _of_phase(Phase(key), listing, tell)
    return tuple(found)


def _of_phase(phase: Phase, listing: list[Value], tell: Tell) -> list[Hook]:
    found: dict[str, Hook] = {}
    for number, value in enumerate(listing):
        path: Path = (phase.value, number)
        hook = _Entry(phase, number, value, tell).hook()
        if hook is not None and hook.name in found:
            tell(path, f"Two hooks of `{phase.value}` are named '{hook.name}'.", "Give each a `name` of its own.", False)
        elif hook is not None:
            found[hook.name] = hook
    return list(found.values())


class _Entry:
    """One hook as it is written."""

    def __init__(self, phase: Phase, number: int, value: Value, tell: Tell) -> None:
        self._phase, self._number, self._value, self._tell = phase, number, value, tell
        self._what = f"Hook {number + 1} of `{phase.value}`"
        self._good = True

    def _problem(self, key: str, message: str, hint: str, *, of_key: bool = False) -> None:
        self._good = False
        path: Path = (self._phase.value, self._number)
        self._tell((*path, key) if key else path, message, hint, of_key)

    def hook(self) -> Hook | None:
        if not isinstance(self._value, dict):
            self._problem("", f"{self._what} must be a mapping.", _FORM)
            return None
        for key in self._value:
            if key not in KEYS:
                near = nearest(str(key), KEYS)
                guess = f"Did you mean `{near}`? " if near else ""
                keys = f"The keys here are: {', '.join(KEYS)}."
                self._problem(key, f"{self._what} has no key {quoted(str(key))}.", guess + keys, of_key=True)
        if ("run" in self._value) is ("call" in self._value):
            says = "both `run` and `call`" if "run" in self._value else "neither `run` nor `call`"
            self._problem("", f"{self._what} has {says}.", f"Each hook has one of the two. {_FORM}")
            return None
        made = Hook(
            phase=self._phase,
            name=self._name(),
            run=self._run(),
            call=self._call(),
            method=self._method(),
            headers=self._headers(),
            deadline=self._deadline(),
        )
        return made if self._good else None

    def _name(self) -> str:
        name = self._value.get("name", f"hook-{self._number + 1}")
        if isinstance(name, str) and naming.is_name(name):
            return name
        rule = f"Use at most {naming.NAME_MOST} lower-case letters, digits and single hyphens, starting with a letter."
        self._problem("name", f"The name of {self._what.lower()} cannot be {_shown(name)}.", rule)
        return ""

    def _run(self) -> tuple[str, ...]:
        words = self._value.get("run", ["-"])
        good = isinstance(words, list) and 0 < len(words) <= MOST_WORDS
        good = good and all(isinstance(w, str) and "\0" not in w and len(w) <= MOST_CHARACTERS for w in words) and words[0]
        if not good:
            self._problem(
                "run",
                f"`run` of {self._what.lower()} must be a list of words: the executable and its arguments.",
                "Write `run: [check-ports, --quick]`; a number among them goes in quotes.",
            )
            return ()
        return tuple(words) if "run" in self._value else ()

    def _call(self) -> str:
        url = self._value.get("call", "https://host")
        problem = "must be a URL" if not isinstance(url, str) else _url_fault(url)
        if problem:
            self._problem("call", f"`call` of {self._what.lower()} {problem}.", "Write it as https://host/path.")
            return ""
        return url if "call" in self._value else ""

    def _only_call(self, key: str) -> bool:
        if "call" not in self._value and key in self._value:
            self._problem(key, f"`{key}` of {self._what.lower()} is for a `call`.", "An executable takes arguments.", of_key=True)
        return "call" in self._value

    def _method(self) -> str:
        method = self._value.get("method", "POST")
        if self._only_call("method") and method not in METHODS:
            self._problem("method", f"`method` of {self._what.lower()} cannot be {_shown(method)}.", f"Use {listed(METHODS)}.")
        return str(method)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        headers = self._value.get("headers", {})
        if not self._only_call("headers"):
            return ()
        if not isinstance(headers, dict):
            self._problem("headers", f"`headers` of {self._what.lower()} must be a mapping.", "Write `headers: {X-Team: core}`.")
            return ()
        for name, value in headers.items():
            fault = _header_fault(str(name), value, str(self._value.get("call")))
            if fault:
                hint = 'A secret stands in the site\'s file, and here its name: `Authorization: "Bearer {secret:ci}"`.'
                self._problem("headers", f"The header {quoted(str(name))} of {self._what.lower()} {fault}.", hint)
        return tuple((str(name), str(value)) for name, value in headers.items())

    def _deadline(self) -> float:
        text = self._value.get("deadline")
        if text is None and "deadline" not in self._value:
            return Hook(phase=self._phase, name="").deadline
        try:
            length = seconds(text) if isinstance(text, str) else 0.0
        except ValueError:
            length = 0.0
        if not 0 < length <= MOST_DEADLINE:
            most = spoken(MOST_DEADLINE)
            self._problem(
                "deadline", f"`deadline` of {self._what.lower()} cannot be {_shown(text)}.", f"Write 30s, 5m, {most} at most."
            )
        return length


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return "must be a URL"
    checks = (
        (parts.scheme not in {"http", "https"} or not parts.hostname, "must begin with https:// or http:// and a host"),
        (parts.username is not None or parts.password is not None, "has a user in its URL, which would be told to everybody"),
        (not url.isascii() or not url.isprintable() or " " in url, "has something in its URL that must be escaped"),
        (len(url) > MOST_CHARACTERS, f"is longer than {MOST_CHARACTERS} characters"),
    )
    return next((sentence for bad, sentence in checks if bad), "")


def _header_fault(name: str, value: Value, url: str) -> str:
    named = isinstance(value, str) and REFERENCE.search(value) is not None
    checks = (
        (_HEADER.match(name) is None, "is no name of a header"),
        (name.lower() in _RESERVED, "is set by the server itself"),
        (not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > 1024, "must be plain text"),
        (_PRIVATE.search(name) is not None and not named, "holds a secret"),
        (named and not url.startswith("https://"), "would send a secret in the clear"),
    )
    return next((sentence for bad, sentence in checks if bad), "")


def _shown(value: Value) -> str:
    if isinstance(value, Written):
        return value.text
    return quoted(value) if isinstance(value, str) else "empty" if value is None else f"'{value}'"
