"""The console's menu at the first start: lines of text, so that it works on a serial line as on a screen."""

from __future__ import annotations

import contextlib
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TextIO

from rackless.appliance.answers import JOINING, KNOWN, PARTS, QUESTIONS, Part, clean, problems

QUIT = "q"
APPLY = "a"


class Terminal(Protocol):
    """Of a person: writes, and reads a line."""

    def say(self, text: str) -> None: ...

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        """
        Raises:
            EOFError: nobody is there any more.
        """
        ...


class Tty:
    """A terminal line. What is hidden is not echoed."""

    def __init__(self, reading: TextIO = sys.stdin, writing: TextIO = sys.stdout) -> None:
        self._in, self._out = reading, writing

    def say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        # Silent before it asks: somebody, or a program, may type as soon as the question stands there.
        with self._silent() if hidden else contextlib.nullcontext():
            self._out.write(prompt)
            self._out.flush()
            line = self._in.readline()
        if hidden:
            self.say("")
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    @contextlib.contextmanager
    def _silent(self) -> Iterator[None]:
        try:
            fd = self._in.fileno()
            before = termios.tcgetattr(fd)
        except (termios.error, OSError, ValueError):
            yield  # no terminal: a pipe echoes nothing
            return
        after = list(before)
        after[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSADRAIN, after)
        try:
            yield
        finally:
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


def asked(role: str) -> tuple[str, ...]:
    """The questions that are of any use for a role, in their order."""
    left = set()
    if role != Part.FIRST:
        left.add("virtual-ip")
    if role not in JOINING:
        left.add("token")
    return tuple(question.key for question in QUESTIONS if question.key not in left)


def relevant(values: Mapping[str, str]) -> dict[str, str]:
    """Answers to questions that the role has; what was answered before the role was changed is left out."""
    return {key: values[key] for key in asked(values["role"])}


def shown(key: str, value: str, password_set: bool) -> str:
    if KNOWN[key].secret:
        return "(set)" if value or (key == "password" and password_set) else "(not set)"
    return value or "-"


def page(title: str, values: Mapping[str, str], lacking: Sequence[str], *, password_set: bool) -> str:
    """The menu as it stands: answers by number, and what keeps it from being applied."""
    lines = ["", title, "-" * len(title)]
    lines += [f"WARNING  {each}" for each in lacking]
    for number, key in enumerate(asked(values["role"]), start=1):
        lines.append(f"{number:3}  {KNOWN[key].label:<20} {shown(key, values[key], password_set)}")
    wrong = problems(relevant(values), password_set=password_set)
    lines += ["", *(f"  ! {KNOWN[each.key].label}: {each.text}" for each in wrong)]
    return "\n".join(lines)


def change(terminal: Terminal, key: str, values: dict[str, str]) -> None:
    question = KNOWN[key]
    terminal.say(question.about)
    if key == "role":
        for number, (part, about) in enumerate(PARTS.items(), start=1):
            terminal.say(f"  {number}  {part.value:<12} {about}")
    if key == "password":
        values[key] = password(terminal)
        return
    hint = "" if question.secret else f" [{values[key]}]"
    given = terminal.ask(f"{question.label}{hint}: ", hidden=question.secret)
    given = given if question.secret else given.strip()
    if key == "role" and given.isdecimal() and 1 <= int(given) <= len(PARTS):
        given = list(PARTS)[int(given) - 1].value
    if key == "role" and given and given not in PARTS:
        terminal.say(f"{given!r} is no role.")
    elif given == "-":
        values[key] = question.default
    elif given:
        values[key] = given.strip()


def password(terminal: Terminal) -> str:
    """Asked for twice; "" when the two differ."""
    first = terminal.ask("Password of admin: ", hidden=True)
    if first and first == terminal.ask("Once more: ", hidden=True):
        return first
    terminal.say("The two are not the same; nothing was changed." if first else "Nothing was changed.")
    return ""


def talk(
    terminal: Terminal,
    title: str,
    values: Mapping[str, str],
    lacking: Callable[[Part], Sequence[str]] = lambda _: (),
    *,
    password_set: bool = False,
) -> dict[str, str] | None:
    """Until the answers can be applied and the person wants it; None when the person left.

    Args:
        values: answers so far, which are shown.
        lacking: what the machine has too little of for a role.
    """
    now = clean(values)
    if now["role"] not in list(Part):
        now["role"] = KNOWN["role"].default
    while True:
        terminal.say(page(title, now, lacking(Part(now["role"])), password_set=password_set))
        word = terminal.ask(f"Number to change (- empties), {APPLY} to apply, {QUIT} to leave: ").strip().lower()
        keys = asked(now["role"])
        if word == QUIT:
            return None
        if word == APPLY:
            if not problems(relevant(now), password_set=password_set):
                return relevant(now)
            terminal.say("Not yet: see the lines with `!`.")
        elif word.isdecimal() and 1 <= int(word) <= len(keys):
            change(terminal, keys[int(word) - 1], now)
        elif word:
            terminal.say(f"{word!r} is none of the choices.")
