"""Wires of a running lab: connect, disconnect, down and up; and the capture of a port."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.model import impairment
from rackless.model.errors import InputError
from rackless.planning import check_reach, resolve, wire
from rackless.providers.contract import Capture, at
from rackless.providers.impairing import impairing
from rackless.sandboxes import booking
from rackless.store import sandboxes
from rackless.workflows import impair as workflow

router = APIRouter(tags=["wires"], responses=RESPONSES, prefix="/labs/{name}")


class Ends(BaseModel):
    """Two ends as `router:ge-0/0/0` or `host:eth1`."""

    a: str
    b: str


class LinkTo(BaseModel):
    """One end of the wire (or both), and whether it is to be up."""

    end: str
    other: str | None = None
    up: bool


@router.post("/wires", status_code=202)
async def connect(name: str, body: Ends, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Join two free ports behind their running machines."""
    row = await here.database.read(booking.ready, name)
    ends = [resolve(row.plan, text)[0] for text in (body.a, body.b)]
    segment, spec = wire(row.plan, ends[0], ends[1])
    check_reach(here.site, row.plan, segment, spec.wire)
    return await started(here, who, name, await here.database.run(booking.book_wire, name, spec, here.place), wait)


@router.delete("/wires", status_code=202)
async def disconnect(name: str, a: str, b: str, *, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Take the wire between two ends away."""
    row = await here.database.read(booking.ready, name)
    ends = [str(resolve(row.plan, text)[0]) for text in (a, b)]
    found = await here.database.read(booking.wire_at, name, *ends)
    arguments = {"segment": found.segment, "ends": list(found.ends)}
    return await started(here, who, name, await here.database.run(booking.book_job, name, "disconnect", arguments), wait)


@router.patch("/wires", status_code=202)
async def link(name: str, body: LinkTo, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Let both ends of a wire lose their carrier, or get it back."""
    row = await here.database.read(booking.ready, name)
    ends = [str(resolve(row.plan, text)[0]) for text in (body.end, body.other) if text]
    found = await here.database.read(booking.wire_at, name, *ends)
    arguments = {"segment": found.segment, "ends": list(found.ends), "up": body.up}
    return await started(here, who, name, await here.database.run(booking.book_job, name, "link", arguments), wait)


class ImpairmentOf(BaseModel):
    """One end of the wire (or both), and what it is to do to frames, in each direction; without any of it, nothing more."""

    end: str
    other: str | None = None
    delay: Annotated[str | None, Field(description="20ms, 500us, 1s")] = None
    jitter: Annotated[str | None, Field(description="how much more or less than the delay: 2ms")] = None
    loss: Annotated[str | None, Field(description="share of the frames: 1%")] = None
    rate: Annotated[str | None, Field(description="bit/s: 64k, 10m, 1g")] = None


@router.put("/wires/impairment", status_code=202)
async def impair(name: str, body: ImpairmentOf, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Let a wire delay, lose or slow down the frames that it carries, or no more. Behind running machines; nothing reboots."""
    try:
        how = impairment.read({key: getattr(body, key) for key in impairment.KEYS})
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise InputError(f"The {message}{'' if message.endswith('.') else '.'}", hint=f"{hint[:1].upper()}{hint[1:]}") from error
    row = await here.database.read(booking.ready, name)
    ends = [str(resolve(row.plan, text)[0]) for text in (body.end, body.other) if text]
    found = await here.database.read(booking.wire_at, name, *ends)
    impairing(here.provider, row.plan, found.ports)
    arguments = workflow.arguments(found, how)
    return await started(here, who, name, await here.database.run(booking.book_job, name, "impair", arguments), wait)


@router.get("/capture", response_class=StreamingResponse, responses={200: {"content": {"application/vnd.tcpdump.pcap": {}}}})
async def capture(name: str, end: Annotated[str, Query(description="west:ge-0/0/0")], here: Here) -> StreamingResponse:
    """The frames of a port in both directions, as a pcap stream. Hanging up ends the capture."""
    row = await here.database.read(sandboxes.get, name)
    _, spec, nic = resolve(row.plan, end)
    there = at(here.provider, row.plan.place_of(spec))
    if not isinstance(there, Capture) or not there.info.capture:
        raise InputError(f"The provider {there.info.name} cannot capture.", hint="Capture inside the router instead.")
    frames = there.capture(spec.port(nic))
    # The first piece (pcap's header) before the answer's status: a failure to start is an error, not an empty file.
    first = await anext(frames, b"")

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield first
            async for piece in frames:
                yield piece
        finally:
            if isinstance(frames, AsyncGenerator):
                await frames.aclose()

    return StreamingResponse(stream(), media_type="application/vnd.tcpdump.pcap")
