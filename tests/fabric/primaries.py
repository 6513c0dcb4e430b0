"""Which databases take writes, node by node and moment by moment, asked of each PostgreSQL itself over its unix socket.

`python primaries.py FOLDER FILE` in a node, as the user postgres: a line a look, monotonic moment before and after,
and whether it is one. A frozen node's looks are frozen with it.
"""

from __future__ import annotations

import sys
import time

import psycopg


def main(folder: str) -> None:
    connection = None
    while True:
        before = time.monotonic()
        try:
            if connection is None or connection.closed:
                connection = psycopg.connect(host=folder, user="postgres", dbname="postgres", connect_timeout=1, autocommit=True)
            row = connection.execute("select pg_is_in_recovery()").fetchone()
            print(before, time.monotonic(), 0 if row is None or row[0] else 1, flush=True)
        except psycopg.Error:
            connection = None
        time.sleep(0.25)


if __name__ == "__main__":
    main(sys.argv[1])
