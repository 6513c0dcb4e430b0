"""rackless serve, stop."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, say


def serve(
    tcp: Annotated[
        int | None,
        typer.Option("--tcp", metavar="PORT", help="Listen on 127.0.0.1:PORT too; takes tokens.", min=1, max=65535),
    ] = None,
) -> None:
    """Run the server in the foreground. Other commands start it by themselves.

    Example: rackless serve
    """
    # The one command that is the server; loaded by name, because the command line imports nothing of it.
    from importlib import import_module

    import_module("rackless.daemons").serve(tcp=tcp)


def stop(in_json: InJson = False) -> None:
    """End the server. Machines go on running; jobs go on when it is started again.

    Example: rackless stop
    """
    from rackless.client.api import Api
    from rackless.client.matching import await_end

    api = Api(start=False)
    settings = api.settings
    with api:
        pid = api.ask("GET", "/server").get("pid")
        found = api.ask("POST", "/server/stop")
        await_end(settings, pid)
    if in_json:
        as_json({"stopped": True, "jobs": found["jobs"]})
    else:
        count = len(found["jobs"])
        left = f" {count} {'job goes' if count == 1 else 'jobs go'} on when it is started again." if count else ""
        say(f"The server has ended.{left}")


def add(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(stop)
