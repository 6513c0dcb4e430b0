"""rackless move: an installation goes from its file to a PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, say, tell


def move(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="postgresql://USER@HOST/NAME: an empty database.")],
    in_json: InJson = False,
) -> None:
    """Move labs, users, history and jobs from SQLite to PostgreSQL, and compare every row. The server must have ended.

    The old files stay, as *.moved. If it is interrupted, run it again. Jobs that run go on at the next start.

    Example: rackless stop; rackless move --to postgresql://rackless@db.example.net/rackless
    """
    # It works on the store itself, as the server does; loaded by name, because the command line imports nothing of it.
    from rackless.cli.loading import loaded

    done = loaded("rackless.moving").move(to)
    tables = {name: {"rows": rows, "sha256": digest} for name, (rows, digest) in sorted(done.tables.items())}
    if in_json:
        as_json({"to": done.to, "tables": tables, "old": done.old, "before": done.before})
        return
    if done.before:
        say(f"It had moved to {done.to} already.")
    else:
        rows = sum(table["rows"] for table in tables.values())
        say(f"Moved to {done.to}: {rows} rows of {len(tables)} tables, each the same on both sides.")
    for path in done.old:
        tell(f"The old file is {path}.")
    tell("Next: `rackless list` starts the server on the new one; RACKLESS_DATABASE, where it is set, has to name it too.")


def add(app: typer.Typer) -> None:
    app.command()(move)
