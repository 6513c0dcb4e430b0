"""Jobs and their events; the events as a stream that can be taken up again where it broke."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel

from rackless.api.errors import RESPONSES, ProblemBody
from rackless.api.events import AGAIN, ALIVE, HEADERS, MEDIA, number, quiet
from rackless.api.guard import Who, streaming
from rackless.api.hearing import heard
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.model.lifecycle import JobState
from rackless.model.people import Caller
from rackless.sandboxes import hooks
from rackless.store import jobs, sandboxes
from rackless.workflows.world import World

router = APIRouter(tags=["jobs"], responses=RESPONSES)

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events of the job, as they come",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}, MEDIA: {"schema": {"type": "string"}}},
    }
}


class JobError(BaseModel):
    """Why a job failed. `code`: as of problem documents; `made`: what there was already; `problems`: of a blueprint."""

    code: str
    message: str
    hint: str = ""
    made: list[str] = []
    problems: list[ProblemBody] = []


class Job(BaseModel):
    """`resumed`: how often it went on after the server had died. Times are seconds since the epoch."""

    id: str
    lab: str
    verb: str
    arguments: dict[str, Any]
    state: JobState
    error: JobError | None
    result: Any
    started: float
    ended: float | None
    cancelled: bool
    resumed: int


class JobEvent(BaseModel):
    """kind: begin, note, done (text: the seconds it took) or failed."""

    number: int
    time: float
    step: str
    kind: str
    text: str


def _job(row: jobs.JobRow, lab: str, who: Caller) -> Job:
    """Hooks by their names: what the site runs is nobody's business."""
    arguments = {key: value for key, value in row.arguments.items() if key != hooks.ARGUMENT}
    if run := hooks.of(row.arguments):
        arguments[hooks.ARGUMENT] = [str(hook) for hook in run]
    said = {"arguments": arguments, "error": heard(who, row.error), "result": heard(who, row.result)}
    return Job(lab=lab, **({key: value for key, value in vars(row).items() if key != "sandbox_id"} | said))


def _read(db: sa.Connection, job: str, who: Caller) -> Job:
    row = jobs.get(db, job)
    return _job(row, sandboxes.by_id(db, row.sandbox_id).name, who)


def _event(event: jobs.Event, who: Caller) -> JobEvent:
    step, text = heard(who, event.step), heard(who, event.text)
    return JobEvent(number=event.number, time=event.time, step=step, kind=event.kind, text=text)


@router.get("/labs/{name}/jobs")
async def list_jobs(name: str, here: Here, who: Who, asked: Pages) -> Page[Job]:
    """Jobs of a lab, newest first; of an ended lab too."""
    rows = await here.database.read(jobs.page, name, asked.more, asked.after(float, str))
    return asked.page(rows, lambda row: (row.started, row.id), lambda row: _job(row, name, who))


@router.get("/jobs/{job}")
async def show_job(job: str, here: Here, who: Who) -> Job:
    return await here.database.read(_read, job, who)


@router.get("/jobs/{job}/events", response_class=StreamingResponse, responses=STREAM, dependencies=[Depends(streaming)])
async def events(
    job: str,
    here: Here,
    who: Who,
    *,
    after: Annotated[int, Query(ge=0, lt=1 << 31, description="Number of the last event seen")] = 0,
    follow: Annotated[bool, Query(description="Stay until the job ends; server-sent events always do")] = False,
    accept: Annotated[str, Header(description="text/event-stream for server-sent events")] = "",
    last_event_id: Annotated[str | None, Header(description="Of server-sent events: the same as `after`")] = None,
) -> StreamingResponse:
    """Events as NDJSON, one `JobEvent` a line; or as server-sent events of type `step`, and at the job's end one of type `end`
    with the `Job`."""
    await here.database.read(jobs.get, job)
    if MEDIA in accept:
        begun = after if last_event_id is None else number(last_event_id)
        return StreamingResponse(_sent(here, job, begun, who), media_type=MEDIA, headers=HEADERS)

    async def stream() -> AsyncIterator[bytes]:
        if not follow:
            for event in await here.database.read(jobs.events_of, job, after):
                yield _event(event, who).model_dump_json().encode() + b"\n"
            return
        async for event in here.progress.follow(job, after):
            yield _event(event, who).model_dump_json().encode() + b"\n"

    return StreamingResponse(stream(), media_type="application/x-ndjson")


async def _sent(here: World, job: str, after: int, who: Caller) -> AsyncIterator[bytes]:
    """The same as server-sent events."""
    yield format_sse_event(comment="events", retry=AGAIN)
    async for event in quiet(here.progress.follow(job, after), ALIVE):
        if event is None:
            yield KEEPALIVE_COMMENT
        else:
            yield format_sse_event(event="step", id=str(event.number), data_str=_event(event, who).model_dump_json())
    yield format_sse_event(event="end", data_str=(await here.database.read(_read, job, who)).model_dump_json())
