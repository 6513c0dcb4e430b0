"""One moment of the store and of the record of workflows, table by table, while servers go on; and the way back.

Rows are JSON lines, the columns' names first, so that a snapshot of either kind of database is read into either. The writers'
turn is held only until both are seen as they are now: the record is never ahead of the store (a step is recorded after what it
wrote).
"""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rackless.model.errors import StateError
from rackless.store.database import WRITING, Database

RECORD = "dbos"
"""Schema of the record on PostgreSQL (the workflow library's default)."""
AT_ONCE = 500
"""Rows that are inserted by one statement."""
FORM = "alembic_version"
FORMS = (FORM, "dbos_migrations")
"""Tables that say which form the others have: made again, not copied."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Two connections that see one moment. `record` is None where there is none yet; `schema`: where in it the tables are."""

    store: sa.Connection
    record: sa.Connection | None
    schema: str | None


@contextmanager
def taken(database: Database, record: str) -> Iterator[Snapshot]:
    """Blocks while somebody writes; call in a thread."""
    with _postgresql(database) if database.shared else _sqlite(database, record) as found:
        yield found


@contextmanager
def _postgresql(database: Database) -> Iterator[Snapshot]:
    """Store and record are one database: one transaction sees both."""
    with database.reading() as seen, seen.begin():
        seen.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")  # a great store takes its time
        with database.engine.begin() as turn:
            turn.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITING)))
            there = sa.inspect(seen).has_table("workflow_status", schema=RECORD)  # the first look is the moment
        yield Snapshot(store=seen, record=seen if there else None, schema=RECORD)


@contextmanager
def _sqlite(database: Database, record: str) -> Iterator[Snapshot]:
    """The store's journal lets a reader keep its moment (WAL); of the record a copy is taken."""
    file = Path(str(sa.make_url(record).database))
    with tempfile.TemporaryDirectory(prefix=".snapshot.", dir=file.parent) as folder, contextlib.ExitStack() as open_ones:
        copy = Path(folder) / "record.sqlite"
        seen = open_ones.enter_context(database.reading())

        def look() -> None:
            open_ones.enter_context(seen.begin())
            seen.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
            if file.exists():
                with (
                    contextlib.closing(sqlite3.connect(file, timeout=30)) as one,
                    contextlib.closing(sqlite3.connect(copy)) as two,
                ):
                    one.backup(two)

        database.in_turn(look)
        recorded = None
        if copy.exists():
            engine = sa.create_engine(f"sqlite:///{copy}", poolclass=sa.NullPool)
            recorded = open_ones.enter_context(engine.connect())
        yield Snapshot(store=seen, record=recorded, schema=None)


def tables(db: sa.Connection, schema: str | None = None) -> list[sa.Table]:
    """Of that schema as they are in the database, those that others refer to first."""
    found = sa.MetaData()
    found.reflect(db, schema=schema)
    return [table for table in found.sorted_tables if table.schema == schema and table.name not in FORMS]


def lines(db: sa.Connection, table: sa.Table) -> Iterator[str]:
    """The columns' names, then the rows."""
    names = [column.name for column in table.columns]
    yield json.dumps(names)
    for row in db.execute(table.select(), execution_options={"yield_per": AT_ONCE}):
        yield json.dumps([_packed(value) for value in row])


def put(db: sa.Connection, table: sa.Table, found: Iterable[str]) -> int:
    """Insert what `lines` gave; how many rows that were. Columns that this table has not must have been empty.

    Raises:
        StateError: they were not.
    """
    each = iter(found)
    names: list[str] = json.loads(next(each))
    there = {column.name: column for column in table.columns}
    for column in table.columns:
        if isinstance(column.type, sa.JSON) and column.nullable:
            column.type.none_as_null = True
    count = 0
    batch: list[dict[str, Any]] = []
    for line in each:
        row = {name: _unpacked(value) for name, value in zip(names, json.loads(line), strict=True)}
        lost = [name for name, value in row.items() if name not in there and value is not None]
        if lost:
            raise StateError(
                f"The table {table.name} has no column {lost[0]} in this version.", hint="Install the newer version."
            )
        batch.append({name: value for name, value in row.items() if name in there})
        count += 1
        if len(batch) == AT_ONCE:
            db.execute(table.insert(), batch)
            batch = []
    if batch:
        db.execute(table.insert(), batch)
    number_on(db, table)
    return count


def number_on(db: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL counts by a sequence, which knows nothing of rows that came with their number."""
    keys = list(table.primary_key.columns)
    if db.dialect.name != "postgresql" or len(keys) != 1 or not isinstance(keys[0].type, sa.Integer):
        return
    quoted = db.dialect.identifier_preparer.format_table(table)
    sequence = db.execute(sa.select(sa.func.pg_get_serial_sequence(quoted, keys[0].name))).scalar()
    if sequence:
        newest = db.execute(sa.select(sa.func.max(keys[0]))).scalar() or 0
        db.execute(sa.select(sa.func.setval(sequence, newest + 1, False)))


def _packed(value: Any) -> Any:
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return value
