"""rackless fabric monitor, alarms, acknowledge: what a server shows of its nodes. Also of one that is no fabric."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, clock, say, table

Key = Annotated[str, typer.Argument(metavar="ALARM", help="As `rackless fabric alarms` names it.")]


def monitor(in_json: InJson = False) -> None:
    """Show every node: functions, heartbeat, use of processors, memory and disk, database, clock, certificates.

    Example: rackless fabric monitor
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("GET", "/fabric")
    if in_json:
        as_json(found)
        return
    say(_head(found))
    table(
        ["NODE", "STATE", "BEAT", "CPU", "MEMORY", "DISK", "DATABASE", "CLOCK", "CERTIFICATE", "FUNCTIONS"],
        [_row(found, node) for node in found["nodes"]],
    )
    _alarms(found["alarms"])


def _head(found: dict[str, Any]) -> str:
    if found["embedded"]:
        return f"{found['name']} is one server on {found['database']}, no fabric."
    address = f", web address {found['virtual_address']}" if found["virtual_address"] else ""
    return f"Fabric {found['name']}: {len(found['nodes'])} nodes{address}"


def _row(found: dict[str, Any], node: dict[str, Any]) -> list[str]:
    marks = [word for word, id in (("primary", found["primary"]), ("address", found["holder"])) if id == node["id"]]
    memory = f"{100 * node['memory_used'] / node['memory']:.0f} %" if node["memory"] and node["memory_used"] is not None else "-"
    lag = f" -{node['lag'] / 2**20:.0f}M" if node["lag"] else ""
    return [
        node["name"],
        "maintenance" if node["maintenance"] else node["life"],
        _of(node["heartbeat_age"], "{:.0f} s"),
        _of(node["cpu"], "{:.0f} %"),
        memory,
        _of(node["disk"], "{:.0f} %"),
        f"{node['database'] or '-'}{lag}",
        _of(node["clock_offset"], "{:+.3f} s"),
        _of(node["certificate_until"], "{}", lambda until: f"{(until - time.time()) / 86400:.0f} d"),
        " ".join([*node["functions"], *(f"({mark})" for mark in marks)]),
    ]


def _of(value: Any, form: str, shown: Any = None) -> str:
    return "-" if value is None else form.format(shown(value) if shown else value)


def alarms(in_json: InJson = False) -> None:
    """List the alarms that stand, the worst first, each with its cause and what to do.

    Example: rackless fabric alarms
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/fabric/alarms")
    if in_json:
        as_json(found)
    else:
        _alarms(found)


def _alarms(found: list[dict[str, Any]]) -> None:
    if not found:
        say("No alarms.")
    for alarm in found:
        taken = f", acknowledged by {alarm['acknowledged_by']}" if alarm["acknowledged_at"] is not None else ""
        say(f"{alarm['severity']} {alarm['key']} since {clock(alarm['since'])}{taken}: {alarm['cause']}")
        say(f"  {alarm['hint']}")


def acknowledge(alarm: Key, in_json: InJson = False) -> None:
    """Say that you take care of an alarm. It stands until what it is about is over.

    Example: rackless fabric acknowledge disk-full:n1:/var/lib/rackless
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", "/fabric/alarms/acknowledge", body={"key": alarm})
    if in_json:
        as_json(found)
    else:
        say(f"{found['key']} is {found['acknowledged_by']}'s.")


def add(app: typer.Typer) -> None:
    """Beside the node's own verbs, which have another file and go another way."""
    fabric = next((group.typer_instance for group in app.registered_groups if group.name == "fabric"), None)
    if fabric is None:
        fabric = typer.Typer(help="Nodes behind one web address. Example: rackless fabric monitor", no_args_is_help=True)
        app.add_typer(fabric, name="fabric")
    fabric.command("monitor")(monitor)
    fabric.command("alarms")(alarms)
    fabric.command("acknowledge")(acknowledge)
