"""rackless doctor."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import typer

from rackless.cli.awaiting import awaited
from rackless.cli.options import InJson
from rackless.cli.output import FAILED, as_json, say


def doctor(in_json: InJson = False) -> None:
    """Say what this machine can and can't do, and the way out; of a node, its fabric too. Exit status 1 when something is wrong.

    Example: rackless doctor
    """
    from rackless.client.api import Api
    from rackless.client.places import Remote

    with Api() as api:
        found: list[Any] = list(api.items("/doctor"))
        here = not isinstance(api.place, Remote)
    if here:
        from rackless.fabric import examining

        found += [asdict(one) for one in awaited(examining.of_this_machine(time.time()))]
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
