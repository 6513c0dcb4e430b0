"""A backup of all that this installation knows, as one file."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.store import archive, jobs, snapshot
from rackless.workflows.world import World

router = APIRouter(tags=["server"], responses=RESPONSES)

FOLDER = ".backup."
"""Begins the name of where it is made, in the state directory."""
LEFT = (FOLDER, ".snapshot.", ".restore.")
OLD = 24 * 3600.0
"""Seconds after which such a folder is what a crash left, and goes with the next backup."""


@router.post(
    "/backup",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The archive"}},
)
async def make_backup(here: Here) -> FileResponse:
    """The store, the record of workflows and the state's files, of one moment; jobs go on meanwhile. It holds every secret there
    is."""
    await asyncio.to_thread(_tidy, here.settings.state)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir=here.settings.state))
    try:
        await asyncio.to_thread(_make, here, folder / "rackless.backup")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        folder / "rackless.backup",
        media_type="application/octet-stream",
        filename="rackless.backup",
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _tidy(state: Path) -> None:
    for path in state.iterdir():
        if path.name.startswith(LEFT) and time.time() - path.stat().st_mtime > OLD:
            shutil.rmtree(path, ignore_errors=True)


def _make(here: World, file: Path) -> None:
    with snapshot.taken(here.database, here.settings.record) as seen:
        archive.write(
            file,
            seen,
            kind="postgresql" if here.database.shared else "sqlite",
            revision=here.database.revision(seen.store) or "",
            running=len(jobs.running(seen.store)),
            state=here.settings.state,
            site=here.settings.site_file,
        )
