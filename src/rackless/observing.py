"""The server's log: one line a record on standard error, with what it is about: request, caller, lab, job, step.

Text for people (`time LEVEL logger: message [lab=x job=y]`), JSON lines for programs: RACKLESS_LOG is `text`, `json`, or `auto`,
which is JSON under systemd's journal. A change of state reads `noun name: a => b (reason)`. Secrets never come into it: whoever
logs does not log them, and what looks like one (a token, a password in a URL) becomes stars here all the same.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import structlog

from rackless.model import lifecycle
from rackless.model.errors import InputError

State = TypeVar("State", bound=StrEnum)
Record = MutableMapping[str, Any]

log = logging.getLogger("rackless.states")

QUIET = ("asyncssh", "httpx", "alembic", "uvicorn.access", "websockets", "dbos")
"""Chatty libraries: their warnings only."""
ABOUT = ("request", "caller", "lab", "job", "step")
LONGEST = 10_000_000
"""Bytes of the log file after which a new one is begun."""
KEPT = 5
"""Log files that are kept beside the newest: server.log.1 is the youngest of them."""
STARS = "********"
SECRET = re.compile(
    r"(?P<token>\brkl_[\w-]{8,})"
    r"|(?<=://)(?P<user>[^\s/:@]*):(?P<word>[^\s/@]+)(?=@)"
    r"|(?P<what>(?i:bearer|basic)\s+)(?P<bearer>[\w.~+/=-]{8,})"
    r"|(?P<name>(?i:password|passwd|secret|token|ticket|cookie|rackless_session|client_secret|code_verifier)[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"'&;,}]+)"
)
NAMES = re.compile(r"(?i)password|passwd|secret|token|authorization|cookie")
PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Of the journal (syslog(3)); a line that begins with <N> has it (sd-daemon(3))."""
CONTROL = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))} | {10: "\\n", 13: "\\r", 9: "\\t"}

bound = structlog.contextvars.bound_contextvars
"""`with bound(lab=..., job=...):` every record inside says so, also those of tasks and threads that begin inside."""


def bind(**about: str) -> None:
    """The same until the end of this task."""
    structlog.contextvars.bind_contextvars(**about)


def forget() -> None:
    """This task is about nothing that its starter was about."""
    structlog.contextvars.clear_contextvars()


def set_up(level: str = "INFO", *, form: str | None = None, file: Path | None = None) -> None:
    """Log to standard error.

    Args:
        form: text, json or auto; None: what RACKLESS_LOG says.
        file: begun anew when it is long, if standard error is this file (the starter points it there).

    Raises:
        InputError: RACKLESS_LOG is none of these.
    """
    wanted = form or os.environ.get("RACKLESS_LOG") or "auto"
    if wanted not in {"text", "json", "auto"}:
        raise InputError(f"RACKLESS_LOG is '{wanted}'.", hint="Use text, json or auto.")
    journal = _is_journal()
    in_json = wanted == "json" or (wanted == "auto" and journal)
    handler = _Rotating(file) if file is not None and _same(2, file) else logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(in_json=in_json, journal=journal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")


def formatter(*, in_json: bool, journal: bool = False) -> logging.Formatter:
    form: Callable[[Record], str] = _as_json if in_json else _as_text

    def render(_logger: Any, _name: str, record: Record) -> str:
        first = PRIORITY.get(str(record.get("level")), PRIORITY["info"])
        line = form(record)
        return "\n".join(f"<{first}>{part}" for part in line.split("\n")) if journal else line

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=in_json, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redacted,
            render,
        ],
    )


def redacted(text: str) -> str:
    """The text with stars for what looks like a secret."""
    return SECRET.sub(_stars, text)


def _stars(found: re.Match[str]) -> str:
    if found["token"]:
        return f"rkl_{STARS}"
    if found["word"]:
        return f"{found['user']}:{STARS}"
    return f"{found['what'] or found['name']}{STARS}"


def _redacted(_logger: Any, _name: str, record: Record) -> Record:
    for key, value in record.items():
        if NAMES.search(key):
            record[key] = STARS
        elif isinstance(value, str):
            record[key] = redacted(value)
    return record


def _about(record: Record) -> dict[str, Any]:
    """What is left of a record, what it is about first, from great to small."""
    return {key: record[key] for key in sorted(record, key=lambda key: ABOUT.index(key) if key in ABOUT else len(ABOUT))}


def _as_json(record: Record) -> str:
    first = {
        "time": record.pop("time"),
        "level": record.pop("level"),
        "logger": record.pop("logger"),
        "message": record.pop("event"),
    }
    return json.dumps({**first, **_about(record)}, ensure_ascii=False, default=str)


def _as_text(record: Record) -> str:
    """What a request brings must not make a line of its own, nor move the cursor of who reads; a traceback has its lines."""
    moment = str(record.pop("time"))[:23].replace("T", " ")
    head = f"{moment} {record.pop('level').upper()} {record.pop('logger')}: {str(record.pop('event')).translate(CONTROL)}"
    traceback = record.pop("exception", None)
    about = " ".join(f"{key}={value}" for key, value in _about(record).items()).translate(CONTROL)
    return "".join([head, f" [{about}]" if about else "", f"\n{traceback}" if traceback else ""])


def _is_journal() -> bool:
    """Standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM)."""
    found = os.fstat(2)
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _same(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


class _Rotating(logging.StreamHandler[Any]):
    """Standard error is a file: when that is long, it is renamed, and standard error (and output) goes on in a new one. Whatever
    writes to the descriptor (a traceback at the end, a library in C) comes into the newest file too."""

    def __init__(self, path: Path) -> None:
        super().__init__(sys.stderr)
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        with suppress(OSError):  # a full disk: the log goes on where it is
            if os.fstat(2).st_size > LONGEST:
                self._begin_anew()

    def _begin_anew(self) -> None:
        out = _same(1, self._path)
        for number in range(KEPT, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))
        fresh = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fresh, 2)
        if out:
            os.dup2(fresh, 1)
        os.close(fresh)


def change(table: Mapping[State, frozenset[State]], noun: str, name: str, old: State, new: State, *, reason: str = "") -> State:
    """`lifecycle.change`, and the log line for it. Staying in a state logs nothing."""
    lifecycle.change(table, noun, name, old, new)
    if new is not old:
        log.info("%s %s: %s => %s%s", noun, name, old.value, new.value, f" ({reason})" if reason else "")
    return new
