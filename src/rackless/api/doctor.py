"""What this machine can and can't do for Rackless, and the way out of each shortage."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.images import store
from rackless.model.errors import RacklessError
from rackless.qemu.accelerator import Accelerator
from rackless.store import pools
from rackless.workflows.world import World

router = APIRouter(tags=["server"], responses=RESPONSES)

PROGRAMS = (
    ("qemu-system-x86_64", "qemu-system-x86", "to run machines"),
    ("qemu-img", "qemu-utils", "to make linked clones"),
)
LEAST_MEMORY = 1024
"""MiB under which not even one router with two cards fits."""
LEAST_DISK = 2048
"""MiB that disks and logs of one lab should find."""


class Verdict(StrEnum):
    GOOD = "good"
    LIMITED = "limited"
    """It works, with less than it could."""
    BAD = "bad"
    """Labs cannot run until this is mended."""


class Finding(BaseModel):
    name: str
    verdict: Verdict
    message: str
    hint: str = ""


@router.get("/doctor")
async def doctor(here: Here) -> list[Finding]:
    """Look at everything; changes nothing (an accelerator is found by booting a tiny guest with it)."""
    findings = [_provider(here)]
    if here.provider.info.name == "local":
        findings += [*_programs(), _image(here), await _accelerator(here), _rights(here)]
    findings += [_memory(), await asyncio.to_thread(_disk, here.settings.state)]
    taken = await here.database.run(pools.count)
    for pool, numbers in (("console", here.site.console_ports), ("forward", here.site.forward_ports)):
        free = len(numbers) - taken.get(pool, 0)
        findings.append(
            Finding(
                name=f"pool {pool}",
                verdict=Verdict.GOOD if free > 10 else Verdict.LIMITED,
                message=f"{free} of {len(numbers)} ports ({numbers.first} to {numbers.last}) are free.",
                hint="" if free > 10 else "Take labs down, or widen the range in site.yaml.",
            )
        )
    return findings


def _provider(here: World) -> Finding:
    info = here.provider.info
    return Finding(name="provider", verdict=Verdict.GOOD, message=" ".join([f"{info.name}.", *info.notes]))


def _programs() -> Iterator[Finding]:
    for program, package, what in PROGRAMS:
        path = shutil.which(program)
        if path:
            yield Finding(name=program, verdict=Verdict.GOOD, message=f"{path} is there {what}.")
        else:
            hint = f"apt-get install {package}"
            yield Finding(name=program, verdict=Verdict.BAD, message=f"{program} is missing; it is needed {what}.", hint=hint)


def _image(here: World) -> Finding:
    try:
        image = store.find(here.settings.images, "reference")
    except RacklessError as error:
        return Finding(name="image reference", verdict=Verdict.BAD, message=error.message, hint=error.hint)
    return Finding(name="image reference", verdict=Verdict.GOOD, message=f"Built, digest {image.digest}.")


async def _accelerator(here: World) -> Finding:
    wanted = os.environ.get("RACKLESS_ACCELERATOR", "auto")
    try:
        kernel = store.find(here.settings.images, "reference").kernel
    except RacklessError:
        kernel = None
    try:
        found = await Accelerator(here.settings.state / "accelerator.json", wanted).find(kernel)
    except RacklessError as error:
        return Finding(name="accelerator", verdict=Verdict.BAD, message=error.message, hint=error.hint)
    fast = found.how.name == "kvm"
    return Finding(
        name="accelerator",
        verdict=Verdict.GOOD if fast else Verdict.LIMITED,
        message=f"{found.how.name}: {found.why}.",
        hint=""
        if fast
        else "Machines run, several times slower. Enable virtualization in the firmware, or nested in the outer hypervisor.",
    )


def _rights(here: World) -> Finding:
    own = here.provider.info.management == "address"
    return Finding(
        name="management network",
        verdict=Verdict.GOOD if own else Verdict.LIMITED,
        message="fxp0 has an address of its own that this machine reaches." if own else "fxp0 is reached by forwarded ports.",
        hint="" if own else "Run the server as root to give each fxp0 an address of its own.",
    )


def _memory() -> Finding:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    free = next(int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith("MemAvailable:"))
    enough = free >= LEAST_MEMORY
    return Finding(
        name="memory",
        verdict=Verdict.GOOD if enough else Verdict.BAD,
        message=f"{free} MiB are available.",
        hint="" if enough else f"A router with two cards needs about {LEAST_MEMORY} MiB.",
    )


def _disk(state: Path) -> Finding:
    free = shutil.disk_usage(state).free >> 20
    enough = free >= LEAST_DISK
    return Finding(
        name="disk",
        verdict=Verdict.GOOD if enough else Verdict.BAD,
        message=f"{free} MiB are free in {state}.",
        hint="" if enough else "Free some space, or set RACKLESS_STATE to a larger file system.",
    )
