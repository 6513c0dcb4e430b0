"""rackless restart."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab, named
from rackless.cli.output import as_json, say

Machine = Annotated[
    str,
    typer.Argument(metavar="MACHINE", help="A machine of the lab, as west-vfp0.", show_default=False, callback=named),
]


def restart(lab: Lab, machine: Machine, in_json: InJson = False) -> None:
    """Switch a machine off and on, and wait until it is back. Its wires stay.

    Example: rackless restart back-to-back west-vfp0
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api

    with Api() as api:
        started = api.ask("POST", f"/labs/{lab}/machines/{machine}/restart")
        follow(api, started["job"], lab=lab)
    if in_json:
        as_json({"lab": lab, "machine": machine, "state": "running", "job": started["job"]})
    else:
        say(f"{machine} is back.")


def add(app: typer.Typer) -> None:
    app.command()(restart)
