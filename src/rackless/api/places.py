"""The places of this site: what each can do, and an examination of one."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from rackless.api.bounds import unbounded
from rackless.api.errors import RESPONSES, body_of
from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.telling import ALIVE, MEDIA, Telling, line
from rackless.model.errors import NotFoundError, RacklessError, StateError
from rackless.model.places import Place
from rackless.model.suggestions import did_you_mean
from rackless.planning.summary import PlaceRow
from rackless.providers.contract import Checkable, Cleanable, Finding, Receiving, Standing, at
from rackless.workflows import own_ground, probing
from rackless.workflows.world import World

BASIC = frozenset({"reachable", "credentials", "services", "inventory"})
"""Findings without which no machine can be made."""
Quick = Annotated[bool, Query(description="Without the two machines")]

router = APIRouter(tags=["site"], responses=RESPONSES, prefix="/places")


class SitePlace(BaseModel):
    """A place of the site. `default`: where labs are that name none. `able`: what it can do. `unready`: why nothing new can be
    made there, as far as is known without asking; "" when something can."""

    name: str
    provider: str
    default: bool
    able: PlaceRow
    unready: str


def place_row(here: World, place: Place) -> PlaceRow:
    """Raises AbsentError when this site has no such place."""
    info = at(here.provider, place.name).info
    return PlaceRow(
        name=place.name,
        provider=place.provider,
        rewiring=info.rewiring,
        live_rewire=info.live_rewire,
        carrier=info.carrier,
        capture=info.capture,
        management=info.management,
        most_nics=info.most_nics,
        segment_most_mtu=info.segment_most_mtu,
        numbers=f"{place.numbers.first}-{place.numbers.last}" if place.numbers is not None else None,
        fabric=place.fabric,
        notes=list(info.notes),
    )


def _unready(here: World, place: Place) -> str:
    provider = at(here.provider, place.name)
    return provider.unready() if isinstance(provider, Standing) else ""


@router.get("")
async def list_places(here: Here, asked: Pages) -> Page[SitePlace]:
    """Where labs can be, by name."""
    return asked.of_all(
        here.site.everywhere,
        lambda place: (place.name,),
        lambda place: SitePlace(
            name=place.name,
            provider=place.provider,
            default=place.name == here.site.provider,
            able=place_row(here, place),
            unready=_unready(here, place),
        ),
        str,
    )


@router.post("/{place}/check", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
async def check_place(place: str, here: Here, who: Who, quick: Quick = False) -> StreamingResponse:
    """Examine a place. NDJSON: {"name", "ok", "detail", "hint"} as soon as each is found, at last {"checked": how many, "bad":
    how many of them}. At a cloud two small machines show what only machines can (MTU from end to end), as the lab `check-PLACE`.
    What the examination makes there, it takes away again, also when the caller hangs up."""
    return StreamingResponse(_findings(here, _known(here, place), who.name, quick), media_type=MEDIA)


class Clean(BaseModel):
    """What the installation has at a place for all its labs. `size` in bytes. `used`: why it stays; "": it is gone (or, dry,
    would be)."""

    kind: str
    name: str
    size: int
    used: str


def _known(here: World, place: str) -> Place:
    """Raises NotFoundError."""
    known = here.site.place(place)
    if known is None:
        hint = did_you_mean(place, (one.name for one in here.site.everywhere), "places of this site")
        raise NotFoundError(f"There is no place named {place}.", hint=hint)
    return known


@router.post("/{place}/clean")
async def clean_place(
    place: str, here: Here, dry: Annotated[bool, Query(description="Only say what would go")] = False
) -> list[Clean]:
    """Take away what no lab uses of that which stays at a place for the next lab: uploaded images, flavors, networks."""
    provider = at(here.provider, _known(here, place).name)
    if not isinstance(provider, Cleanable):
        return []
    found = await provider.kept()
    if not dry:
        for one in found:
            if not one.used:
                await provider.drop(one)
    return [Clean(kind=one.kind, name=one.name, size=one.size, used=one.used) for one in found]


@router.post(
    "/{place}/images",
    response_class=StreamingResponse,
    dependencies=[Depends(unbounded)],
    responses={200: {"content": {"application/x-ndjson": {}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_to_place(
    place: str,
    request: Request,
    here: Here,
    name: Annotated[str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="What blueprints and families call it")],
) -> StreamingResponse:
    """Take an OVA or a disk into a place itself (vSphere), as its vendor made it. NDJSON: {"doing", "percent"} while a disk is
    converted and while it is sent there, at last {"image"}, or {"error"}."""
    provider = at(here.provider, _known(here, place).name)
    if not isinstance(provider, Receiving):
        raise StateError(
            f"The place {place} takes no images itself.",
            hint=f"`rackless image import` takes it into this server's store, from where {place} gets what its labs need.",
        )
    folder = tempfile.TemporaryDirectory(prefix="import-", dir=here.settings.state, ignore_cleanup_errors=True)
    file = Path(folder.name, "image")
    try:
        out = await asyncio.to_thread(file.open, "wb")
        with out:
            async for piece in request.stream():
                await asyncio.to_thread(out.write, piece)
    except BaseException:
        folder.cleanup()
        raise
    telling = Telling()
    work = asyncio.create_task(_received(provider, file, name, folder, telling))
    return StreamingResponse(telling.lines(work, _named), media_type=MEDIA)


async def _received(
    provider: Receiving, file: Path, name: str, folder: tempfile.TemporaryDirectory[str], telling: Telling
) -> str:
    with folder:
        await provider.receive(file, name, lambda doing, percent: telling.tell(doing=doing, percent=percent))
    return name


async def _named(name: str) -> dict[str, str]:
    return {"image": name}


async def _findings(here: World, place: Place, who: str, quick: bool) -> AsyncIterator[bytes]:
    checked = bad = 0
    found = _all(here, place, who, quick)
    try:
        while True:
            coming = asyncio.create_task(anext(found, None))
            try:
                while not (await asyncio.wait([coming], timeout=ALIVE))[0]:
                    yield b"\n"
                one = coming.result()
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            if one is None:
                break
            checked, bad = checked + 1, bad + (not one.ok)
            yield line(asdict(one))
        yield line({"checked": checked, "bad": bad})
    except RacklessError as error:
        yield line({"error": body_of(error)})
    finally:
        await found.aclose()


async def _all(here: World, place: Place, who: str, quick: bool) -> AsyncGenerator[Finding]:
    """What the provider finds, and what machines show; these are made only where nothing speaks against it."""
    provider = at(here.provider, place.name)
    bad = False
    if (told := await own_ground.finding(here, place.name)) is not None:
        yield told
    if isinstance(provider, Checkable):
        async with _closing(provider.examine()) as found:
            async for one in found:
                bad = bad or (not one.ok and one.name in BASIC)
                yield one
    if not quick and not bad and probing.worth_it(here, place):
        async with _closing(probing.probe(here, place, who=who)) as found:
            async for one in found:
                yield one


@contextlib.asynccontextmanager
async def _closing(found: AsyncIterator[Finding]) -> AsyncIterator[AsyncIterator[Finding]]:
    try:
        yield found
    finally:
        if isinstance(found, AsyncGenerator):
            await found.aclose()
