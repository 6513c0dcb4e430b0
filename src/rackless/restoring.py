"""Put a backup back: into an empty state, or in the place of what is there, which is kept aside. No server may run meanwhile.

The next server compares the place with the store, as at every start: machines of labs that are gone are told, and what runs of
labs that the backup does not know is a leftover (`rackless audit`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from rackless import daemons, durable
from rackless.keepers.heartbeat import SILENT
from rackless.model.errors import ProviderError, StateError
from rackless.settings import Settings, load
from rackless.store import archive, sandboxes, servers, snapshot
from rackless.store.archive import Manifest
from rackless.store.database import Database, parsed

FULL = frozenset({"sandboxes", "users"})
"""A state without a row in these is as good as empty: everything else hangs on them, or is a trace of a server that ran."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """`labs`: names of those that have not ended. `aside`: where what was there before is now, "" when there was nothing.
    `site`: "restored", "kept" when another one was there (the backup's is beside it), "" when the backup has none."""

    made: float
    version: str
    labs: list[str]
    rows: int
    aside: str
    site: str


def restore(file: str, *, replace: bool = False) -> Restored:
    """Put the backup back.

    Raises:
        StateError: a server runs, or the state is not empty and `replace` was not asked for; a newer version made it.
        InputError: it is no whole backup.
    """
    settings = load()
    if settings.node and not settings.store:
        raise StateError(
            "The store of this node is its fabric's.", hint="`rackless fabric restore FILE` ends its server meanwhile."
        )
    with private(), alone(settings), tempfile.TemporaryDirectory(prefix=".restore.", dir=settings.state) as folder:
        parts = Path(folder)
        manifest = archive.unpack(Path(file).absolute(), parts)
        shared = not settings.database.startswith("sqlite:")
        if (manifest.kind == "postgresql") is not shared and manifest.running:
            raise StateError(
                f"{manifest.running} jobs ran when the backup was made, and they go on only on the same kind of database "
                f"({manifest.kind}).",
                hint="Restore it there first, let the jobs end, and take another backup.",
            )
        name = time.strftime("before_restore_%Y%m%d_%H%M%S_") + secrets.token_hex(2)
        aside = (
            _postgresql(settings, parts, manifest, name, replace) if shared else _sqlite(settings, parts, manifest, name, replace)
        )
        site = _files(settings, parts)
        with opened(settings.database) as database, database.engine.connect() as db:
            labs = [row.name for row in sandboxes.live(db)]
        rows = sum(manifest.rows.values())
        return Restored(made=manifest.made, version=manifest.version, labs=labs, rows=rows, aside=aside, site=site)


@contextmanager
def private() -> Iterator[None]:
    """What is written meanwhile is for no other user of this machine."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """As a server is, without being one: nobody must take this process for it afterwards."""
    with daemons.alone(settings):
        try:
            yield
        finally:
            settings.run.joinpath("server.pid").unlink(missing_ok=True)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _sqlite(settings: Settings, parts: Path, manifest: Manifest, name: str, replace: bool) -> str:
    """Made beside, and then moved into its place."""
    store = Path(str(sa.make_url(settings.database).database))
    if store.exists():
        with opened(settings.database) as database:
            _refuse_full(database, replace)
    fresh = parts / "fresh"
    fresh.mkdir()
    with opened(f"sqlite:///{fresh / store.name}") as database, database.migrating() as db:
        _load(database, db, parts, manifest)
    if manifest.kind == "sqlite":
        _record(f"sqlite:///{fresh / 'jobs.sqlite'}", parts, None)
    old = settings.state / name
    there = [path for one in (store.name, "jobs.sqlite") for path in store.parent.glob(f"{one}*")]
    there += [settings.state / one for one in archive.FILES if (settings.state / one).exists()]
    if there:
        old.mkdir(mode=0o700)
    for path in there:
        path.replace(old / path.name)
    for path in sorted(fresh.iterdir()):
        path.replace(store.parent / path.name)
    return str(old) if there else ""


def _postgresql(settings: Settings, parts: Path, manifest: Manifest, name: str, replace: bool) -> str:
    """All of it in one transaction, but for the record, without which a job only begins anew."""
    with opened(settings.database) as database, _allowed():
        with database.migrating() as db:
            had = bool(sa.inspect(db).get_table_names())
            if had:
                _refuse_live(database, db)
                _refuse_full(database, replace, db)
                _set_aside(db, name)
            _load(database, db, parts, manifest)
        if manifest.kind == "postgresql":
            _record(settings.record, parts, snapshot.RECORD)
    moved = [settings.state / one for one in archive.FILES if (settings.state / one).exists()]
    if moved:
        (settings.state / name).mkdir(mode=0o700)
    for path in moved:
        path.replace(settings.state / name / path.name)
    return f"schema {name}" if had else ""


@contextmanager
def _allowed() -> Iterator[None]:
    try:
        yield
    except sa.exc.ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise ProviderError(
            f"PostgreSQL refuses: {reason}.", hint="The user must own the tables, and may make schemas in this database."
        ) from error


def _refuse_live(database: Database, db: sa.Connection) -> None:
    if not sa.inspect(db).has_table("servers"):
        return
    alive = [f"{one.id} on {one.host}" for one in servers.alive(db, SILENT)]
    if alive:
        raise StateError(f"A server works on this store: {', '.join(alive)}.", hint="End every server first: `rackless stop`.")


def _refuse_full(database: Database, replace: bool, db: sa.Connection | None = None) -> None:
    if replace:
        return
    if db is None:
        with database.engine.connect() as opened:
            _refuse_full(database, replace, opened)
        return
    full = [table.name for table in snapshot.tables(db) if table.name in FULL and _any(db, table)]
    if full:
        raise StateError(
            f"The state is not empty: there are {', '.join(full)}.",
            hint="`--replace` puts the backup in its place, and keeps it aside.",
        )


def _any(db: sa.Connection, table: sa.Table) -> bool:
    return db.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _set_aside(db: sa.Connection, name: str) -> None:
    """What is there goes into schemas of their own; dropping them is left to whoever is sure."""
    quote = db.dialect.identifier_preparer.quote
    db.execute(sa.text(f"CREATE SCHEMA {quote(name)}"))
    for table in sa.inspect(db).get_table_names():
        db.execute(sa.text(f"ALTER TABLE {quote(table)} SET SCHEMA {quote(name)}"))
    if sa.inspect(db).has_schema(snapshot.RECORD):
        db.execute(sa.text(f"ALTER SCHEMA {snapshot.RECORD} RENAME TO {quote(name + '_record')}"))


def _load(database: Database, db: sa.Connection, parts: Path, manifest: Manifest) -> None:
    """Tables of the form that the backup has, its rows, and then the way up to this version's form."""
    database.upgrade(db, _known(manifest))
    for table in snapshot.tables(db):
        if (file := parts / "store" / f"{table.name}.jsonl").exists():
            with file.open(encoding="utf-8") as found:
                snapshot.put(db, table, found)
    database.upgrade(db)


def _known(manifest: Manifest) -> str:
    if not Database.knows(manifest.revision):
        raise StateError(
            f"The backup was made by a newer version of Rackless ({manifest.version}): its form is {manifest.revision}, and this "
            f"version knows forms up to {Database.newest()}.",
            hint="Install that version.",
        )
    return manifest.revision


def _record(url: str, parts: Path, schema: str | None) -> None:
    """The workflow library makes its tables, which then get their rows."""

    if not (parts / "record").exists():
        return
    durable.prepare(url)
    engine = sa.create_engine(parsed(url), poolclass=sa.NullPool)
    with engine.begin() as db:
        for table in snapshot.tables(db, schema):
            db.execute(table.delete())
            if (file := parts / "record" / f"{table.name}.jsonl").exists():
                with file.open(encoding="utf-8") as found:
                    snapshot.put(db, table, found)


def _files(settings: Settings, parts: Path) -> str:
    top = parts / "files"
    for path in sorted(top.rglob("*")) if top.exists() else []:
        name = path.relative_to(top)
        if path.is_file() and str(name) != archive.SITE:
            to = settings.state / name
            if str(name) == archive.MARK and to.exists():
                continue
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(path, to)
    backup, there = top / archive.SITE, settings.site_file
    if not backup.exists():
        return ""
    if there.exists():
        if there.read_bytes() == backup.read_bytes():
            return "restored"
        shutil.copyfile(backup, there.with_name(f"{there.name}.from-backup"))
        return "kept"
    try:
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(backup, there)
    except OSError as error:
        raise ProviderError(f"{there} cannot be written: {error.strerror}.", hint="Everything else was restored.") from error
    return "restored"
