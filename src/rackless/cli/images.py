"""rackless image list."""

from __future__ import annotations

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, clock, megabytes, say, table

image = typer.Typer(help="Images of machines.", no_args_is_help=True, rich_markup_mode=None)


@image.command("list")
def list_images(in_json: InJson = False) -> None:
    """List the images that are built; a new machine gets the current one.

    Example: rackless image list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("GET", "/images")
    if in_json:
        as_json(found)
    elif not found:
        say("There are no images. Build them with: make images")
    else:
        rows = [
            [i["name"], i["digest"], "yes" if i["current"] else "no", megabytes(i["size"]), clock(i["created"]), i["problem"]]
            for i in found
        ]
        table(["image", "digest", "current", "size", "built", "problem"], rows)


@image.callback()
def _images() -> None:
    """Without this, a single command would take its group's place."""


def add(app: typer.Typer) -> None:
    app.add_typer(image, name="image")
