"""What happens, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.requests import Request

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who, identify, streaming
from rackless.api.hearing import heard
from rackless.api.here import Here
from rackless.model.errors import InputError, RacklessError, UnavailableError
from rackless.model.lifecycle import JobState, MachineState, SandboxState, WireState
from rackless.model.people import Caller, Role
from rackless.store.events import Event
from rackless.workflows.world import World

router = APIRouter(tags=["events"], responses=RESPONSES)

Item = TypeVar("Item")

ALIVE = 15.0
"""Seconds of silence after which a comment is sent, and it is looked whether the caller may still listen."""
AGAIN = 1000
"""Milliseconds after which a browser that lost the stream comes back."""
MEDIA = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The latter: a proxy must not hold it back."""


class Topic(StrEnum):
    LABS = "labs"
    JOBS = "jobs"
    STEPS = "steps"
    MACHINES = "machines"
    LINKS = "links"


KINDS = {Topic.LABS: "lab", Topic.JOBS: "job", Topic.STEPS: "step", Topic.MACHINES: "machine", Topic.LINKS: "link"}
"""Topic -> type of its events."""


class LabEvent(BaseModel):
    """Event `lab`: it entered a state, or something of it changed (its end, a warning). Read it anew for all of it."""

    name: str
    state: SandboxState
    reason: str


class JobEnvelope(BaseModel):
    """Event `job`: it began or ended."""

    id: str
    lab: str
    verb: str
    state: JobState


class StepEvent(BaseModel):
    """Event `step`: what a job does. `number` counts from 1 within the job; kind is begin, note, done or failed."""

    job: str
    lab: str
    number: int
    step: str
    kind: str
    text: str


class MachineEvent(BaseModel):
    """Event `machine`: it entered a state. Who is no operator is told of `card 1 of west`, not of the machine behind it."""

    lab: str
    name: str
    role: str
    state: MachineState
    reason: str


class LinkEvent(BaseModel):
    """Event `link`: a wire entered a state."""

    lab: str
    ends: tuple[str, str]
    state: WireState


class ResetEvent(BaseModel):
    """Event `reset`: what was asked for is too old. Read what you show anew; the events from now on follow."""


SPOKEN = frozenset({"name", "reason", "step", "text"})
"""What of an event's data may name a machine."""
BODIES: tuple[type[BaseModel], ...] = (LabEvent, JobEnvelope, StepEvent, MachineEvent, LinkEvent, ResetEvent)
"""The data of the events, for the OpenAPI document."""

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, without an end. Each has an `id` that grows, an `event` (its type) and JSON `data`.",
        "content": {
            MEDIA: {
                "schema": {"type": "string"},
                "example": 'id: 17\nevent: lab\ndata: {"name": "west", "state": "ready", "reason": ""}\n\n',
            }
        },
    }
}


@router.get("/events", response_class=StreamingResponse, responses=STREAM, dependencies=[Depends(streaming)])
async def stream_events(
    request: Request,
    here: Here,
    who: Who,
    *,
    lab: Annotated[str | None, Query(max_length=64, description="Of this lab only")] = None,
    topics: Annotated[
        str, Query(max_length=100, description="Some of labs, jobs, steps, machines, links, with commas between")
    ] = "",
    after: Annotated[int | None, Query(ge=0, lt=1 << 63, description="Only those after this id; without it from now on")] = None,
    last_event_id: Annotated[str | None, Header(description="The same, as browsers send it when they come back")] = None,
) -> StreamingResponse:
    """What happens to labs, their jobs, machines and wires, as far as the caller may see them. The data of an event is a
    LabEvent, JobEnvelope, StepEvent, MachineEvent or LinkEvent; a comment comes after 15 s of silence. When what was asked for is
    forgotten (50,000 events are kept) the first event is `reset`."""
    kinds = _kinds(topics)
    begin = number(last_event_id) if last_event_id is not None else after
    told = _stream(request, here, who, lab=lab, kinds=kinds, begin=begin)
    return StreamingResponse(told, media_type=MEDIA, headers=HEADERS)


async def _stream(
    request: Request, here: World, who: Caller, *, lab: str | None, kinds: frozenset[str], begin: int | None
) -> AsyncIterator[bytes]:
    checked = 0.0
    async for at, batch, lost in here.feed.follow(begin, alive=ALIVE):
        if not checked:
            # An id without data: what a browser comes back with, also when nothing has come until then.
            yield format_sse_event(comment="events", id=str(at), retry=AGAIN)
            checked = time.monotonic()
        elif not batch or time.monotonic() - checked >= ALIVE:
            try:
                who = await identify(request, here, touch=False)
            except UnavailableError:
                pass  # nobody's rights can have changed; looked at again
            except RacklessError:
                return
            yield format_sse_event(comment="still there", id=str(batch[0].id - 1 if batch else at))
            checked = time.monotonic()
        if lost:
            yield format_sse_event(event="reset", data_str="{}", id=str(batch[0].id - 1 if batch else at))
        told = [event for event in batch if event.kind in kinds and lab in (None, event.lab) and _may_see(who, event)]
        if told:
            yield b"".join(
                format_sse_event(event=event.kind, id=str(event.id), data_str=json.dumps(_seen(who, event), ensure_ascii=False))
                for event in told
            )


def _may_see(who: Caller, event: Event) -> bool:
    return who.has(Role.OPERATOR) or who.name in event.audience


def _seen(who: Caller, event: Event) -> dict[str, Any]:
    """The data of an event; cards have no machines for ordinary users."""
    data: dict[str, Any] = event.data
    return {**data, **{key: heard(who, data[key]) for key in SPOKEN & data.keys() if event.kind == "machine" or key != "name"}}


def _kinds(topics: str) -> frozenset[str]:
    try:
        wanted = [Topic(word.strip()) for word in topics.split(",")] if topics.strip() else list(Topic)
    except ValueError as error:
        raise InputError(f"'{topics}' names a topic that is not known.", hint=f"Topics: {', '.join(Topic)}.") from error
    return frozenset(KINDS[topic] for topic in wanted)


def number(text: str) -> int:
    """Anything that is no number of ours is too old: the follower is told to read anew."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else (1 << 63) - 1


async def quiet(source: AsyncIterator[Item], seconds: float) -> AsyncIterator[Item | None]:
    """What the source gives, and None whenever it has given nothing for so long."""
    coming: asyncio.Future[Item] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if not done:
                yield None
                continue
            try:
                item = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield item
    finally:
        if coming is not None:
            coming.cancel()
