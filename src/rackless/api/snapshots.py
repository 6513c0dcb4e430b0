"""Snapshots of labs: take, list, go on from one, carry one elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from rackless.api.bounds import unbounded
from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.api.pages import Page, Pages
from rackless.model.blueprint import Blueprint
from rackless.model.errors import ProviderError, StateError
from rackless.sandboxes import booking, secrecy, snapshots, times
from rackless.sandboxes.snapshots import Listed, Snapshot
from rackless.store import sandboxes
from rackless.workflows import snapshots as taking

router = APIRouter(tags=["snapshots"], responses=RESPONSES)


class SnapshotLine(BaseModel):
    """A snapshot. `taken`: seconds since the epoch. `keep`: it stays when its lab goes. `size`: bytes on the disk.
    `machines`: their number. `release`: that took it."""

    lab: str
    name: str
    taken: float
    keep: bool
    size: int
    machines: int
    release: str


class SnapshotWish(BaseModel):
    """`keep`: it stays when its lab is taken down."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=32)
    keep: bool = False


def _line(one: Listed) -> SnapshotLine:
    found = one.snapshot
    return SnapshotLine(
        lab=found.lab,
        name=found.name,
        taken=found.taken,
        keep=found.keep,
        size=one.size,
        machines=len(found.machines),
        release=found.release,
    )


@router.get("/snapshots")
async def list_all_snapshots(here: Here, asked: Pages) -> Page[SnapshotLine]:
    """Of all labs, also of those that have ended, by lab and time."""
    found = await asyncio.to_thread(snapshots.listed, here.settings.state)
    return asked.of_all(found, lambda one: (one.snapshot.lab, one.snapshot.name), _line, str, str)


@router.get("/labs/{name}/snapshots")
async def list_snapshots(name: str, here: Here, asked: Pages) -> Page[SnapshotLine]:
    """Of a lab, by name."""
    found = await asyncio.to_thread(snapshots.listed, here.settings.state, name)
    found.sort(key=lambda one: one.snapshot.name)
    return asked.of_all(found, lambda one: (one.snapshot.name,), _line, str)


@router.post("/labs/{name}/snapshots", status_code=202)
async def take_snapshot(name: str, body: SnapshotWish, here: Here, who: Who, wait: Wait = 0) -> Started:
    """The state of all machines of a lab at one moment: memory, devices, disks. They are stopped for as long as that takes."""
    row = await here.database.read(sandboxes.get, name)
    await taking.place_of(here, row.plan).likenesses(row.plan)
    if (await asyncio.to_thread(snapshots.folder_of, here.settings.state, name, body.name)).exists():
        raise StateError(
            f"Lab {name} has a snapshot {body.name} already.", hint=f"`rackless snapshot remove {name} {body.name}` first."
        )
    booked = await here.database.run(booking.book_job, name, "snapshot", {"name": body.name, "keep": body.keep})
    return await started(here, who, name, booked, wait)


@router.post("/labs/{name}/snapshots/{snapshot}/restore", status_code=202)
async def restore_snapshot(name: str, snapshot: str, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Have all machines of a lab that is up go on from there. What they did since is lost; wires are as they are now."""
    row = await here.database.read(sandboxes.get, name)
    found = await asyncio.to_thread(snapshots.find, here.settings.state, name, snapshot)
    await taking.check(here, row.plan, found)
    booked = await here.database.run(booking.book_job, name, "restore", {"snapshot": snapshot})
    return await started(here, who, name, booked, wait)


@router.delete("/labs/{name}/snapshots/{snapshot}", status_code=204)
async def remove_snapshot(name: str, snapshot: str, here: Here) -> None:
    """Absent is success."""
    await asyncio.to_thread(snapshots.remove, here.settings.state, name, snapshot)


@router.post("/snapshots/{lab}/{snapshot}/restore", status_code=202)
async def revive_snapshot(lab: str, snapshot: str, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Make the lab of a snapshot anew, and have its machines go on from there: one that has ended, or was another
    installation's. It has the passwords that it had."""
    found = await asyncio.to_thread(snapshots.find, here.settings.state, lab, snapshot)
    if await here.database.read(sandboxes.find, lab) is not None:
        raise StateError(f"There is a lab {lab}.", hint=f"`rackless snapshot restore {lab} {snapshot}` takes that back.")
    blueprint = _with_secrets(found)
    drafted = await here.database.read(booking.draft, blueprint, lab, here.place)
    await taking.check(here, drafted, found)
    if problems := await here.provider.check(drafted):
        raise ProviderError(" ".join(one.message for one in problems), hint=" ".join(one.hint for one in problems if one.hint))
    wish = times.Wish(who=who.name, owner=who.name, snapshot=snapshot)
    booked = await here.database.run(booking.book, blueprint, name=lab, place=here.place, wanted=here.wanted, wish=wish)
    here.changed.set()
    return await started(here, who, lab, booked, wait)


@router.delete("/snapshots/{lab}/{snapshot}", status_code=204)
async def remove_kept_snapshot(lab: str, snapshot: str, here: Here) -> None:
    """Also of a lab that has ended. Absent is success."""
    await asyncio.to_thread(snapshots.remove, here.settings.state, lab, snapshot)


@router.get("/snapshots/{lab}/{snapshot}", response_class=StreamingResponse)
async def export_snapshot(lab: str, snapshot: str, here: Here) -> StreamingResponse:
    """The snapshot as one file. It holds the lab's passwords and keys, and the memory of its machines."""
    length, pieces = await asyncio.to_thread(snapshots.export, here.settings.state, lab, snapshot)
    return StreamingResponse(pieces, media_type="application/x-tar", headers={"content-length": str(length)})


@router.post(
    "/snapshots",
    status_code=201,
    dependencies=[Depends(unbounded)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_snapshot(request: Request, here: Here) -> SnapshotLine:
    """Take in what another installation has exported. QEMU reads what is in it: take it from nobody you don't trust."""
    found = await snapshots.receive(here.settings.state, request.stream())
    lines = await asyncio.to_thread(snapshots.listed, here.settings.state, found.lab)
    return next(_line(one) for one in lines if one.snapshot.name == found.name)


def _with_secrets(found: Snapshot) -> Blueprint:
    """The blueprint as its lab was made of it: the guests have these passwords."""
    routers = []
    for router in found.plan.blueprint.routers:
        mine = found.secrets.get(router.name, {})
        login = replace(router.login, password=mine.get(secrecy.PASSWORD))
        routers.append(replace(router, login=login, snmp=replace(router.snmp, community=mine.get(secrecy.COMMUNITY))))
    return replace(found.plan.blueprint, routers=tuple(routers))
