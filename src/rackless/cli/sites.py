"""rackless site: list, check, example."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rackless.cli.images import pieces
from rackless.cli.options import InJson
from rackless.cli.output import FAILED, as_json, megabytes, say, table, tell
from rackless.model.errors import InputError, NotFoundError
from rackless.model.suggestions import did_you_mean

site_app = typer.Typer(
    help="Where labs can be: this machine, and clouds of site.yaml. Example: rackless site check munich", no_args_is_help=True
)

Place = Annotated[str, typer.Argument(metavar="NAME", help="Name of the place.", show_default=False)]
Kind = Annotated[str, typer.Argument(metavar="KIND", help="openstack, vsphere, local or fake.", show_default=False)]


@site_app.command("list")
def list_places(in_json: InJson = False) -> None:
    """List the places, and what each can do.

    Example: rackless site list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/places")
    if in_json:
        as_json(found)
        return
    rows = []
    for one in found:
        able = one["able"]
        rows.append(
            [
                f"{one['name']}{' (default)' if one['default'] else ''}",
                *(one["provider"], able["rewiring"], able["numbers"], able["fabric"]),
                *(able["most_nics"], able["segment_most_mtu"], one["unready"]),
            ]
        )
    table(["place", "provider", "rewiring", "numbers", "fabric", "nics", "mtu", "unready"], rows)


@site_app.command()
def check(
    place: Place,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without the two small machines that show what only machines can.")
    ] = False,
    in_json: InJson = False,
) -> None:
    """Examine a place: reachable, let in, and all there that labs need. Each finding is told at once: good, or bad, why, and the
    way out. At a cloud two small machines are made for it, and go again. Exit status 1 when something is bad.

    Example: rackless site check munich
    """
    from rackless.client.api import Api
    from rackless.client.errors import error_of

    findings: list[dict[str, Any]] = []
    bad = 0
    with Api() as api:
        for line in api.lines("POST", f"/places/{place}/check", query={"quick": "true"} if quick else None):
            if "error" in line:
                raise error_of(line["error"])
            if "checked" in line:
                bad = line["bad"]
                continue
            findings.append(line)
            if not in_json:
                _show(line)
    if in_json:
        as_json(findings)
    elif bad:
        tell(f"{bad} of {len(findings)} are bad.")
    else:
        say(
            f"All {len(findings)} are good."
            if findings
            else f"The place {place} does not say more of itself than that it is there."
        )
    if bad:
        raise typer.Exit(FAILED)


def _show(finding: dict[str, Any]) -> None:
    say(f"{'ok ' if finding['ok'] else 'BAD'}  {finding['name']}: {finding['detail']}")
    if finding["hint"]:
        say(f"     Hint: {finding['hint']}")


@site_app.command()
def clean(
    place: Place,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    in_json: InJson = False,
) -> None:
    """Take away what stays at a place for the next lab and no lab uses: uploaded images, flavors, networks for parking.

    Example: rackless site clean munich --dry-run
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", f"/places/{place}/clean", query={"dry": "true"} if dry else None)
    if in_json:
        as_json(found)
        return
    for one in found:
        size = f" ({megabytes(one['size'])})" if one["size"] else ""
        verb = "Kept" if one["used"] else "Would go" if dry else "Removed"
        say(f"{verb}: {one['kind']} {one['name']}{size}{', for ' + one['used'] if one['used'] else ''}")
    if all(one["used"] for one in found):
        say("There is nothing to take away.")


@site_app.command("import")
def import_image(
    place: Place,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An OVA, or a disk in qcow2.", show_default=False)],
    name: Annotated[str, typer.Option("--name", metavar="IMAGE", help="What families or blueprints call it.")],
    in_json: InJson = False,
) -> None:
    """Take an OVA into a vCenter as its vendor made it, with all its disks and devices; its clones are machines of labs.

    Example: rackless site import vienna vcp_18.2R1.9.ova --name vmx-vcp
    """
    from rackless.client.api import Api
    from rackless.client.errors import error_of

    try:
        with file.open("rb") as source, Api() as api:
            for line in api.lines(
                "POST", f"/places/{place}/images", content=pieces(source, file.stat().st_size), query={"name": name}
            ):
                if "error" in line:
                    raise error_of(line["error"])
                if "percent" in line and not in_json:
                    tell(f"{line['doing']}: {line['percent']} %")
                if "image" in line and in_json:
                    as_json(line)
                elif "image" in line:
                    say(f"Image {line['image']} is at {place}.")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", hint="Give a file that exists.") from error


@site_app.command()
def example(kind: Kind, in_json: InJson = False) -> None:
    """Print a commented site.yaml with one place of a kind.

    Example: rackless site example openstack > site.yaml
    """
    from rackless.model.place_example import example as text_of
    from rackless.model.places import KINDS

    if kind not in KINDS:
        raise NotFoundError(f"There is no provider {kind}.", hint=did_you_mean(kind, KINDS, "providers"))
    if in_json:
        as_json({"provider": kind, "text": text_of(kind)})
    else:
        say(text_of(kind).rstrip())


def add(app: typer.Typer) -> None:
    app.add_typer(site_app, name="site")
