"""A PostgreSQL of the tests' own: its files, its socket and its processes go with the test run."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/usr/bin"))
"""Where Debian puts initdb and pg_ctl: not on the PATH."""
DEADLINE = 60
"""Seconds to make the cluster, to start it, or to stop it."""
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses='' -c max_connections=200"


class Cluster:
    """On a unix socket only. PostgreSQL refuses to run as root: then its own Debian user runs it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rackless-pg."))
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self.path, "postgres", "postgres")
        self._numbers = itertools.count(1)
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

    def stop(self) -> None:
        self._do(str(BIN / "pg_ctl"), "-D", str(self.path / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.path, ignore_errors=True)
