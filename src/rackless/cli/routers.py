"""rackless ssh, save."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab, named
from rackless.cli.output import as_json, say


def ssh(
    lab: Lab,
    router: Annotated[
        str, typer.Argument(metavar="ROUTER", help="A router of the lab, or a host.", show_default=False, callback=named)
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Run this, and end with its status.")
    ] = None,
    user: Annotated[str, typer.Option("--user", "-l", metavar="USER", help="root, or the login user of the router.")] = "root",
    in_json: InJson = False,
) -> None:
    """Log in to a router over SSH, through the server; or run one command. Ctrl-] leaves.

    Options go before LAB; what follows ROUTER is the command. root has a Unix shell (`cli` starts the router's own command
    line), the login user has the router's command line.

    Example: rackless ssh back-to-back west cli -c '"show interfaces terse"'
    """
    if not command:
        from rackless.client.api import Api
        from rackless.client.terminal import join, size

        columns, rows = size()
        query = {"user": user, "columns": columns, "rows": rows, "term": os.environ.get("TERM", "xterm")}
        with Api() as api:
            join(api, f"/labs/{lab}/routers/{router}/shell", query, resizes=True)
        return
    # As ssh does: the words become one line, which the router's shell reads.
    raise typer.Exit(_run(lab, router, " ".join(command), user=user, in_json=in_json))


def _run(lab: str, router: str, command: str, *, user: str, in_json: bool) -> int:
    from rackless.client.api import Api
    from rackless.client.errors import error_of

    status = 255
    texts = {"out": b"", "err": b""}
    with Api() as api:
        for piece in api.lines("POST", f"/labs/{lab}/run/{router}", body={"command": command, "user": user}):
            if "error" in piece:
                raise error_of(piece["error"])
            if "exit" in piece:
                status = int(piece["exit"])
                continue
            ((kind, value),) = piece.items()
            data = base64.b64decode(value)
            texts[kind] += data
            if not in_json:
                stream = sys.stdout.buffer if kind == "out" else sys.stderr.buffer
                stream.write(data)
                stream.flush()
    if in_json:
        shown = {kind: text.decode(errors="replace") for kind, text in texts.items()}
        as_json({"lab": lab, "router": router, "exit": status, **shown})
    return status


def save(
    lab: Lab,
    routers: Annotated[list[str] | None, typer.Argument(metavar="[ROUTER]...", help="Which; none means all.")] = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIRECTORY", help="Where the files go.")] = Path(),
    in_json: InJson = False,
) -> None:
    """Save the committed configurations to files ROUTER.set, as a blueprint's `startup` takes them.

    Example: rackless save back-to-back --to configs
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api
    from rackless.model.errors import InputError

    written = []
    with Api() as api:
        started = api.ask("POST", f"/labs/{lab}/save", body={"routers": routers or []})
        for name in follow(api, started["job"], lab=lab):
            text = api.ask("GET", f"/labs/{lab}/saved/{name}")
            path = to / f"{name}.set"
            try:
                to.mkdir(parents=True, exist_ok=True)
                # Hashes of passwords and communities are in it.
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise InputError(
                    f"{path} cannot be written: {error.strerror}.", hint="Name another directory with `--to`."
                ) from error
            written.append({"router": name, "file": str(path)})
    if in_json:
        as_json({"lab": lab, "saved": written})
    for line in [] if in_json else written:
        say(f"{line['router']}: {line['file']}")


def add(app: typer.Typer) -> None:
    app.command(context_settings={"allow_interspersed_args": False})(ssh)
    app.command()(save)
