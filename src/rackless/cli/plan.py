"""rackless plan."""

from __future__ import annotations

import typer

from rackless.cli.options import File, InJson, Name
from rackless.cli.output import as_json, say, table


def plan(file: File, name: Name = None, in_json: InJson = False) -> None:
    """Show what a blueprint would make here; changes nothing.

    Example: rackless plan examples/back-to-back.yaml
    """
    from rackless.cli.reading import send
    from rackless.client.api import Api

    with Api() as api:
        found = send(api, "/plans", file, name=name)
    if in_json:
        as_json(found)
        return
    memory = sum(machine["memory"] for machine in found["machines"])
    say(f"Lab {found['sandbox']} on {found['provider']}: {len(found['machines'])} machines, {memory} MiB of memory.")
    rows = []
    for machine in found["machines"]:
        for nic in machine["nics"]:
            first = nic is machine["nics"][0]
            rows.append(
                [
                    machine["name"] if first else " ",
                    machine["role"] if first else " ",
                    machine["memory"] if first else " ",
                    nic["label"],
                    nic["mac"],
                    nic["segment"],
                    nic["address"],
                ]
            )
    table(["machine", "role", "MiB", "nic", "mac", "segment", "address"], rows)
    say()
    table(["segment", "kind", "mtu", "ports"], [[s["name"], s["kind"], s["mtu"], len(s["ports"])] for s in found["segments"]])
    say()
    wires = [[f"{end['owner']}:{end['port']}" for end in wire["wire"]["ends"]] for wire in found["wires"]]
    table(["wire", "and"], wires)


def add(app: typer.Typer) -> None:
    app.command()(plan)
