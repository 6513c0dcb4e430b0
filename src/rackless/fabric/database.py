"""What the application needs of PostgreSQL: its role and its database. Asked for with the node's certificate, as superuser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rackless.fabric.engines import patroni
from rackless.fabric.places import Folder
from rackless.model.errors import ProviderError
from rackless.running import run

CONNECT = 5
CONTROL = 10.0
"""Seconds for pg_controldata."""


async def identity(data: Path, binaries: Path) -> str:
    """What PostgreSQL calls its system identifier, of the database in that folder.

    Raises:
        ProviderError: there is none.
    """
    done = await run([binaries / "pg_controldata", "-D", data], deadline=CONTROL, env={"LC_ALL": "C"})
    for line in done.out.decode(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "Database system identifier":
            return value.strip()
    raise ProviderError(f"There is no copy of the database in {data}.")


def prepare(address: str, folder: Folder) -> None:
    """Make what is missing, at the primary. Blocks.

    Raises:
        ProviderError: it does not answer, or refuses.
    """
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(**parameters(address, folder), autocommit=True) as at:
            role, name = sql.Identifier(patroni.APPLICATION), sql.Identifier(patroni.DATABASE)
            if at.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (patroni.APPLICATION,)).fetchone() is None:
                at.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            if at.execute("SELECT 1 FROM pg_database WHERE datname = %s", (patroni.DATABASE,)).fetchone() is None:
                at.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
    except psycopg.Error as error:
        raise ProviderError(f"The database at {address} cannot be prepared: {str(error).strip()}.") from error


def parameters(address: str, folder: Folder) -> dict[str, Any]:
    """Of a connection as superuser."""
    return {
        "host": address,
        "port": patroni.PORT,
        "user": patroni.SUPERUSER,
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": str(folder.authority),
        "sslcert": str(folder.pair.certificate),
        "sslkey": str(folder.pair.key),
        "connect_timeout": CONNECT,
    }
