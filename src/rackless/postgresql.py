"""Connections to a PostgreSQL that may move: it restarts, or another node's takes its place, and is away meanwhile.

The address is libpq's, with all that libpq knows (https://www.postgresql.org/docs/current/libpq-connect.html, 34.1.2): several
hosts, sslmode, sslrootcert, sslcert, sslkey, hostaddr. What is not said there gets the defaults for a database that moves.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

log = logging.getLogger(__name__)

DEFAULTS: Mapping[str, Any] = {
    "target_session_attrs": "read-write",  # never the old primary, which is a standby by now
    "connect_timeout": 3,  # seconds, for each host
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,  # milliseconds until what was sent to a host that is gone is an error
    "application_name": "rackless",
}
AWAY = frozenset(
    {
        "25006",  # read_only_sql_transaction: it was the primary
        "25P03",  # idle_in_transaction_session_timeout: this process was stopped meanwhile
        "53300",  # too_many_connections
        "55P03",  # lock_not_available: the turn did not come in time
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
    }
)
"""SQLSTATEs of errors that pass (https://www.postgresql.org/docs/current/errcodes-appendix.html), beside class 08."""
AGAIN = 0.3
"""Seconds between two tries of a connection that is waited for."""


def url_of(text: str) -> sa.URL:
    """Raises sqlalchemy.exc.ArgumentError where it is none. Several hosts may stand there as libpq has them (h1:p1,h2:p2)."""
    found = re.fullmatch(r"(postgres(?:ql)?(?:\+\w+)?://)((?:[^@/?]*@)?)([^/?]*,[^/?]*)(/[^?]*)?(?:\?(.*))?", text)
    if found:
        scheme, user, hosts, name, query = found.groups()
        each = [f"host={one if ':' in one else f'{one}:5432'}" for one in hosts.split(",")]
        text = f"{scheme}{user}{name or '/'}?{'&'.join([*each, *filter(None, [query])])}"
    try:
        url = sa.make_url(text)
    except ValueError as error:
        raise sa.exc.ArgumentError(str(error)) from error
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() in {"postgresql", "postgres"} else url


def engine(url: sa.URL, *, size: int, settings: Mapping[str, str] | None = None, patient: bool = False) -> sa.Engine:
    """A pool of connections. One that broke is not given out again.

    Args:
        settings: of the session, as lock_timeout.
        patient: whoever wants a connection waits until there is one.
    """
    given = {name: value for name, value in DEFAULTS.items() if name not in url.query}
    told = " ".join([*filter(None, [str(url.query.get("options", ""))]), *(f"-c {k}={v}" for k, v in (settings or {}).items())])
    if told:
        given["options"] = told
    made = sa.create_engine(url, pool_size=size, pool_pre_ping=True, hide_parameters=True, connect_args=given)
    sa.event.listen(made, "handle_error", _broken)
    if patient:
        sa.event.listen(made, "do_connect", _Waiting())
    return made


def _broken(context: sa.ExceptionContext) -> None:
    """What was a primary is none any more: the connection is of no use, although it stands."""
    if getattr(context.original_exception, "sqlstate", None) == "25006":
        context.is_disconnect = True


class _Waiting:
    """Connects until it succeeds. In threads of the workflow library, which has nothing better to do without its record."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def __call__(self, dialect: Any, _record: Any, arguments: Any, words: Any) -> Any:
        while True:
            try:
                made = dialect.connect(*arguments, **words)
            except Exception as error:
                if not away(error):
                    raise
                if not self._told.is_set():
                    self._told.set()
                    log.warning("the record of workflows is away, and waited for: %s", first_line(error))
            else:
                if self._told.is_set():
                    self._told.clear()
                    log.info("the record of workflows is back")
                return made
            time.sleep(AGAIN)


def away(error: BaseException) -> bool:
    """The database is not there, or not able to take anything: an error that passes, and that is nobody's fault who asked."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not hasattr(cause, "sqlstate"):  # of psycopg's only
        return False
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return type(cause).__name__ in {"OperationalError", "ConnectionTimeout", "InterfaceError"}
    return str(state)[:2] == "08" or state in AWAY


def first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def cut(connection: sa.Connection) -> None:
    """Break it off from another thread: whoever waits for the database's answer gets an error instead."""
    with contextlib.suppress(Exception):  # it ended in this moment
        driver: Any = connection.connection.driver_connection
        with socket.socket(fileno=os.dup(driver.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
