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
    listen: Annotated[
        int | None,
        typer.Option(
            "--listen",
            min=0,
            max=65535,
            metavar="PORT",
            help="Give the line to programs: telnet at a loopback port; 0 takes any.",
        ),
    ] = None,
    transcript: Annotated[bool, typer.Option("--transcript", help="Print all that it showed so far, and end.")] = False,
    in_json: InJson = False,
) -> None:
    """Join the serial line of a machine. Ctrl-] leaves it; the line stays open. Many may watch, one may write.

    When a remote server goes away, it goes on with the next one, or another of its fabric.

    With --listen it is a console server instead, until Ctrl-C: one telnet client at a time has the line.

    Example: rackless console back-to-back west-vcp
    Example: rackless console back-to-back west-vcp --listen 7001
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
    from rackless.client.places import Remote
    from rackless.client.terminal import join

    who = f"{getpass.getuser()} (process {os.getpid()})"
    query = {"write": str(not watch).lower(), "takeover": str(takeover).lower(), "who": who}
    if listen is not None:
        from rackless.client.relay import serve

        with Api() as api:
            serve(api, f"/labs/{lab}/machines/{machine}/console", {**query, "replay": "false"}, listen, machine)
        return
    with Api() as api:
        opening = f"Serial line of {machine}; Ctrl-] leaves."
        # This machine's own server that was told to end is not started anew by who only looks.
        again = isinstance(api.place, Remote)
        join(api, f"/labs/{lab}/machines/{machine}/console", query, opening=opening, again=again)


def add(app: typer.Typer) -> None:
    app.command()(console)
