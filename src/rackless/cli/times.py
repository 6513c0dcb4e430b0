"""rackless calendar, extend, history: labs in time."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rackless.cli.options import InJson, Lab, moment, span
from rackless.cli.output import as_json, clock, say, table
from rackless.model.errors import InputError


def extend(
    lab: Lab,
    length: Annotated[str | None, typer.Argument(metavar="[SPAN]", help="Longer by this: 30m, 2h.", show_default=False)] = None,
    ends: Annotated[str | None, typer.Option("--until", help="Until then: 18:30, 2026-03-01T18:30.", show_default=False)] = None,
    no_end: Annotated[bool, typer.Option("--no-end", help="Until it is taken down.")] = False,
    in_json: InJson = False,
) -> None:
    """Give a lab another end, later or sooner, if what it has is free until then.

    Example: rackless extend back-to-back 1h
    """
    from rackless.client.api import Api

    if (length is not None) + (ends is not None) + no_end != 1:
        raise InputError(
            "Say for how long, or until when.", hint="For example: rackless extend LAB 1h, or --until 18:30, or --no-end."
        )
    with Api() as api:
        found = api.ask("POST", f"/labs/{lab}/extend", body={"seconds": span(length), "ends": moment(ends)})
    if in_json:
        as_json(found)
    else:
        say(f"Lab {lab} ends {clock(found['ends'])}." if found["ends"] else f"Lab {lab} has no end now.")


def calendar(in_json: InJson = False) -> None:
    """Show what is booked, from when until when, and of how much; those that wait with the times that they will get.

    Example: rackless calendar
    """
    from rackless.client.api import Api

    with Api() as api:
        found = {**api.ask("GET", "/calendar"), "labs": api.items("/bookings")}
    if in_json:
        as_json(found)
        return
    rows = [[name, f"{found['held'].get(name, 0):g}", _number(most)] for name, most in found["capacity"].items()]
    table(["resource", "held now", "of"], rows)
    say()
    labs = [
        [
            lab["lab"],
            lab["state"],
            _time(lab["begins"], "not known"),
            _time(lab["ends"], "no end"),
            f"{lab['amounts']['memory']:g}",
        ]
        for lab in found["labs"]
    ]
    table(["lab", "state", "from", "until", "MiB"], labs)


def _number(value: float | None) -> str:
    return "no limit" if value is None else f"{value:g}"


def _time(value: float | None, none: str) -> str:
    return none if value is None else clock(value)


def history(lab: Lab, in_json: InJson = False) -> None:
    """Show what was done with a lab: when, by whom, and why; of an ended lab too.

    Example: rackless history back-to-back
    """
    from rackless.client.api import Api

    with Api() as api:
        found: list[dict[str, Any]] = api.items(f"/labs/{lab}/history")
    if in_json:
        as_json(found)
    else:
        table(["time", "who", "what", "why"], [[clock(e["time"]), e["who"], e["what"], e["why"]] for e in found])


def add(app: typer.Typer) -> None:
    app.command()(calendar)
    app.command()(extend)
    app.command()(history)
