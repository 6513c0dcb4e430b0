"""rackless blueprint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, say
from rackless.model.errors import InputError, ProviderError


def blueprint(
    lab: Lab,
    live: Annotated[bool, typer.Option("--live", help="What is there now, with the wires drawn since.")] = False,
    write: Annotated[
        str | None,
        typer.Option("--write", "-w", metavar="DIRECTORY", help="Write it and the files it names there.", show_default=False),
    ] = None,
    in_json: InJson = False,
) -> None:
    """Print the blueprint that a lab was made from, as it was written; or what is there now as one that `up` takes.

    Example: rackless blueprint back-to-back --live > now.yaml
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("GET", f"/labs/{lab}/blueprint", query={"live": live})
    written = _write(Path(write), found) if write is not None else []
    if in_json:
        as_json(found)
    elif write is None:
        say(found["text"].removesuffix("\n"))
    else:
        for path in written:
            say(str(path))


def _write(directory: Path, found: dict[str, Any]) -> list[Path]:
    """Never over a file that is there, and never outside of the directory."""
    wanted = {Path(found["file"]).name if found["file"] != "standard input" else f"{found['lab']}.yaml": found["text"]}
    for name, content in found["files"].items():
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise InputError(
                f"The blueprint names {name}, which is outside of {directory}.", hint="Take it out of `--json`'s `files`."
            )
        wanted[name] = content
    paths = {directory / name: content for name, content in wanted.items()}
    for path in paths:
        if path.exists():
            raise InputError(f"{path} is there already.", hint="Name another directory.")
    try:
        for path, content in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ProviderError(f"{directory} cannot be written: {error.strerror}.", hint="Name another directory.") from error
    return list(paths)


def add(app: typer.Typer) -> None:
    app.command()(blueprint)
