"""rackless import, export, counters."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, say, table
from rackless.model.errors import InputError


class Format(StrEnum):
    CONTAINERLAB = "containerlab"
    ANSIBLE = "ansible"
    DRAWIO = "drawio"
    SVG = "svg"


Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there instead of to standard output.")
]


def import_topology(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A containerlab topology (.clab.yml).", show_default=False)],
    output: Output = None,
    in_json: InJson = False,
) -> None:
    """Make a blueprint of a containerlab topology. What can't be carried over is listed.

    Example: rackless import lab.clab.yml -o lab.yaml
    """
    from rackless.client.api import Api

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", hint="Give a file in UTF-8 that exists.") from error
    with Api() as api:
        found = api.ask("POST", "/imports/containerlab", body={"text": text, "file": file.name})
    if output is not None or not in_json:
        _written(found["text"], output)
    if in_json:
        as_json(found)
        return
    for line in found["left"]:
        say(f"Left out: {line}.")


def export(
    lab: Lab,
    form: Annotated[Format, typer.Option("--as", help="What to write.")],
    output: Output = None,
) -> None:
    """Write a lab for another tool: a containerlab topology, an Ansible inventory, a drawing (draw.io or SVG).

    The inventory holds no password: Ansible asks `rackless credentials` for it.

    Example: rackless export back-to-back --as ansible -o inventory.yaml

    Example: rackless export back-to-back --as svg -o lab.svg
    """
    from rackless.client.api import Api

    with Api() as api, api.stream("GET", f"/labs/{lab}/export", query={"format": form.value}) as answer:
        text = b"".join(answer).decode()
    _written(text, output)


def counters(lab: Lab, in_json: InJson = False) -> None:
    """Show the traffic of a lab's ports, as its routers and hosts count it.

    Example: rackless counters back-to-back
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("GET", f"/labs/{lab}/counters")
    if in_json:
        as_json(found)
        return
    rows = [[p["name"], p["in_octets"], p["in_packets"], p["out_octets"], p["out_packets"]] for p in found["ports"]]
    table(["port", "octets in", "packets in", "octets out", "packets out"], rows)


def _written(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error}.", hint="Choose another place with --output.") from error
    say(f"Written: {output}")


def add(app: typer.Typer) -> None:
    app.command("import")(import_topology)
    app.command()(export)
    app.command()(counters)
