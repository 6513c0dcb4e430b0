"""rackless image list, prune."""

from __future__ import annotations

from typing import Annotated

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
        found = api.items("/images")
    if in_json:
        as_json(found)
    elif not found:
        say("There are no images. Build them with: make images")
    else:
        rows = [
            [
                *(i["name"], i["digest"], "yes" if i["current"] else "no", megabytes(i["total"]), clock(i["created"])),
                *(", ".join(i["labs"]), i["problem"]),
            ]
            for i in found
        ]
        table(["image", "digest", "current", "size", "built", "labs", "problem"], rows)


@image.command("prune")
def prune(
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    gone: Annotated[
        bool, typer.Option("--gone", help="Labs whose state directory is not there any more don't count as users.")
    ] = False,
    in_json: InJson = False,
) -> None:
    """Remove builds that are not current and that no lab uses, and what interrupted builds left behind.

    Example: rackless image prune --dry-run
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", "/images/prune", body={"dry": dry, "gone": gone})
    if in_json:
        as_json(found)
        return
    going = [item for item in found if not item["users"]]
    for item in found:
        if item["users"]:
            say(f"Kept: {item['name']} ({megabytes(item['size'])}), for {', '.join(item['users'])}")
    for item in going:
        say(f"{'Would go' if dry else 'Removed'}: {item['name']} ({megabytes(item['size'])})")
    total = megabytes(sum(item["size"] for item in going))
    say(f"{total} would be free." if dry else f"{total} are free again." if going else "There was nothing to remove.")


def add(app: typer.Typer) -> None:
    app.add_typer(image, name="image")
