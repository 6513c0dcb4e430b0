"""What must be the same at the end, whether the server was killed on the way or not: the store, the place, the files."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

TIMES = frozenset(
    {
        "time",
        "created",
        "since",
        "begins",
        "ends",
        "started",
        "ended",
        "resumed",
        "id",
        "boot_id",
        "sandbox_id",
        "taken",
        "expires",
        "warned",
        "plan_key",
    }
)
"""Columns that are another at each run: times, keys; and a warning that nobody gives any more when the end has come."""
OTHERWISE = frozenset(
    {"jobs", "job_events", "history", "secrets", "events", "answers", "access_log", "servers", "alembic_version"}
    | {"sqlite_sequence"}
)
"""Tables that tell how it went, or are compared in another way."""


UNREAD = frozenset({"job_events", "events", "access_log", "servers", "sqlite_sequence"})
"""Tables that nobody decides by."""


def content_of(state: Path) -> str:
    """Tells what a kill left from what another left; the copy that is read is thrown away, as reading changes SQLite's files."""
    copy = state.with_name("read")
    shutil.copytree(state, copy)
    told = hashlib.sha256()
    for name in ("rackless.sqlite", "jobs.sqlite"):
        db = sqlite3.connect(copy / name)
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        for table in tables:
            if table not in UNREAD:
                told.update(repr([table, db.execute(f"SELECT * FROM {table}").fetchall()]).encode())
        db.close()
    for path in sorted(copy.rglob("*")):
        if path.is_file() and "sqlite" not in path.name and path.suffix != ".log":
            told.update(str(path.relative_to(copy)).encode() + b"\0" + path.read_bytes())
    shutil.rmtree(copy)
    return told.hexdigest()


def end_of(state: Path) -> dict[str, Any]:
    """Read from the files of a server that does not run."""
    db = sqlite3.connect(state / "rackless.sqlite")
    db.row_factory = sqlite3.Row
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    found: dict[str, Any] = {name: _rows(db, name) for name in tables if name not in OTHERWISE}
    found["secrets"] = _listed(db, "SELECT holder, kind FROM secrets ORDER BY 1, 2")
    found["history"] = _listed(db, "SELECT what FROM history WHERE what != 'warned' ORDER BY sandbox_id, id")
    found["jobs"] = _listed(db, "SELECT verb, state FROM jobs ORDER BY sandbox_id, started")
    found["steps"] = _listed(
        db, "SELECT DISTINCT verb, step FROM job_events, jobs WHERE job = jobs.id AND kind = 'done' ORDER BY 1, 2"
    )
    # The job has ended in the step's own transaction, and nobody waits for the note of it.
    found["steps"] = [step for step in found["steps"] if step != ["teardown", "release"]]
    found["failed"] = _listed(db, "SELECT verb, step FROM job_events, jobs WHERE job = jobs.id AND kind = 'failed' ORDER BY 1, 2")
    db.close()
    found["place"] = {path.name: _lab(json.loads(path.read_text())) for path in sorted((state / "fake-cloud").glob("*.json"))}
    found["files"] = sorted(
        str(path.relative_to(state)).rsplit("-", 1)[0] if "kept" in path.parts else str(path.relative_to(state))
        for folder in ("transcripts", "saved", "kept")
        for path in (state / folder).rglob("*")
        if path.is_file()
    )
    hooks = state / "hooks"
    found["hooks"] = sorted(set(hooks.read_text().split())) if hooks.exists() else []
    return json.loads(json.dumps(found))  # as what came through a pipe


def _rows(db: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    rows = [{key: value for key, value in dict(row).items() if key not in TIMES} for row in db.execute(f"SELECT * FROM {table}")]
    for row in rows:
        row.pop("reason", None)  # says also how often it was tried
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def _listed(db: sqlite3.Connection, query: str) -> list[list[Any]]:
    return [list(row) for row in db.execute(query)]


def _lab(lab: dict[str, Any]) -> dict[str, Any]:
    for machine in lab["machines"].values():
        machine.pop("since")
        guest = machine.pop("guest")
        machine["guest"] = {key: guest[key] for key in ("hostname", "identity", "mode")}
    return lab
