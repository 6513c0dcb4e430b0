"""rackless console."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from rackless.cli.machines import Machine
from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, say


def console(
    lab: Lab,
    machine: Machine,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Only look; type nothing.")] = False,
    takeover: Annotated[bool, typer.Option("--takeover", help="Take the keyboard from whoever has it.")] = False,
    transcript: Annotated[bool, typer.Option("--transcript", help="Print all that it showed so far, and end.")] = False,
    in_json: InJson = False,
) -> None:
    """Join the serial line of a machine. Ctrl-] leaves it; the line stays open. Many may watch, one may write.

    Example: rackless console back-to-back west-vcp
    """
    from rackless.client.api import Api

    if transcript or in_json:
        with Api() as api:
            text = api.ask("GET", f"/labs/{lab}/machines/{machine}/transcript")
        if in_json:
            as_json({"lab": lab, "machine": machine, "transcript": text})
        else:
            say(text)
        return
    from rackless.client.terminal import join
    from rackless.settings import load

    who = f"{getpass.getuser()} (process {os.getpid()})"
    query = {"write": str(not watch).lower(), "takeover": str(takeover).lower(), "who": who}
    join(load(), f"/labs/{lab}/machines/{machine}/console", query, opening=f"Serial line of {machine}; Ctrl-] leaves.")


def add(app: typer.Typer) -> None:
    app.command()(console)
