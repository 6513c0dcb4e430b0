"""An installation moves from SQLite to PostgreSQL: all rows, the record of workflows too, compared one by one on the other side.
No server may run meanwhile. The old files stay, under names that no server opens.

It may be killed at any moment and is run again then: until STATE/database names the new one, the old one counts, and what is left
of an earlier try is taken away; from then on the new one counts, and only the rest is done.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rackless import daemons, durable, postgresql
from rackless.model.errors import DefectError, InputError, ProviderError, StateError
from rackless.model.lifecycle import JobState
from rackless.restoring import alone, opened, private
from rackless.settings import Settings, load
from rackless.store import snapshot
from rackless.store.database import Database, parsed

MARK = "rackless_moving"
"""A table of the new database while it is filled, with the name of the installation that fills it."""
MOVED = ".moved"
"""Ends the names of the old files."""
LOCAL = "local"
"""Who runs what, in the record of a server that is alone."""

Named = Callable[[str, dict[str, Any]], dict[str, Any]]
"""A row of a table, as it is in the new database."""

_points = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """`tables`: rows and SHA-256 of each, the same on both sides; those of the record are called record/NAME. `old`: where the
    old files are. `before`: it had been moved by an earlier run, which was killed."""

    to: str
    tables: dict[str, tuple[int, str]]
    old: list[str]
    before: bool


def move(to: str) -> Moved:
    """Move it.

    Raises:
        StateError: a server runs; the other database is not empty; this installation is not on SQLite.
        InputError: it is no PostgreSQL's URL, or has a password in it.
        ProviderError: PostgreSQL does not answer, or refuses.
    """
    url = _target(to)
    settings = load()
    with private(), alone(settings):
        if settings.moved is not None:
            return _finish(settings, url, {}, before=True)
        source = Path(str(parsed(settings.database).database)) if settings.database.startswith("sqlite:") else None
        if source is None or not source.exists():
            raise StateError(
                f"There is nothing to move: {settings.database if source is None else source} is no store in a file.",
                hint="A store on PostgreSQL goes to another one by `rackless backup` and `rackless restore`.",
            )
        with opened(settings.database) as old, opened(url) as new, _said():
            old.migrate()
            me = daemons.server_name(settings)
            _claim(new, me)
            tables = _filled(old, new, me)
            tables |= _recorded(settings, new, me)
            _point()
        _keep(settings.moved_file, url)
        _point()
        return _finish(settings, url, tables, before=False)


def _target(text: str) -> str:
    url = parsed(text)
    if url.get_backend_name() != "postgresql":
        raise InputError(f"{text} is no PostgreSQL.", hint="Write postgresql://USER@HOST/NAME.")
    if url.password is not None:
        raise InputError(
            "A password on the command line is seen by every user of this machine.",
            hint="Write it into ~/.pgpass, or use a certificate (sslcert, sslkey).",
        )
    return text


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise ProviderError(
            f"PostgreSQL refuses: {postgresql.first_line(error)}.",
            hint="Does it run, and may this user make tables and schemas in this database?",
        ) from error


def _claim(new: Database, me: str) -> None:
    """The other database is this installation's from now on: it was empty, or is what an earlier try of this one left."""
    mark = sa.Table(MARK, sa.MetaData(), sa.Column("installation", sa.String(64), nullable=False))
    with new.engine.begin() as db:
        there = sa.inspect(db)
        names = set(there.get_table_names())
        if MARK in names:
            other = db.execute(sa.select(mark.c.installation)).scalar()
            if other != me:
                raise StateError(f"Another installation ({other}) is being moved there.", hint="Name another database.")
            for name in names - {MARK}:
                db.execute(sa.text(f"DROP TABLE {db.dialect.identifier_preparer.quote(name)} CASCADE"))
            db.execute(sa.text(f"DROP SCHEMA IF EXISTS {snapshot.RECORD} CASCADE"))
            return
        if names or there.has_schema(snapshot.RECORD):
            raise StateError(
                f"The database is not empty: it has {', '.join(sorted(names)[:3]) or 'a record of workflows'}.",
                hint="Name one that is: `createdb NAME`.",
            )
        mark.create(db)
        db.execute(mark.insert().values(installation=me))
    _point()


def _filled(old: Database, new: Database, me: str) -> dict[str, tuple[int, str]]:
    """The store, in one transaction. Jobs that have not ended are this server's by name, as on any store that others share."""

    def named(name: str, row: dict[str, Any]) -> dict[str, Any]:
        running = name == "jobs" and row["state"] == JobState.RUNNING.value and not row["server"]
        return {**row, "server": me} if running else row

    with old.engine.connect() as source, source.begin():
        with new.migrating() as db:
            new.upgrade(db)
            for table in snapshot.tables(db):
                if table.name != MARK:
                    _copied(source, db, table, named)
            _point()
        _point()
        found = {}
        with new.reading() as db, db.begin():
            for table in snapshot.tables(db):
                if table.name != MARK:
                    found[table.name] = _compared(source, db, table, named)
        return found


def _recorded(settings: Settings, new: Database, me: str) -> dict[str, tuple[int, str]]:
    """The record of workflows: what was done by who is alone is done by this server, by its name."""

    def named(name: str, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "executor_id": me} if row.get("executor_id") == LOCAL else row

    file = Path(settings.record.removeprefix("sqlite:///"))
    durable.prepare(new.url.render_as_string(hide_password=False))
    _point()
    if not file.exists():
        return {}
    durable.prepare(settings.record)
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    with engine.connect() as source:
        with new.engine.begin() as db:
            for table in _both(source, db):
                db.execute(table.delete())
                _copied(source, db, table, named)
            _point()
        _point()
        with new.reading() as db, db.begin():
            return {f"record/{table.name}": _compared(source, db, table, named) for table in _both(source, db)}


def _both(source: sa.Connection, db: sa.Connection) -> list[sa.Table]:
    """Tables of the record, as they are in the new one. What the old one alone has must be empty: it is of another kind of
    database."""
    there = snapshot.tables(db, snapshot.RECORD)
    names = {table.name for table in there}
    for table in snapshot.tables(source):
        if table.name not in names and source.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise DefectError(f"The record has a table {table.name} that it has not on PostgreSQL.")
    here = {table.name for table in snapshot.tables(source)}
    return [table for table in there if table.name in here]


def _rows(db: sa.Connection, name: str, schema: str | None, like: sa.Table) -> Iterator[dict[str, Any]]:
    """In the order of their keys, which sorts alike on both sides, and in the types of the new one's columns."""
    found = sa.Table(name, sa.MetaData(), autoload_with=db, schema=schema)
    keys = [found.c[column.name] for column in like.primary_key.columns or like.columns if not isinstance(column.type, sa.JSON)]
    if db.dialect.name == "postgresql":  # SQLite sorts texts by their bytes
        keys = [sa.collate(key, "C") if isinstance(key.type, sa.String) else key for key in keys]  # type: ignore[misc]
    names = [column.name for column in like.columns if column.name in found.c]
    query = sa.select(*(found.c[one] for one in names)).order_by(*keys)
    for row in db.execute(query, execution_options={"yield_per": snapshot.AT_ONCE}):
        yield {one: _typed(value, like.c[one].type) for one, value in zip(names, row, strict=True)}


def _typed(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, sa.JSON):
        return json.loads(value) if isinstance(value, str) and value[:1] in {"{", "["} else value
    for what, made in ((sa.Boolean, bool), (sa.Float, float), (sa.LargeBinary, bytes), (sa.Integer, int)):
        if isinstance(kind, what):
            return made(value)
    return value


def _copied(source: sa.Connection, db: sa.Connection, table: sa.Table, named: Named) -> None:
    for column in table.columns:
        if isinstance(column.type, sa.JSON) and column.nullable:
            column.type.none_as_null = True
    rows = (named(table.name, row) for row in _rows(source, table.name, None, table))
    while batch := list(itertools.islice(rows, snapshot.AT_ONCE)):
        db.execute(table.insert(), batch)
    snapshot.number_on(db, table)


def _compared(source: sa.Connection, db: sa.Connection, table: sa.Table, named: Named) -> tuple[int, str]:
    """Row by row. How many there are, and the SHA-256 of all.

    Raises:
        DefectError: they are not the same.
    """
    digest, count = hashlib.sha256(), 0
    before = (named(table.name, row) for row in _rows(source, table.name, None, table))
    after = _rows(db, table.name, table.schema, table)
    for one, other in itertools.zip_longest(before, after):
        count += 1
        line = _line(one)
        if line != _line(other):
            raise DefectError(
                f"Row {count} of the table {table.name} is not the same in the new database.",
                hint="Nothing was changed here: the installation is as it was, on SQLite.",
            )
        digest.update(line)
    return count, digest.hexdigest()


def _line(row: dict[str, Any] | None) -> bytes:
    def plain(value: Any) -> Any:
        return value.hex() if isinstance(value, bytes) else str(value)

    return json.dumps(row, sort_keys=True, ensure_ascii=True, default=plain).encode() + b"\n"


def _keep(path: Path, url: str) -> None:
    """From this moment on the new one counts."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(url + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _finish(settings: Settings, url: str, tables: dict[str, tuple[int, str]], *, before: bool) -> Moved:
    """What is left to do when the new one counts: the mark goes, and the old files get other names."""
    if before and settings.moved != url:
        raise StateError(f"This installation has moved already, to {settings.moved}.", hint="Its old files end in .moved.")
    with opened(url) as new, _said(), new.engine.begin() as db:
        db.execute(sa.text(f"DROP TABLE IF EXISTS {MARK}"))
    _point()
    for name in ("rackless.sqlite", "jobs.sqlite"):
        for path in sorted(settings.state.glob(f"{name}*")):
            if not path.name.startswith(name + MOVED):
                path.replace(path.with_name(name + MOVED + path.name.removeprefix(name)))
                _point()
    old = [str(settings.state / (name + MOVED)) for name in ("rackless.sqlite", "jobs.sqlite")]
    return Moved(to=url, tables=tables, old=[path for path in old if Path(path).exists()], before=before)


def _point() -> None:
    """For tests: RACKLESS_CRASH_IN_MOVE=N ends the process at the N-th of these, as `kill -9` would."""
    if (wanted := os.environ.get("RACKLESS_CRASH_IN_MOVE")) and next(_points) == int(wanted):
        os._exit(9)
