"""Routers: a shell or a command over SSH, credentials, saved configurations. A host runs commands over its host channel."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from rackless.api.errors import REFUSED, RESPONSES, body_of
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.api.pages import Page, Pages
from rackless.api.seat import close, tell
from rackless.deadline import Deadline
from rackless.model.errors import InputError, NotFoundError, RacklessError
from rackless.model.family import Role
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Channel, at, served
from rackless.sandboxes import booking
from rackless.shell.hostchannel import HostChannel
from rackless.store import sandboxes
from rackless.workflows.driving import Shell, Spot
from rackless.workflows.machines import ref_of
from rackless.workflows.save import path_of
from rackless.workflows.spots import controller_of, spot_of
from rackless.workflows.world import World, world

router = APIRouter(tags=["routers"], responses=RESPONSES, prefix="/labs/{name}")

COMMAND = 600.0
"""Seconds that a command on a host may take."""


class Command(BaseModel):
    """`user`: root, or the login user of the router (hosts ignore it)."""

    command: str = Field(min_length=1)
    user: str = "root"


class Credentials(BaseModel):
    """How to log in to a router. The only answer of this API that holds secrets."""

    router: str
    user: str
    password: str
    root_password: str
    community: str
    ssh: str
    snmp: str
    host_keys: list[str]


class SaveWish(BaseModel):
    """Routers to save; none means all."""

    routers: list[str] = []


@router.get("/credentials")
async def credentials(name: str, here: Here, asked: Pages) -> Page[Credentials]:
    """The logins of every router, in the order of the blueprint."""
    row = await here.database.read(sandboxes.get, name)
    wishes = asked.of_all(enumerate(row.plan.blueprint.routers), lambda one: (one[0],), lambda one: one[1], int)
    found = []
    for wish in wishes.items:
        spot = await spot_of(here, row, wish.name)
        found.append(
            Credentials(
                router=wish.name,
                user=spot.user,
                password=spot.password,
                root_password=spot.root_password,
                community=spot.community,
                ssh=served(*spot.ssh),
                snmp=served(*spot.snmp),
                host_keys=list(spot.host_keys),
            )
        )
    return Page(items=found, next=wishes.next)


@router.post("/save", status_code=202)
async def save(name: str, body: SaveWish, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Read the committed configurations. Fetch each with `saved` afterwards."""
    row = await here.database.read(booking.ready, name)
    names = body.routers or [wish.name for wish in row.plan.blueprint.routers]
    for wanted in names:
        controller_of(row.plan, wanted)
    return await started(here, who, name, await here.database.run(booking.book_job, name, "save", {"routers": names}), wait)


@router.get("/saved/{owner}", response_class=PlainTextResponse)
async def saved(name: str, owner: str, here: Here) -> PlainTextResponse:
    """The configuration that the last `save` read, as set statements (passwords in it are hashes)."""
    row = await here.database.read(sandboxes.get, name)
    controller_of(row.plan, owner)
    path = path_of(here.saved, name, owner)
    if not path.exists():
        await here.sharing.look()
    if not path.exists():
        raise NotFoundError(f"No configuration of {owner} was saved.", hint=f"Run `rackless save {name}`.")
    return PlainTextResponse(await asyncio.to_thread(path.read_text, encoding="utf-8"))


@router.post("/run/{owner}", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
async def run(name: str, owner: str, body: Command, here: Here) -> StreamingResponse:
    """Run a command on a router (over SSH) or host. NDJSON: {"out": base64}, {"err": base64}, at last {"exit": status}."""
    row = await here.database.read(sandboxes.get, name)
    host = next((spec for spec in row.plan.machines_of(owner) if spec.role is Role.HOST), None)
    pieces = _on_host(here, row.plan, host, body.command) if host else _on_router(here, row, owner, body)
    first = await anext(pieces)

    async def stream() -> AsyncIterator[bytes]:
        yield _line(*first)
        try:
            async for piece in pieces:
                yield _line(*piece)
        except RacklessError as error:
            yield json.dumps({"error": body_of(error)}).encode() + b"\n"

    return StreamingResponse(stream(), media_type="application/x-ndjson")


def _line(kind: str, value: bytes | int) -> bytes:
    shown = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return json.dumps({kind: shown}).encode() + b"\n"


async def _on_router(here: World, row: sandboxes.SandboxRow, owner: str, body: Command) -> AsyncIterator[tuple[str, bytes | int]]:
    spec = controller_of(row.plan, owner)
    async for piece in here.driver_of(row.plan, spec).run(await _as(here, row, owner, body.user), body.command):
        yield piece


async def _on_host(here: World, plan: Plan, spec: MachineSpec, command: str) -> AsyncIterator[tuple[str, bytes | int]]:
    there = at(here.provider, plan.place_of(spec))
    if not isinstance(there, Channel):
        raise NotFoundError(f"{spec.owner} is a plain host and has no host channel here.")
    channel = HostChannel(spec.name, await there.channel(ref_of(spec)))
    try:
        code, out, err = await channel.run(["sh", "-c", command], deadline=Deadline(COMMAND))
    finally:
        await channel.close()
    if out:
        yield "out", out.encode()
    if err:
        yield "err", err.encode()
    yield "exit", code


async def _as(here: World, row: sandboxes.SandboxRow, owner: str, user: str) -> Spot:
    """The router, with the login of this user in the place of the login user's."""
    spot = await spot_of(here, row, owner)
    if user == spot.user:
        return spot
    if user != "root":
        raise InputError(f"Router {owner} has no user {user} that Rackless knows.", hint=f"Use root or {spot.user}.")
    return replace(spot, user="root", password=spot.root_password)


@router.websocket("/routers/{owner}/shell")
async def shell(
    socket: WebSocket, name: str, owner: str, *, user: str = "root", columns: int = 80, rows: int = 24, term: str = "xterm"
) -> None:
    """A terminal session. Binary messages are its bytes; the client resizes by the text message {"resize": [columns, rows]}."""
    here = world()
    await socket.accept()
    try:
        row = await here.database.read(sandboxes.get, name)
        spec = controller_of(row.plan, owner)
        spot = await _as(here, row, owner, user)
        session = await here.driver_of(row.plan, spec).shell(spot, columns=columns, rows=rows, term=term)
        try:
            await _joined(socket, session)
        finally:
            await session.close()
        await close(socket, 1000)
    except RacklessError as error:
        await tell(socket, {"error": body_of(error)})
        await close(socket, REFUSED)


async def _joined(socket: WebSocket, session: Shell) -> None:
    async def show() -> None:
        while data := await session.read():
            await socket.send_bytes(data)

    async def type_in() -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if data := message.get("bytes"):
                await session.write(data)
            elif text := message.get("text"):
                columns, rows = json.loads(text)["resize"]
                session.resize(int(columns), int(rows))

    tasks = {asyncio.ensure_future(show()), asyncio.ensure_future(type_in())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            failure = task.exception()
            if failure is not None and not isinstance(failure, (WebSocketDisconnect, OSError)):
                raise failure
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
