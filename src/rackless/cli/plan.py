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
    totals = found["totals"]
    say(f"Lab {found['lab']} on {found['provider']}: {totals['machines']} machines, {totals['memory']} MiB of memory.")
    machines = [[m["name"], m["role"], m["image"], m["memory"], m["vcpus"], m["management"]] for m in found["machines"]]
    table(["machine", "role", "image", "MiB", "cpus", "management"], machines)
    say()
    ports = [[p["port"], p["machine"], p["nic"], p["mac"], p["peer"], p["segment"]] for p in found["ports"]]
    table(["port", "machine", "nic", "mac", "wired to", "segment"], ports)
    say()
    table(["wire", "and", "segment", "mtu"], [[w["a"], w["b"], w["segment"], w["mtu"]] for w in found["wires"]])
    say()
    table(["internal network", "mtu", "machines"], [[n["name"], n["mtu"], " ".join(n["machines"])] for n in found["networks"]])


def add(app: typer.Typer) -> None:
    app.command()(plan)
