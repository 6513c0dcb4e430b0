"""rackless serve, stop."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, say

ENDING = 30.0
"""Seconds until a server that was told to end has ended."""


def serve(
    tcp: Annotated[
        int | None, typer.Option("--tcp", metavar="PORT", help="Listen on 127.0.0.1:PORT too (no lock!).", min=1, max=65535)
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
    from rackless.client.starting import answers
    from rackless.model.errors import DeadlineError

    with Api(start=False) as api:
        found = api.ask("POST", "/server/stop")
        end = time.monotonic() + ENDING
        while answers(api.settings.socket):
            if time.monotonic() > end:
                raise DeadlineError(f"The server did not end within {ENDING:g} s.", hint="See server.log in its state directory.")
            time.sleep(0.05)
    if in_json:
        as_json({"stopped": True, "jobs": found["jobs"]})
    else:
        left = f" {len(found['jobs'])} jobs go on when it is started again." if found["jobs"] else ""
        say(f"The server has ended.{left}")


def add(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(stop)
