"""rackless session: who is logged in on the page."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, clock, say, table
from rackless.cli.people import User

session_app = typer.Typer(help="Sessions of browsers. Example: rackless session list una", no_args_is_help=True)


@session_app.command("list")
def list_sessions(name: User, in_json: InJson = False) -> None:
    """List a user's open sessions; `local` is who came by `rackless web`.

    Example: rackless session list una
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items(f"/users/{name}/sessions")
    if in_json:
        as_json(found)
    else:
        rows = [[s["id"], clock(s["created"]), clock(s["seen"]), s["how"], s["source"], s["agent"]] for s in found]
        table(["session", "opened", "seen", "by", "from", "browser"], rows)


@session_app.command("end")
def end_sessions(
    name: User,
    number: Annotated[int | None, typer.Argument(metavar="SESSION", help="Only this one.", show_default=False)] = None,
    in_json: InJson = False,
) -> None:
    """End a user's sessions: their browsers must log in again.

    Example: rackless session end una
    """
    from rackless.client.api import Api

    with Api() as api:
        api.ask("DELETE", f"/users/{name}/sessions" + ("" if number is None else f"/{number}"))
    what = "All sessions" if number is None else f"Session {number}"
    as_json({"user": name, "session": number}) if in_json else say(f"{what} of {name} ended.")


def add(app: typer.Typer) -> None:
    app.add_typer(session_app, name="session")
