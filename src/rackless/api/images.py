"""Images that this installation has: their builds, who uses them, and an end to those that nobody does."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from rackless.api import templates
from rackless.api.bounds import unbounded
from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.telling import MEDIA, Telling
from rackless.images import importing, pruning, reference, store, transfer, uses
from rackless.model.errors import RacklessError
from rackless.qemu.accelerator import Accelerator
from rackless.routers import preparing

T = TypeVar("T")
LOOK = 0.5
"""Seconds between two looks at whether the caller is still there."""

router = APIRouter(tags=["images"], responses=RESPONSES)


class ImageLine(BaseModel):
    """One build. `size` of the bootable disk, `total` of all that it takes on the disk, in bytes. `current`: a new machine gets
    this one. `labs`: those that stand on it, of other installations too. `problem`: why it cannot be used."""

    name: str
    digest: str
    created: float
    size: int
    total: int
    current: bool
    labs: list[str]
    path: str
    problem: str = ""
    about: dict[str, Any] = Field(default={}, description="Where it is from: source, format, ova, archive, signed, memory, ...")


class PruneWish(BaseModel):
    """`dry`: only say what would go. `gone`: labs whose state directory is not there any more count as ended. `templates`: also
    the warm templates that new machines start from; the next are made anew."""

    dry: bool = False
    gone: bool = False
    templates: bool = False


class PrepareWish(BaseModel):
    """`slot_file`: where the guest reads its number; "": where its family says. `partition`: which has it; null: look for it."""

    slot: int = Field(ge=0, le=11)
    slot_file: str = Field(default="", max_length=255)
    partition: int | None = Field(default=None, ge=0, le=128)
    current: bool = True


class Pruned(BaseModel):
    """`kind`: build, packages, remains, template. `size` in bytes. `users`: why it stays; none: it is (or would be) gone."""

    kind: str
    name: str
    path: str
    size: int
    users: list[str]


@router.get("/images")
async def list_images(here: Here, asked: Pages) -> Page[ImageLine]:
    """Every build of every image, by name."""
    found = await asyncio.to_thread(_lines, here.settings.images, here.settings.state)
    return asked.of_all(found, lambda one: (one.name, one.path), lambda one: one, str, str)


@router.put(
    "/images/{name}",
    status_code=201,
    dependencies=[Depends(unbounded)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    name: str,
    request: Request,
    here: Here,
    sha256: Annotated[str, Query(pattern="^([0-9a-fA-F]{64})?$", description="Of the body, to be compared")] = "",
    current: Annotated[bool, Query(description="New machines get it from now on")] = True,
) -> ImageLine:
    """Take in a build: the archive of another installation, or a bootable disk in qcow2 or raw. The same one again is no harm."""
    images = here.settings.images
    folder = await transfer.receive(images, name, request.stream(), sha256=sha256, current=current)
    lines = await asyncio.to_thread(_lines, images, here.settings.state)
    return next(line for line in lines if line.path == str(folder))


@router.post(
    "/images/import",
    status_code=201,
    response_model=list[ImageLine],
    dependencies=[Depends(unbounded)],
    responses={201: {"content": {MEDIA: {}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_image(
    request: Request,
    here: Here,
    *,
    file: Annotated[str, Query(min_length=1, max_length=255, description="The file's name, which often says what it is")],
    family: Annotated[str, Query(max_length=64, description="Whose image it is")] = "",
    role: Annotated[str, Query(pattern="^(controller|card|host)?$", description="Of which of the family's machines")] = "",
    name: Annotated[str, Query(max_length=64, description="Name of the image, whatever the file says")] = "",
    sha256: Annotated[str, Query(pattern="^([0-9a-fA-F]{64})?$", description="Of the body, to be compared")] = "",
    current: Annotated[bool, Query(description="New machines get it from now on")] = True,
) -> Any:
    """Take in somebody else's machine: an OVA, a disk in qcow2, VMDK or raw, or the archive a vendor packs several in.

    All of its images come, or none; one who hangs up before the end has changed nothing. Who accepts application/x-ndjson is
    told, once all is sent, what is being done: {"doing", "percent"}, percent null where it is not known; at last {"images"}, or
    {"error"}."""
    images = here.settings.images
    wish = importing.Wish(file=PurePosixPath(file).name, family=family, role=role, name=name, current=current)
    came, telling = asyncio.Event(), Telling()
    work = importing.receive(
        images,
        _noticed(request, came),
        wish,
        here.site.families,
        sha256=sha256,
        tell=lambda doing, percent: telling.tell(doing=doing, percent=percent),
    )

    async def imported(folders: Sequence[Path]) -> list[ImageLine]:
        wanted = {str(folder) for folder in folders}
        lines = await asyncio.to_thread(_lines, images, here.settings.state)
        return [line for line in lines if line.path in wanted]

    if MEDIA not in request.headers.get("accept", ""):
        return await imported(await _unless_gone(request, came, work))

    async def last(folders: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
        return {"images": [line.model_dump(mode="json") for line in await imported(folders)]}

    # An answer can't be begun before the body is read: until then, what is wrong is a status of its own.
    task = await _begun(asyncio.create_task(work), came)
    return StreamingResponse(telling.lines(task, last), status_code=201, media_type=MEDIA)


@router.post("/images/{name}/prepare", status_code=201)
async def prepare(
    name: str,
    body: PrepareWish,
    request: Request,
    here: Here,
    wait: Annotated[float, Query(ge=1, le=7200, description="Seconds that its one boot may take")] = 1800.0,
) -> ImageLine:
    """Make the image of a card that knows its slot: the number written into its file system, booted once, halted."""
    images = here.settings.images
    wish = preparing.Preparation(
        image=name, slot=body.slot, slot_file=body.slot_file, partition=body.partition, seconds=wait, current=body.current
    )
    chosen = Accelerator(here.settings.state / "accelerator.json", os.environ.get("RACKLESS_ACCELERATOR", "auto"))
    kernel = (await asyncio.to_thread(store.find, images, name)).kernel
    how = (await chosen.find(kernel)).how
    came = asyncio.Event()
    came.set()
    folder = await _unless_gone(request, came, preparing.prepare(images, wish, here.site.families, how))
    lines = await asyncio.to_thread(_lines, images, here.settings.state)
    return next(line for line in lines if line.path == str(folder))


async def _noticed(request: Request, came: asyncio.Event) -> AsyncIterator[bytes]:
    """The body; `came` is set when all of it is there."""
    async for piece in request.stream():
        yield piece
    came.set()


async def _begun(task: asyncio.Task[T], came: asyncio.Event) -> asyncio.Task[T]:
    """The task, once `came` is set. Raises what it raised, if that was before."""
    coming = asyncio.create_task(came.wait())
    try:
        await asyncio.wait({task, coming}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        coming.cancel()
    if task.done() and not came.is_set():
        await task
    return task


async def _unless_gone(request: Request, came: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do it, unless its caller hangs up: nobody would hear what became of it. While the body comes, that itself tells."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK))[0]:
            if came.is_set() and await request.is_disconnected():
                break
    finally:
        task.cancel()
    return await task


@router.get("/images/{name}/{digest}", response_class=StreamingResponse)
async def download(name: str, digest: str, here: Here) -> StreamingResponse:
    """The build as an archive that `upload` takes."""
    length, pieces = await asyncio.to_thread(transfer.export, here.settings.images, name, digest)
    headers = {"Content-Length": str(length), "Content-Disposition": f'attachment; filename="{name}-{digest}.tar"'}
    return StreamingResponse(pieces, media_type="application/x-tar", headers=headers)


@router.put("/images/{name}/{digest}/current", status_code=204)
async def make_current(name: str, digest: str, here: Here) -> None:
    """Let new machines get that build from now on."""
    await asyncio.to_thread(transfer.make_current, here.settings.images, name, digest)


@router.post("/images/prune")
async def prune(body: PruneWish, here: Here) -> list[Pruned]:
    """Remove builds that are not current and that no lab uses, what builders left behind, and warm templates that no new machine
    starts from; with `templates`, all of those."""
    first = await templates.prune(here, dry=body.dry, everything=body.templates)
    found = await asyncio.to_thread(
        pruning.prune, here.settings.images, here.settings.state, packages=_packages(), gone=body.gone, dry=body.dry
    )
    rest = [Pruned(kind=i.kind, name=i.name, path=str(i.path), size=i.size, users=list(i.users)) for i in found]
    return [*(Pruned(kind=one.kind, name=one.name, path=one.id, size=one.size, users=who) for one, who in first), *rest]


def _packages() -> str | None:
    try:
        return reference.find_inputs().packages
    except RacklessError:  # no Debian: nothing is built here
        return None


def _lines(images: Path, own: Path) -> list[ImageLine]:
    lines = []
    for folder in (build for top in pruning.stores(images) for build in pruning.builds(top)):
        manifest = folder / store.MANIFEST
        if not manifest.is_file():
            continue
        kept = json.loads(manifest.read_text(encoding="utf-8"))
        current = pruning.current(folder.parent) == folder.resolve()
        disk = folder / store.FILES["disk"]
        lines.append(
            ImageLine(
                name=folder.parent.name,
                digest=str(kept["digest"]),
                created=float(kept.get("created", 0)),
                size=disk.stat().st_size if disk.exists() else 0,
                total=pruning.size(folder),
                current=current,
                labs=list(uses.users(folder, own)),
                path=str(folder),
                problem=_problem(folder, kept),
                about=kept.get("about", {}),
            )
        )
    return lines


def _problem(folder: Path, manifest: dict[str, Any]) -> str:
    """What was in the build and is not there any more."""
    missing = [file for file in manifest.get("files", {}) if not (folder / file).is_file()]
    return f"It lacks {', '.join(missing)}." if missing else ""
