"""Images that this installation has."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.images import store
from rackless.model.errors import RacklessError

router = APIRouter(tags=["images"], responses=RESPONSES)


class ImageLine(BaseModel):
    """Size of the bootable disk in bytes. `current`: a new machine gets this one. `problem`: why it cannot be used."""

    name: str
    digest: str
    created: float
    size: int
    current: bool
    path: str
    problem: str = ""


@router.get("/images")
async def list_images(here: Here) -> list[ImageLine]:
    return await asyncio.to_thread(_lines, here.settings.images)


def _lines(images: Path) -> list[ImageLine]:
    lines = []
    for manifest in sorted(images.glob("*/*/" + store.MANIFEST)):
        folder = manifest.parent
        if folder.is_symlink():
            continue
        kept = json.loads(manifest.read_text(encoding="utf-8"))
        current = (folder.parent / "current").resolve() == folder.resolve()
        disk = folder / store.FILES["disk"]
        lines.append(
            ImageLine(
                name=folder.parent.name,
                digest=str(kept["digest"]),
                created=float(kept.get("created", 0)),
                size=disk.stat().st_size if disk.exists() else 0,
                current=current,
                path=str(folder),
                problem=_problem(images, folder.parent.name) if current else "",
            )
        )
    return lines


def _problem(images: Path, name: str) -> str:
    try:
        store.find(images, name)
    except RacklessError as error:
        return error.message
    return ""
