"""Which database an installation of a test uses: SQLite in its state, or one of its own on PostgreSQL."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.postgresql import EVERYWHERE, shared

_urls: dict[Path, str] = {}


def database_of(state: Path) -> str:
    """RACKLESS_DATABASE of the installation whose state this is; "" is SQLite."""
    if EVERYWHERE and state not in _urls:
        _urls[state] = shared().ready()
    return _urls.get(state, "")


def copied(state: Path, other: Path) -> None:
    """Another installation that has all that this one, which does not run, has."""
    shutil.copytree(state, other)
    if EVERYWHERE:
        _urls[other] = shared().copy(database_of(state))
