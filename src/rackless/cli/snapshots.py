"""rackless snapshot take, list, restore, remove, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, clock, megabytes, say, table
from rackless.model.errors import InputError, NotFoundError

snapshot = typer.Typer(
    help="The state of whole labs at one moment, to go on from. Example: rackless snapshot take back-to-back before",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Snapshot = Annotated[str, typer.Argument(metavar="NAME", help="Name of the snapshot.", show_default=False)]


@snapshot.command("take")
def take(
    lab: Lab,
    name: Snapshot,
    keep: Annotated[bool, typer.Option("--keep", help="It stays when its lab is taken down.")] = False,
    in_json: InJson = False,
) -> None:
    """Save memory, devices and disks of all machines of a lab, of one moment. They are stopped for the seconds that it takes.

    Example: rackless snapshot take back-to-back before-upgrade
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api

    with Api() as api:
        started = api.ask("POST", f"/labs/{lab}/snapshots", body={"name": name, "keep": keep})
        follow(api, started["job"])
        found = next(one for one in api.items(f"/labs/{lab}/snapshots") if one["name"] == name)
    if in_json:
        as_json(found)
    else:
        say(f"Snapshot {name} of lab {lab}: {found['machines']} machines, {megabytes(found['size'])}.")


@snapshot.command("list")
def list_snapshots(
    lab: Annotated[str, typer.Argument(metavar="[LAB]", help="Of this lab only.", show_default=False)] = "",
    in_json: InJson = False,
) -> None:
    """List snapshots: those of a lab, or all.

    Example: rackless snapshot list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items(f"/labs/{lab}/snapshots" if lab else "/snapshots")
    if in_json:
        as_json(found)
    elif not found:
        say("There are no snapshots. Take one with: rackless snapshot take LAB NAME")
    else:
        rows = [
            [
                one["lab"],
                one["name"],
                clock(one["taken"]),
                one["machines"],
                megabytes(one["size"]),
                "yes" if one["keep"] else "no",
            ]
            for one in found
        ]
        table(["lab", "snapshot", "taken", "machines", "size", "kept"], rows)


@snapshot.command("restore")
def restore(lab: Lab, name: Snapshot, in_json: InJson = False) -> None:
    """Have all machines of a lab go on from a snapshot; what they did since is lost. A lab that is not there is made for it.

    Refused where the machines could not go on: on a host with another QEMU, processor or image, say. Wires are as they are now.

    Example: rackless snapshot restore back-to-back before-upgrade
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api

    with Api() as api:
        try:
            api.ask("GET", f"/labs/{lab}", query={"all": False})
            path = f"/labs/{lab}/snapshots/{name}/restore"
        except NotFoundError:
            path = f"/snapshots/{lab}/{name}/restore"
        started = api.ask("POST", path)
        follow(api, started["job"])
        found = api.ask("GET", f"/labs/{lab}")
    if in_json:
        as_json(found)
    else:
        say(f"Lab {lab} goes on from its snapshot {name}: {len(found['machines'])} machines.")


@snapshot.command("remove")
def remove(lab: Lab, name: Snapshot) -> None:
    """Take a snapshot away; also one of a lab that has ended.

    Example: rackless snapshot remove back-to-back before-upgrade
    """
    from rackless.client.api import Api

    with Api() as api:
        try:
            api.ask("DELETE", f"/labs/{lab}/snapshots/{name}")
        except NotFoundError:
            api.ask("DELETE", f"/snapshots/{lab}/{name}")
    say(f"Snapshot {name} of lab {lab} is gone.")


@snapshot.command("export")
def export(
    lab: Lab,
    name: Snapshot,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes.")],
) -> None:
    """Write a snapshot as one file, for `snapshot import` of another installation. It holds the lab's passwords and keys.

    Example: rackless snapshot export back-to-back before-upgrade -o lab.snapshot
    """
    from rackless.client.api import Api

    draft = output.with_name(f"{output.name}.part")
    try:
        with Api() as api:
            draft.touch(mode=0o600)
            with api.stream("GET", f"/snapshots/{lab}/{name}") as answer, draft.open("wb") as file:
                for piece in answer:
                    file.write(piece)
        draft.replace(output)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    finally:
        draft.unlink(missing_ok=True)
    say(f"Written: {output} ({megabytes(output.stat().st_size)}). Keep it as you keep a password.")


@snapshot.command("import")
def import_snapshot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `snapshot export` wrote.", show_default=False)],
    in_json: InJson = False,
) -> None:
    """Take in a snapshot of another installation. QEMU reads what is in it: take it from nobody you don't trust.

    Example: rackless snapshot import lab.snapshot
    """
    from rackless.cli.images import pieces
    from rackless.client.api import Api

    try:
        with file.open("rb") as source, Api() as api:
            found = api.send("POST", "/snapshots", pieces(source, file.stat().st_size))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", hint="Give a file that exists.") from error
    if in_json:
        as_json(found)
    else:
        say(f"Snapshot {found['name']} of lab {found['lab']}. Next: rackless snapshot restore {found['lab']} {found['name']}")


def add(app: typer.Typer) -> None:
    app.add_typer(snapshot, name="snapshot")
