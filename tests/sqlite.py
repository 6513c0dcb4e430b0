"""Stores on SQLite for tests in one process: copies of one that has its tables, which are quicker than making them (1 ms, not
200). Servers of stories make theirs themselves."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from rackless import durable
from rackless.store.database import Database


@functools.cache
def _model() -> tempfile.TemporaryDirectory[str]:
    """It goes with this process."""
    made = tempfile.TemporaryDirectory(prefix="rackless-sqlite.")
    database = Database(f"sqlite:///{made.name}/rackless.sqlite")
    database.migrate()
    database.close()
    durable.prepare(f"sqlite:///{made.name}/jobs.sqlite")
    left = {path.name for path in Path(made.name).iterdir()}
    assert left == {"rackless.sqlite", "jobs.sqlite"}, f"these would not be in a copy: {left}"
    return made


def ready(folder: Path) -> str:
    """URL of a new store in this folder, with its tables and without a row."""
    shutil.copy(f"{_model().name}/rackless.sqlite", folder)
    return f"sqlite:///{folder}/rackless.sqlite"


def record(state: Path) -> None:
    """The same of the record of durable workflows, where a server with this state has it; one that is there stays."""
    if not (state / "jobs.sqlite").exists():
        state.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(f"{_model().name}/jobs.sqlite", state)
