"""rackless plan."""

from __future__ import annotations

from typing import Any

import typer

from rackless.cli.options import File, InJson, Name
from rackless.cli.output import FAILED, as_json, say, table, tell


def plan(file: File, name: Name = None, in_json: InJson = False) -> None:
    """Show what a blueprint would make here; changes nothing. Exit status 1 when its place can't do all of it.

    Example: rackless plan examples/back-to-back.yaml
    """
    from rackless.cli.reading import send
    from rackless.client.api import Api

    with Api() as api:
        found = send(api, "/plans", file, name=name)
    if in_json:
        as_json(found)
    else:
        _show(found)
    for problem in [] if in_json else found["problems"]:
        tell(f"Error: {problem['message']}")
        tell(f"Hint: {problem['hint']}")
    if found["problems"]:
        raise typer.Exit(FAILED)


def _show(found: dict[str, Any]) -> None:
    totals = found["totals"]
    names = [place["name"] for place in found["places"]]
    where = ", ".join(names) or found["provider"]
    say(f"Lab {found['lab']} on {where}: {totals['machines']} machines, {totals['memory']} MiB of memory.")
    several = len(names) > 1
    machines = [
        [m["name"], m["role"], m["image"], m["memory"], m["vcpus"], m["management"], *([m["place"]] if several else [])]
        for m in found["machines"]
    ]
    table(["machine", "role", "image", "MiB", "cpus", "management", *(["place"] if several else [])], machines)
    say()
    ports = [[p["port"], p["machine"], p["nic"], p["mac"], p["peer"], p["segment"]] for p in found["ports"]]
    table(["port", "machine", "nic", "mac", "wired to", "segment"], ports)
    say()
    table(["wire", "and", "segment", "mtu"], [[w["a"], w["b"], w["segment"], w["mtu"]] for w in found["wires"]])
    say()
    table(["internal network", "mtu", "machines"], [[n["name"], n["mtu"], " ".join(n["machines"])] for n in found["networks"]])
    say()
    for place in found["places"]:
        say(f"{place['name']} ({place['provider']}): {_able(place)}.")


def _able(place: dict[str, Any]) -> str:
    """What a place can and can't do, in a sentence."""
    ways = {
        "live": "wires move live",
        "hotplug": "wires move live, and a NIC is added and taken for each",
        "power-cycle": "a machine is off while a wire of it moves",
        "trunk": "wires move live, behind NICs that are there from the boot",
    }
    parts = [ways.get(place["rewiring"], place["rewiring"])]
    parts += [f"at most {place['most_nics']} NICs a machine"] if place["most_nics"] is not None else []
    parts += [f"segments carry {place['segment_most_mtu']} octets"] if place["segment_most_mtu"] is not None else []
    parts += [f"each segment takes a number of {place['numbers']}"] if place["numbers"] is not None else []
    parts += [f"on the fabric {place['fabric']}"] if place["fabric"] else []
    return "; ".join(parts)


def add(app: typer.Typer) -> None:
    app.command()(plan)
