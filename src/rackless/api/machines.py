"""Machines: restart, and the console with many watchers and one writer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

from rackless.api.errors import REFUSED, RESPONSES, body_of
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.console.hub import ConsoleHub, Lease
from rackless.model import naming
from rackless.model.errors import NotFoundError, RacklessError, StateError
from rackless.model.people import Role
from rackless.model.suggestions import did_you_mean
from rackless.sandboxes import booking
from rackless.store import machines, sandboxes
from rackless.workflows.world import World, world

router = APIRouter(tags=["machines"], responses=RESPONSES, prefix="/labs/{name}/machines/{machine}")


async def machine_row(here: World, name: str, machine: str) -> machines.MachineRow:
    """The machine of this name; a router's name stands for its controller. Raises NotFoundError."""
    row = await here.database.run(sandboxes.get, name)
    if row.plan.machine(machine) is None and row.plan.machine(naming.controller(machine)) is not None:
        machine = naming.controller(machine)
    if row.plan.machine(machine) is None:
        names = [spec.name for spec in row.plan.machines]
        raise NotFoundError(f"Lab {name} has no machine named {machine}.", hint=did_you_mean(machine, names, "machines"))
    return await here.database.run(machines.get, row.id, machine)


@router.post("/restart", status_code=202)
async def restart(name: str, machine: str, here: Here, wait: Wait = 0) -> Started:
    """Off and on; its wires stay."""
    row = await machine_row(here, name, machine)
    booked = await here.database.run(booking.book_job, name, "restart", {"machine": row.name})
    return await started(here, name, booked, wait)


@router.get("/transcript", response_class=PlainTextResponse)
async def transcript(name: str, machine: str, here: Here) -> PlainTextResponse:
    """All that the serial line showed, without secrets."""
    path = Path((await machine_row(here, name, machine)).transcript)
    text = await asyncio.to_thread(lambda: path.read_text(encoding="utf-8", errors="replace") if path.exists() else "")
    return PlainTextResponse(text)


@router.websocket("/console")
async def console(
    socket: WebSocket,
    name: str,
    machine: str,
    caller: Who,
    *,
    write: bool = True,
    takeover: bool = False,
    replay: bool = True,
    who: str = "user",
) -> None:
    """Binary messages are bytes of the line. Text messages to the client are JSON: {"error": body}, or {"open": machine} and
    then {"note": ...}.

    A client that may not write (another does, or it is a viewer's) goes on as a watcher; the former is told so. Without `replay`
    it sees nothing of before: programs take an old prompt for one that waits.
    """
    here = world()
    await socket.accept()
    try:
        row = await machine_row(here, name, machine)
        hub = here.consoles.get(name, row.name)
        async with hub.watch(replay=replay) as feed:
            await _tell(socket, {"open": row.name})
            showing = asyncio.ensure_future(_show(socket, feed))
            writing = asyncio.ensure_future(_write(socket, hub, who, write and caller.has(Role.USER), takeover))
            await asyncio.wait({showing, writing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (showing, writing):
                task.cancel()
            await asyncio.gather(showing, writing, return_exceptions=True)
        await _close(socket, 1000)
    except RacklessError as error:
        await _tell(socket, {"error": body_of(error)})
        await _close(socket, REFUSED)


async def _show(socket: WebSocket, feed: Any) -> None:
    while data := await feed.read():
        await socket.send_bytes(data)
    await _tell(socket, {"note": "The console was closed."})


async def _write(socket: WebSocket, hub: ConsoleHub, who: str, write: bool, takeover: bool) -> None:
    if not write:
        return await _receive(socket, None)
    try:
        async with hub.writer(who, takeover=takeover) as lease:
            drain = asyncio.ensure_future(_drain(socket, lease))
            try:
                await _receive(socket, lease)
            finally:
                drain.cancel()
    except StateError as error:
        await _tell(socket, {"note": f"{error.message} You watch only. {error.hint}"})
        await _receive(socket, None)


async def _drain(socket: WebSocket, lease: Lease) -> None:
    """The lease's own copy of the output is for dialogues; what a person sees comes from the feed, without secrets."""
    try:
        while await lease.read():
            pass
    except StateError as error:
        await _tell(socket, {"note": f"{error.message} You watch only."})


async def _receive(socket: WebSocket, lease: Lease | None) -> None:
    while True:
        try:
            message = await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data and lease is not None:
            try:
                await lease.write(data)
            except StateError:
                lease = None


async def _tell(socket: WebSocket, body: dict[str, Any]) -> None:
    try:
        await socket.send_json(body)
    except (WebSocketDisconnect, RuntimeError):
        return


async def _close(socket: WebSocket, code: int) -> None:
    try:
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        return
