"""rackless doctor."""

from __future__ import annotations

import typer

from rackless.cli.options import InJson
from rackless.cli.output import FAILED, as_json, say


def doctor(in_json: InJson = False) -> None:
    """Say what this machine can and can't do, and the way out. Exit status 1 when labs cannot run here.

    Example: rackless doctor
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/doctor")
    if in_json:
        as_json(found)
    for finding in [] if in_json else found:
        say(f"{'ok ' if finding['ok'] else 'BAD'}  {finding['name']}: {finding['detail']}")
        if finding["hint"]:
            say(f"     Hint: {finding['hint']}")
    if not all(finding["ok"] for finding in found):
        raise typer.Exit(FAILED)


def add(app: typer.Typer) -> None:
    app.command()(doctor)
