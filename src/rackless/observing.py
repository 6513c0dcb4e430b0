"""The server's log: one line an event on standard error. A change of state reads `noun name: a => b (reason)`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from rackless.model import lifecycle

State = TypeVar("State", bound=StrEnum)

log = logging.getLogger("rackless.states")


def set_up(level: str = "INFO") -> None:
    """Log to standard error (the starter points it at a file). Chatty libraries are kept to their warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("asyncssh", "httpx", "alembic", "uvicorn.access", "websockets", "dbos"):
        logging.getLogger(name).setLevel("WARNING")


def change(table: Mapping[State, frozenset[State]], noun: str, name: str, old: State, new: State, *, reason: str = "") -> State:
    """`lifecycle.change`, and the log line for it. Staying in a state logs nothing."""
    lifecycle.change(table, noun, name, old, new)
    if new is not old:
        log.info("%s %s: %s => %s%s", noun, name, old.value, new.value, f" ({reason})" if reason else "")
    return new
