"""rackless image list, import, prepare, upload, export, use, prune."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from rackless.cli.options import File, InJson, Name
from rackless.cli.output import as_json, clock, megabytes, say, table, tell
from rackless.model.errors import InputError, NotFoundError

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
    templates: Annotated[bool, typer.Option("--templates", help="The warm templates that new machines start from, too.")] = False,
    in_json: InJson = False,
) -> None:
    """Remove builds that are not current and that no lab uses, warm templates of those, and what interrupted builds left behind.

    Example: rackless image prune --dry-run
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", "/images/prune", body={"dry": dry, "gone": gone, "templates": templates})
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


@image.command("warm")
def warm(
    file: File,
    name: Name = None,
    wait: Annotated[int, typer.Option("--wait", metavar="SECONDS", min=1, max=7200, help="What it may take.")] = 1800,
    in_json: InJson = False,
) -> None:
    """Make the warm templates that the machines of a blueprint's lab start from, before somebody waits for them.

    Without this they are made by and by, when a lab of such machines was up and nothing else was to do.

    Example: rackless image warm examples/back-to-back.yaml
    """
    from rackless.cli.reading import send
    from rackless.client.api import Api

    tell("One machine of each kind is booted and saved; that takes as long as their boots")
    with Api() as api:
        found = send(api, "/images/warm", file, query={"wait": wait}, name=name)
    if in_json:
        as_json(found)
        return
    for one in found:
        say(f"Template at {one['place']}: {one['name']}")
    if not found:
        say("There was nothing to make: the templates are there, or no machine of it can start from one.")


@image.command("upload")
def upload(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An archive of `image export`, or a disk in qcow2 or raw.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", metavar="IMAGE", help="The image that it is a build of.")],
    current: Annotated[bool, typer.Option("--current/--not-current", help="New machines get it from now on.")] = True,
    in_json: InJson = False,
) -> None:
    """Add a build to the image catalogue. Its checksum is compared on the way.

    Example: rackless image upload reference-61c06c6f.tar --name reference
    """
    from rackless.client.api import Api

    try:
        with file.open("rb") as source, Api() as api:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            source.seek(0)
            query = {"sha256": digest, "current": current}
            found = api.send("PUT", f"/images/{name}", pieces(source, file.stat().st_size), query=query)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", hint="Give a file that exists.") from error
    if in_json:
        as_json(found)
    else:
        say(f"Image {found['name']}: build {found['digest']} ({megabytes(found['total'])}).")


def pieces(source: BinaryIO, size: int) -> Iterator[bytes]:
    """The file in pieces, telling how far it is."""
    sent, told = 0, 0
    while piece := source.read(1 << 20):
        yield piece
        sent += len(piece)
        if size > 64 << 20 and sent * 10 // size > told:
            told = sent * 10 // size
            tell(f"sent {megabytes(sent)} of {megabytes(size)}")


@image.command("import")
def import_image(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="An OVA, a disk (qcow2, VMDK, raw), or an archive of those.", show_default=False),
    ],
    family: Annotated[str, typer.Option("--family", metavar="FAMILY", help="Whose image it is: vmx, vsrx, frr ...")] = "",
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="Of which of its machines: controller, card, host.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="IMAGE", help="Name of the image, whatever the file's name says.")] = "",
    current: Annotated[bool, typer.Option("--current/--not-current", help="New machines get it from now on.")] = True,
    in_json: InJson = False,
) -> None:
    """Take in somebody else's machine. What the file is, its contents say; whose image it is, its name or the options.

    Nothing is kept of an import that fails or is interrupted.

    Example: rackless image import vmx-bundle-18.2R1.9.tgz
    Example: rackless image import router.ova --name frr
    """
    from rackless.client.api import Api
    from rackless.client.errors import error_of

    found: list[dict[str, Any]] = []
    try:
        with file.open("rb") as source, Api() as api:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            source.seek(0)
            wish = {"file": file.name, "family": family, "role": role, "name": name, "sha256": digest, "current": current}
            whole = pieces(source, file.stat().st_size)
            for line in api.lines("POST", "/images/import", content=whole, query=wish):
                if "error" in line:
                    raise error_of(line["error"])
                found = line.get("images", [])
                if "doing" in line:
                    tell(line["doing"] + (f": {line['percent']} %" if line["percent"] is not None else ""))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", hint="Give a file that exists.") from error
    if in_json:
        as_json(found)
        return
    for one in found:
        signed = f", signed by {one['about']['signed']}" if one["about"].get("signed") else ""
        say(f"Image {one['name']}: build {one['digest']} ({megabytes(one['total'])}), from {one['about']['source']}{signed}.")


@image.command("prepare")
def prepare(
    name: Annotated[str, typer.Argument(metavar="IMAGE", help="The image of the card, as imported.", show_default=False)],
    slot: Annotated[int, typer.Option("--slot", metavar="N", min=0, max=11, help="The card's number.")],
    slot_file: Annotated[
        str, typer.Option("--slot-file", metavar="PATH", help="Where the guest reads it; its family knows.", show_default=False)
    ] = "",
    partition: Annotated[
        int | None, typer.Option("--partition", metavar="P", help="Which has that file; it is looked for.", show_default=False)
    ] = None,
    wait: Annotated[int, typer.Option("--wait", metavar="SECONDS", min=1, max=7200, help="What its one boot may take.")] = 1800,
    current: Annotated[bool, typer.Option("--current/--not-current", help="New cards get it from now on.")] = True,
    in_json: InJson = False,
) -> None:
    """Make the image of a card that knows its number, IMAGE-cardN: the number is written into it, it is booted once and halted.

    Example: rackless image prepare vmx-vfp --slot 0
    """
    from rackless.client.api import Api

    body = {"slot": slot, "slot_file": slot_file, "partition": partition, "current": current}
    tell(f"{name} is copied, given the number {slot}, and booted once; that takes minutes")
    with Api() as api:
        found = api.ask("POST", f"/images/{name}/prepare", body=body, query={"wait": wait})
    if in_json:
        as_json(found)
    else:
        say(f"Image {found['name']}: build {found['digest']} ({megabytes(found['total'])}).")


@image.command("export")
def export(
    name: Annotated[str, typer.Argument(metavar="IMAGE", help="The image.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the archive goes.")],
    digest: Annotated[str | None, typer.Option("--build", metavar="DIGEST", help="This build, not the current one.")] = None,
) -> None:
    """Write a build as an archive, for `image upload` of another installation.

    Example: rackless image export reference -o reference.tar
    """
    from rackless.client.api import Api

    with Api() as api:
        if digest is None:
            found = [one["digest"] for one in api.items("/images") if one["name"] == name and one["current"]]
            if not found:
                raise NotFoundError(f"There is no image {name}.", hint="`rackless image list` shows the images.")
            digest = found[0]
        draft = output.with_name(f"{output.name}.part")
        try:
            with api.stream("GET", f"/images/{name}/{digest}") as answer, draft.open("wb") as file:
                for piece in answer:
                    file.write(piece)
            draft.replace(output)
        except OSError as error:
            raise InputError(f"{output} cannot be written: {error.strerror}.", hint="Choose another place.") from error
        finally:
            draft.unlink(missing_ok=True)
    say(f"Written: {output} ({megabytes(output.stat().st_size)})")


@image.command("use")
def use(
    name: Annotated[str, typer.Argument(metavar="IMAGE", help="The image.", show_default=False)],
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The build that new machines are to get.", show_default=False)],
) -> None:
    """Let new machines get that build from now on; those that are there keep theirs.

    Example: rackless image use reference 61c06c6f7bf40700
    """
    from rackless.client.api import Api

    with Api() as api:
        api.ask("PUT", f"/images/{name}/{digest}/current")
    say(f"New machines of image {name} get build {digest}.")


def add(app: typer.Typer) -> None:
    app.add_typer(image, name="image")
