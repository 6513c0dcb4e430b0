"""rackless audit."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rackless.cli.options import InJson
from rackless.cli.output import FAILED, as_json, say, table


def audit(
    remove: Annotated[bool, typer.Option("--remove", help="Take away what no lab has.")] = False, in_json: InJson = False
) -> None:
    """Compare what the place has with what the labs should have: leftovers, machines that stopped. Exit status 1 at a difference.

    Example: rackless audit --remove
    """
    from rackless.client.api import Api

    with Api() as api:
        found: Any = api.ask("POST", "/audit/remove") if remove else api.items("/audit")
    left = found["left"] if remove else found
    if in_json:
        as_json(found)
    else:
        for one in found["removed"] if remove else []:
            say(f"Removed {one['kind']} {one['lab'] + '/' if one['lab'] else ''}{one['name']}.")
        if left:
            several = any(one["place"] for one in left)
            rows = [
                [one["difference"], one["kind"], one["lab"], one["name"], *([one["place"]] if several else []), one["reason"]]
                for one in left
            ]
            table(["difference", "kind", "lab", "name", *(["place"] if several else []), "reason"], rows)
        elif not remove or not found["removed"]:
            say("No difference: what is there is what the labs have.")
    if left:
        raise typer.Exit(FAILED)


def add(app: typer.Typer) -> None:
    app.command()(audit)
