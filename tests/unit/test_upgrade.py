"""From every released form of the store to this version's: rows stay, and the tables are as if they were new."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.postgresql import Cluster

from rackless.model.calendar import ALWAYS
from rackless.model.errors import StateError
from rackless.model.lifecycle import SandboxState
from rackless.store import jobs, machines, sandboxes, snapshot, wires
from rackless.store.database import Database
from rackless.store.tables import metadata

KEPT = Path(__file__).parents[1] / "store"
RELEASED = sorted(path.stem for path in KEPT.glob("*.sql"))
Rows = dict[str, list[dict[str, Any]]]
CHANGED: dict[str, set[str]] = {}
"""Columns by table whose values a migration changes on purpose."""


def old(form: str, file: Path) -> sa.Engine:
    with closing(sqlite3.connect(file)) as database:
        database.executescript((KEPT / f"{form}.sql").read_text(encoding="utf-8"))
    return sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)


def rows(db: sa.Connection) -> Rows:
    return {table.name: [dict(row) for row in db.execute(table.select()).mappings()] for table in snapshot.tables(db)}


def released(form: str, url: str, tmp_path: Path) -> Database:
    """A database as that release left it."""
    if url.startswith("sqlite:"):
        old(form, Path(url.removeprefix("sqlite:///"))).dispose()
        return Database(url)
    database = Database(url)
    with old(form, tmp_path / "old.sqlite").connect() as source, database.migrating() as db:
        database.upgrade(db, form)
        there = {table.name: table for table in snapshot.tables(db)}
        for table in snapshot.tables(source):
            snapshot.put(db, there[table.name], snapshot.lines(source, table))
    return database


def test_the_first_releases_are_kept() -> None:
    assert {"0001", "0002"} <= set(RELEASED)


@pytest.mark.parametrize("form", RELEASED)
async def test_every_row_of_a_release_is_taken_over(form: str, empty_database_url: str, tmp_path: Path) -> None:
    database = released(form, empty_database_url, tmp_path)
    before = await database.read(rows)
    assert len(before["sandboxes"]) >= 2
    database.migrate()
    after = await database.read(rows)
    for table, had in before.items():
        if table not in after or not had:
            continue
        assert after[table], table
        columns = set(had[0]) & set(after[table][0]) - CHANGED.get(table, set())
        now = [{name: row[name] for name in columns} for row in after[table]]
        assert [row for row in had if {name: row[name] for name in columns} not in now] == [], table
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    live = {row.name: row for row in await database.read(sandboxes.live)}
    one = live["one"]
    assert one.state is SandboxState.READY
    assert one.amounts.memory > 0  # it counts as used
    assert one.span.ends == ALWAYS or one.span.ends > one.span.begins > 0
    assert {row.state.value for row in await database.read(machines.of, one.id)} == {"running"}
    assert [job.verb for job in await database.read(jobs.of, "two")] == ["deploy", "teardown"]
    database.close()


async def test_a_newer_form_is_refused_with_the_way_out_and_left_as_it_is(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    database.migrate()
    await database.run(lambda db: db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(
        StateError, match=rf"a newer version of Rackless: its form is 9999, .* up to {Database.newest()}"
    ) as caught:
        database.migrate()
    assert "restore a backup" in caught.value.hint
    assert await database.read(Database.revision) == "9999"
    database.close()


async def test_servers_that_start_at_once_migrate_once(cluster: Cluster, tmp_path: Path) -> None:
    released("0001", url := cluster.fresh(), tmp_path).close()
    servers = [Database(url) for _ in range(4)]
    await asyncio.gather(*(asyncio.to_thread(server.migrate) for server in servers))  # a second one would fail
    assert {await server.read(Database.revision) for server in servers} == {Database.newest()}
    for server in servers:
        server.close()


async def test_a_migration_that_fails_leaves_everything_as_it_was(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = released("0001", empty_database_url, tmp_path)
    before = await database.read(rows)
    monkeypatch.setattr(Database, "_whole", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        database.migrate()
    assert await database.read(Database.revision) == "0001"
    assert await database.read(rows) == before
    monkeypatch.undo()
    database.migrate()
    assert await database.read(Database.revision) == Database.newest()
    database.close()


async def test_making_a_table_anew_takes_no_rows_that_belong_to_it_along(empty_database_url: str, tmp_path: Path) -> None:
    """SQLite drops the old table, and ON DELETE CASCADE would empty those that refer to it."""
    from alembic.operations import Operations

    database = released("0002", empty_database_url, tmp_path)
    database.migrate()
    before = {table: len(found) for table, found in (await database.read(rows)).items()}
    with database.migrating() as db:
        operations = Operations(MigrationContext.configure(db, opts={"render_as_batch": True}))
        with operations.batch_alter_table("sandboxes", recreate="auto") as table:
            table.alter_column("name", type_=sa.String(64))
    assert {table: len(found) for table, found in (await database.read(rows)).items()} == before
    with pytest.raises(sa.exc.IntegrityError):  # and it is looked after again
        await database.run(jobs.add, "x", 999, "save", {})
    database.close()


async def test_a_wire_that_no_blueprint_has_was_drawn_live(empty_database_url: str, tmp_path: Path) -> None:
    database = released("0002", empty_database_url, tmp_path)
    values = {
        "sandbox_id": 1,
        "segment": "wire-drawn",
        "end_a": "west:ge-0/0/1",
        "end_b": "east:ge-0/0/1",
        "machine_a": "west-vfp0",
    }
    values |= {"nic_a": 3, "machine_b": "east-vfp0", "nic_b": 3, "state": "connected", "reason": "", "since": 1.0}

    def draw(db: sa.Connection) -> set[str]:
        columns = [sa.column(name) for name in values]
        db.execute(sa.insert(sa.table("wires", *columns)).values(**values))
        return set(db.execute(sa.text("SELECT segment FROM wires WHERE sandbox_id = 1")).scalars())

    segments = await database.run(draw)
    database.migrate()
    found = {row.segment: row.drawn for row in await database.read(wires.of, 1, "one")}
    assert set(found) == segments
    assert [segment for segment, drawn in found.items() if drawn] == ["wire-drawn"]
    database.close()
