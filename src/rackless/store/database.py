"""The database: opened, migrated, and one function a transaction.

Every access is a plain function that takes a connection and runs in one transaction on one thread of its own, so that
the event loop never waits for the disk and writers never meet each other (SQLite has one writer anyway).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Use as: `await database.run(machines.of, sandbox_id)`."""

    def __init__(self, path: Path) -> None:
        # Made before SQLite does, which would make it readable by everybody. Its journals copy the file's mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
        self.engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self.engine, "connect", _pragmas)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    def migrate(self) -> None:
        """Bring the tables to this version's form; does nothing when they are."""
        from alembic import command  # slow to import, and needed once a start
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    async def run(
        self, body: Callable[Concatenate[sa.Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run `body(connection, ...)` in one transaction: all of it or, when it raises, nothing of it."""

        def transact() -> Result:
            with self.engine.begin() as connection:
                return body(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transact)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self.engine.dispose()


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
