"""A PostgreSQL of the tests' own: its files, its socket and its processes go with the test run.

RACKLESS_TEST_DATABASE=postgresql lets every server and every store of a test use it, =sqlite none of those that would use both.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from rackless import durable
from rackless.store.database import Database

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/usr/bin"))
"""Where Debian puts initdb and pg_ctl: not on the PATH."""
DEADLINE = 60
"""Seconds to make the cluster, to start it, or to stop it."""
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses='' -c max_connections=200"


KINDS = {"": ("sqlite", "postgresql"), "sqlite": ("sqlite",), "postgresql": ("postgresql",)}[
    os.environ.get("RACKLESS_TEST_DATABASE", "")
]
"""Of database on which a test runs that is for both."""
EVERYWHERE = os.environ.get("RACKLESS_TEST_DATABASE") == "postgresql"
"""Tests that are for one, which is SQLite, run on PostgreSQL too."""


class Cluster:
    """On a unix socket only. PostgreSQL refuses to run as root: then its own Debian user runs it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rackless-pg."))
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self.path, "postgres", "postgres")
        self._numbers = itertools.count(1)
        self._model = ""
        data = self.path / "data"
        self._do(str(BIN / "initdb"), "-D", str(data), "-U", "rackless", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._do(
            *(str(BIN / "pg_ctl"), "-D", str(data), "-w", "-t", str(DEADLINE), "-l", str(self.path / "log")),
            *("-o", f"-k {self.path} {FAST}", "start"),
        )

    def _do(self, *command: str) -> None:
        done = subprocess.run([*self._as, *command], capture_output=True, text=True, timeout=DEADLINE + 5, cwd="/", check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def url(self, name: str) -> str:
        return f"postgresql://rackless@/{name}?host={self.path}"

    def fresh(self) -> str:
        """URL of a new, empty database."""
        name = f"t{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return self.url(name)

    def ready(self) -> str:
        """URL of a new database with the tables of the store and of the record in it: a copy of one, which is quicker than making
        them (0.1 s instead of 1 s and more)."""
        if not self._model:
            self._model = self.fresh()
            database = Database(self._model)
            database.migrate()
            database.close()
            durable.prepare(self._model)
        return self.copy(self._model)

    def copy(self, url: str) -> str:
        """URL of a new database with all that the other has; whoever was connected to that is not any more."""
        old, name = url.removeprefix("postgresql://rackless@/").split("?")[0], f"t{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [old])
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {old}")  # type: ignore[arg-type]
        return self.url(name)

    def stop(self) -> None:
        """With all that it holds; again is success."""
        if not self.path.exists():
            return
        self._do(str(BIN / "pg_ctl"), "-D", str(self.path / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.path, ignore_errors=True)


@functools.cache
def shared() -> Cluster:
    """The one of this process, started when the first asks for it."""
    made = Cluster()
    atexit.register(made.stop)
    return made


def stop_shared() -> None:
    """If there is one. Before the process ends: who waits for that does not wait for long, and kills it in the midst."""
    if shared.cache_info().currsize:
        shared().stop()
