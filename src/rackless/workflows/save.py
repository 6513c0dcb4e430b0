"""Save: the committed configuration of every router, into files. The job's record holds names only, never the text."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

from rackless import durable
from rackless.deadline import Deadline
from rackless.store import sandboxes
from rackless.workflows.spots import controller_of, spot_of
from rackless.workflows.verb import Work, carried_out
from rackless.workflows.world import World

SAVING = 120.0
"""Seconds to read one router's configuration."""


@durable.workflow("save")
async def save(job: str) -> list[str]:
    """Returns the routers that were saved."""
    names = await carried_out(job, _save)
    return list(names)


async def _save(work: Work) -> list[str]:
    names: list[str] = work.job.arguments["routers"]
    for name in names:
        await work.step(
            f"save {name}",
            partial(_save_one, work, name),
            deadline=2 * SAVING,
            about=f"reading the configuration of {name}",
            tries=2,
        )
    return names


def path_of(saved: Path, lab: str, router: str) -> Path:
    """Where the configuration of a router is kept until it is fetched."""
    return saved / lab / f"{router}.set"


async def save_one(world: World, lab: sandboxes.SandboxRow, router: str, folder: Path, seconds: float) -> Path:
    """Write the configuration of a router into a folder that its owner alone can read; returns the file.

    Raises:
        RacklessError: the router does not answer in time, or refuses.
    """
    spec = controller_of(lab.plan, router)
    text = await world.driver_of(lab.plan, spec).save(await spot_of(world, lab, router), deadline=Deadline(seconds))
    return await asyncio.to_thread(_write, folder, folder / f"{router}.set", text)


def _write(folder: Path, target: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_suffix(".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(target)
    return target


async def _save_one(work: Work, router: str) -> None:
    await save_one(work.world, work.lab, router, path_of(work.world.saved, work.lab.name, router).parent, SAVING)
    await work.world.sharing.look()  # whoever fetches it may ask another server
