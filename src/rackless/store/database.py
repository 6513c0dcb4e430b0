"""The database: opened, migrated, and one function a transaction. SQLite (a file of one server), or PostgreSQL (for several).

Every access is a plain function that takes a connection and runs in one transaction on a thread, so that the event loop never
waits. Writers go one at a time, on SQLite because it has one writer, on PostgreSQL by an advisory lock that the transaction
holds: whoever comes second sees what the first booked. Readers see one consistent state and wait for nobody.

A PostgreSQL may be away: a transaction that surely did nothing is tried again as long as whoever asks has patience (lease.py),
and ends in UnavailableError then.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from rackless import postgresql
from rackless.lease import EVER, patience
from rackless.model.errors import DefectError, InputError, ProviderError, StateError, UnavailableError

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

MIGRATIONS = Path(__file__).parent / "migrations"
READERS = 4
"""Threads that read at once. A process has one interpreter: more of them would only take turns."""
WAIT = 20
"""Seconds that a writer waits for its turn."""
IDLE = 8
"""Seconds that a transaction may do nothing, on PostgreSQL: a server that was stopped in the midst of one keeps no others out."""
SILENT = 25.0
"""Seconds without PostgreSQL's answer after which the connection is broken off. More than any wait of a transaction."""
AGAIN = 0.25
"""Seconds between two tries while the database is away."""
RECALLED = 1000
"""Results that are kept in memory until the next write."""
WRITING, MIGRATING = 0x7261636B01, 0x7261636B02
"""Keys of PostgreSQL's advisory locks ("rack" and a number)."""
FORMS = "sqlite:///FILE or postgresql://USER@HOST/NAME"


class Database:
    """Use as: `await database.run(machines.move, ...)` to write, `await database.read(machines.of, ...)` to read.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; a password belongs in ~/.pgpass (libpq reads it).

    Raises:
        InputError: the URL is of neither form.
    """

    def __init__(self, url: str) -> None:
        self.url = parsed(url)
        self.shared = self.url.get_backend_name() == "postgresql"
        """Other servers may work on it too."""
        self.engine = _postgresql(self.url) if self.shared else _sqlite(self.url)
        self.written: list[Callable[[], None]] = []
        """Called in the event loop after every write of this process."""
        self.fence: Callable[[sa.Connection], None] | None = None
        """Called in every transaction that writes, in the writers' turn: raises when this server is none any more."""
        self._recalled: dict[Any, asyncio.Future[Any]] = {}
        """What was read since the last write."""
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="store-read")
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-aside")
        self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ") if self.shared else self.engine

    def migrate(self) -> None:
        """Bring the tables to this version's form; does nothing when they are. One server does it when several start at once,
        and the others wait for it.

        Raises:
            StateError: they are of a newer version's form.
            ProviderError: the database does not answer, or refuses.
        """
        with self.migrating() as connection:
            self.upgrade(connection)

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """One transaction in which the form of the tables is changed, by nobody else.

        Raises:
            ProviderError: the database does not answer, or refuses.
        """
        try:
            with self._migrating() as connection:
                if self.shared:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
                yield connection
                self._whole(connection)
        except sa.exc.OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise ProviderError(
                f"The database {self.url.render_as_string()} cannot be used: {reason}.",
                hint="Does it run, does the database exist, and may this user use it? RACKLESS_DATABASE names it.",
            ) from error

    def upgrade(self, connection: sa.Connection, to: str = "head") -> None:
        """Bring the tables to this version's form, or to an older one's; raises StateError when theirs is newer."""
        from alembic import command  # slow to import, and needed once a start

        config = _alembic()
        self._known(self.revision(connection))
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    @contextmanager
    def _migrating(self) -> Iterator[sa.Connection]:
        """A transaction in which a table of SQLite may be made anew: dropping the old one must not take along, by ON DELETE
        CASCADE, the rows that belong to it."""
        with self.engine.connect() as connection:
            if not self.shared:
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                if not self.shared:
                    driver.execute("PRAGMA foreign_keys=ON")

    def _whole(self, db: sa.Connection) -> None:
        """What was not looked at meanwhile: every row has what it belongs to."""
        if not self.shared and (broken := db.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise DefectError(f"The migration would leave {len(broken)} rows of {broken[0][0]} that belong to nothing.")

    @staticmethod
    def knows(form: str) -> bool:
        """This version's code can bring tables of that form to its own."""
        from alembic.script import ScriptDirectory

        return form in {one.revision for one in ScriptDirectory.from_config(_alembic()).walk_revisions()}

    def _known(self, found: str | None) -> None:
        if found is not None and not self.knows(found):
            raise StateError(
                f"The store was last used by a newer version of Rackless: its form is {found}, and this version knows forms "
                f"up to {self.newest()}.",
                hint="Install that version again, or restore a backup that was made before it.",
            )

    @staticmethod
    def newest() -> str:
        """The form of the tables that this version's code works on."""
        from alembic.script import ScriptDirectory

        return str(ScriptDirectory.from_config(_alembic()).get_current_head())

    @staticmethod
    def revision(db: sa.Connection) -> str | None:
        """The form that the tables have; None: there are none."""
        if not sa.inspect(db).has_table("alembic_version"):
            return None
        return db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()

    async def run(
        self, body: Callable[Concatenate[sa.Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run `body(connection, ...)` in one transaction: all of it or, when it raises, nothing of it.

        Raises:
            UnavailableError: the database is away. Nothing was done, unless the message says that it is not known.
        """
        loop = asyncio.get_running_loop()

        def transact(turn: _Turn) -> Result:
            with self.engine.connect() as connection, turn.of(connection), connection.begin():
                if self.shared:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITING)))
                    if self.fence is not None:
                        self.fence(connection)
                result = body(connection, *args, **kwargs)
                turn.ending = True
            # Here, and not where the result is awaited: who awaits it may be cancelled, and the write is done all the same.
            self._recalled = {}
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._tell)
            return result

        return await self._patiently(self._writer, transact)

    def _tell(self) -> None:
        for tell in self.written:
            tell()

    async def read(
        self, body: Callable[Concatenate[sa.Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run `body(connection, ...)`, which writes nothing, on one state of the database and beside others.

        Raises:
            UnavailableError: the database is away.
        """

        def look(turn: _Turn) -> Result:
            with self._reading.connect() as connection, turn.of(connection), connection.begin():
                return body(connection, *args, **kwargs)

        return await self._patiently(self._readers, look)

    async def aside(
        self,
        body: Callable[Concatenate[sa.Connection, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Run a short transaction which waits for no writer's turn, and once: what is written must be nobody else's.

        Raises:
            UnavailableError: the database is away, or did not answer in time.
        """

        def transact(turn: _Turn) -> Result:
            with self.engine.connect() as connection, turn.of(connection), connection.begin():
                return body(connection, *args, **kwargs)

        return await self._once(self._aside, transact, 0.1 * SILENT)

    async def _patiently(self, pool: ThreadPoolExecutor, body: Callable[[_Turn], Result]) -> Result:
        if not self.shared:
            return await asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, body, _Turn())
        end = time.monotonic() + patience.get()
        while True:
            try:
                return await self._once(pool, body, SILENT)
            except UnavailableError as error:
                if time.monotonic() >= end or (isinstance(error, InDoubtError) and patience.get() != EVER):
                    raise
                await asyncio.sleep(AGAIN)

    async def _once(self, pool: ThreadPoolExecutor, body: Callable[[_Turn], Result], seconds: float) -> Result:
        """One try. A database that says nothing for so long is taken for away."""
        turn = _Turn()
        work: Future[Result] = pool.submit(contextvars.copy_context().run, body, turn)
        ended = asyncio.wrap_future(work)
        try:
            await asyncio.wait({ended}, timeout=seconds)
            if not ended.done():
                turn.cut()
                if ended.cancel():  # also when it has begun: then it ends in an error that nobody waits for
                    raise turn.unavailable("it does not answer")
            return await ended
        except asyncio.CancelledError:
            ended.cancel()
            raise
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            if not postgresql.away(error):
                raise
            raise turn.unavailable(postgresql.first_line(error)) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for whoever reads at length, in a thread of their own."""
        with self._reading.connect() as connection:
            yield connection

    def in_turn(self, body: Callable[[], Result]) -> Result:
        """Run it while nobody of this process writes; on SQLite that is nobody at all. Not on the event loop."""
        return self._writer.submit(body).result()

    async def recall(
        self, body: Callable[Concatenate[sa.Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """The same, out of memory if it was read since the last write: for reads that are asked for again and again, and whose
        results nobody changes. A store that other servers write to is read each time. Arguments must be hashable."""
        if self.shared:
            return await self.read(body, *args, **kwargs)
        kept, key = self._recalled, (body, args, tuple(sorted(kwargs.items())))
        found = kept.get(key)
        if found is None:
            if len(kept) >= RECALLED:
                kept.clear()
            # Of many who ask at once one reads, and it goes on when that one goes away. When something was written meanwhile,
            # nobody looks into this dictionary any more.
            found = kept[key] = asyncio.ensure_future(self.read(body, *args, **kwargs))
            found.add_done_callback(functools.partial(_drop_failed, kept, key))
        result: Result = await asyncio.shield(found)
        return result

    def bytes(self, db: sa.Connection) -> int:
        """On disk, with the record of workflows where that is in the same database, and with journals."""
        if self.shared:
            return int(db.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
        path = Path(str(self.url.database))
        found = [*path.parent.glob(f"{path.name}*"), *path.parent.glob("jobs.sqlite*")]
        return sum(one.stat().st_size for one in found if one.exists())

    def close(self) -> None:
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._aside.shutdown(wait=True)
        self.engine.dispose()


def _drop_failed(kept: dict[Any, asyncio.Future[Any]], key: Any, found: asyncio.Future[Any]) -> None:
    if (found.cancelled() or found.exception() is not None) and kept.get(key) is found:
        del kept[key]


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


class InDoubtError(UnavailableError):
    """The database went away while it was told to keep what was written: it may have, or not."""


class _Turn:
    """One try of a transaction, as its thread and whoever waits for it know it."""

    def __init__(self) -> None:
        self.ending = False
        """All is written, and the database was perhaps told to keep it."""
        self._connection: sa.Connection | None = None

    @contextmanager
    def of(self, connection: sa.Connection) -> Iterator[None]:
        self._connection = connection
        try:
            yield
        finally:
            self._connection = None

    def cut(self) -> None:
        """Break off what its thread waits for."""
        if (connection := self._connection) is not None:
            postgresql.cut(connection)

    def unavailable(self, reason: str) -> UnavailableError:
        log.warning("the database is away%s: %s", ", in doubt" if self.ending else "", reason)
        if self.ending:
            return InDoubtError(
                "The database went away in the moment of writing: it is not known whether this was done.",
                hint="Look what is there, or ask again with the same Idempotency-Key.",
            )
        return UnavailableError("The database is away for the moment; nothing was done.", hint="Ask again in a few seconds.")


def parsed(text: str) -> sa.URL:
    try:
        url = postgresql.url_of(text)
    except sa.exc.ArgumentError as error:
        raise InputError(f"The database '{text}' is not a URL.", hint=f"Write RACKLESS_DATABASE as {FORMS}.") from error
    kind = url.get_backend_name()
    if kind not in {"sqlite", "postgresql"} or (kind == "sqlite" and not url.database):
        raise InputError(f"The database '{url.render_as_string()}' is of no kind known here.", hint=f"Write it as {FORMS}.")
    return url


def _sqlite(url: sa.URL) -> sa.Engine:
    path = Path(str(url.database))
    # Made before SQLite does, which would make it readable by everybody. Its journals copy the file's mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    engine = sa.create_engine(url, connect_args={"timeout": WAIT}, pool_size=READERS + 1, hide_parameters=True)
    sa.event.listen(engine, "connect", _pragmas)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    settings = {
        "lock_timeout": str(WAIT * 1000),
        "idle_in_transaction_session_timeout": str(IDLE * 1000),
        "timezone": "UTC",
    }
    return postgresql.engine(url, size=READERS + 2, settings=settings)


def _pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # its transactions are begun by _begin: Python's own begin late, and reads see two states
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
