"""Asking FRR's daemons."""

from __future__ import annotations

import json

from ..devices import logical_name
from .reply import fail, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from ..xmltree import Element
    from .reply import Build


def ask(session: Session, daemon: str, command: str) -> Any:
    """FRR's answer, or None when the daemon is not running."""
    if daemon not in session.datastore.daemons():
        return None
    done = session.datastore.world.run(["vtysh", "-d", daemon, "-c", command], deadline=30.0)
    try:
        return json.loads(done.out or "{}")
    except ValueError:
        said = (done.err or done.out).strip().splitlines()[-1:]
        raise fail(f"error: {daemon} does not answer: {said}") from None


def say(session: Session, daemon: str, command: str) -> str:
    """FRR's answer as text."""
    return session.datastore.world.run(["vtysh", "-d", daemon, "-c", command], deadline=30.0).out


def not_running(session: Session, name: str, daemon: str) -> Element | None:
    """What to answer when the protocol is not configured."""
    if daemon in session.datastore.daemons():
        return None
    return output(f"{name} instance is not running\n")


def logical(kernel: str) -> str:
    """ge-0-0-0 (or FRR's ge-0-0-0:10.0.0.1) -> ge-0/0/0.0"""
    kernel = kernel.partition(":")[0]
    return logical_name(kernel)


def spoken(title: str, daemon: str, command: str) -> Build:
    """An answer that is FRR's own text: of what has no elements here."""

    def build(session: Session, given: dict[str, str]) -> Element:
        return not_running(session, title, daemon) or output(say(session, daemon, command))

    return build
