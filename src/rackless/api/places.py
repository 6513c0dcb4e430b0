"""The places of this site: what each can do, and an examination of one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from rackless.api.errors import RESPONSES, body_of
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.model.errors import NotFoundError, RacklessError
from rackless.model.places import Place
from rackless.model.suggestions import did_you_mean
from rackless.planning.summary import PlaceRow
from rackless.providers.contract import Checkable, Finding, at
from rackless.workflows.world import World

router = APIRouter(tags=["site"], responses=RESPONSES, prefix="/places")


class SitePlace(BaseModel):
    """A place of the site. `default`: where labs are that name none. `able`: what it can do."""

    name: str
    provider: str
    default: bool
    able: PlaceRow


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


@router.get("")
async def list_places(here: Here, asked: Pages) -> Page[SitePlace]:
    """Where labs can be, by name."""
    return asked.of_all(
        here.site.everywhere,
        lambda place: (place.name,),
        lambda place: SitePlace(
            name=place.name, provider=place.provider, default=place.name == here.site.provider, able=place_row(here, place)
        ),
        str,
    )


@router.post("/{place}/check", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
async def check_place(place: str, here: Here) -> StreamingResponse:
    """Examine a place. NDJSON: {"name", "ok", "detail", "hint"} as soon as each is found, at last {"checked": how many, "bad":
    how many of them}. What the examination makes there, it takes away again, also when the caller hangs up."""
    known = here.site.place(place)
    if known is None:
        hint = did_you_mean(place, (one.name for one in here.site.everywhere), "places of this site")
        raise NotFoundError(f"There is no place named {place}.", hint=hint)
    return StreamingResponse(_findings(here, known.name), media_type="application/x-ndjson")


async def _findings(here: World, place: str) -> AsyncIterator[bytes]:
    checked = bad = 0
    found: AsyncIterator[Finding] | None = None
    try:
        provider = at(here.provider, place)
        if isinstance(provider, Checkable):
            found = provider.examine()
            async for one in found:
                checked, bad = checked + 1, bad + (not one.ok)
                yield _line(asdict(one))
        yield _line({"checked": checked, "bad": bad})
    except RacklessError as error:
        yield _line({"error": body_of(error)})
    finally:
        if isinstance(found, AsyncGenerator):
            await found.aclose()


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"
