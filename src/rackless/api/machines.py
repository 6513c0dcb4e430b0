"""Machines: restart, and the console with many watchers and one writer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter, WebSocket
from fastapi.responses import PlainTextResponse

from rackless.api.errors import REFUSED, RESPONSES, body_of
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.api.ordinary import check_console
from rackless.api.seat import Seat, close, tell
from rackless.console.hub import ConsoleHub
from rackless.keepers.lines import RUNS
from rackless.model import naming
from rackless.model.errors import NotFoundError, RacklessError
from rackless.model.people import Role
from rackless.model.suggestions import did_you_mean
from rackless.sandboxes import booking
from rackless.store import machines, sandboxes, secrets
from rackless.workflows.machines import ref_of
from rackless.workflows.world import World, world

router = APIRouter(tags=["machines"], responses=RESPONSES, prefix="/labs/{name}/machines/{machine}")


async def machine_row(here: World, name: str, machine: str) -> machines.MachineRow:
    """The machine of this name; a router's name stands for its controller. Raises NotFoundError."""
    row = await here.database.read(sandboxes.get, name)
    if row.plan.machine(machine) is None and row.plan.machine(naming.controller(machine)) is not None:
        machine = naming.controller(machine)
    if row.plan.machine(machine) is None:
        names = [spec.name for spec in row.plan.machines]
        raise NotFoundError(f"Lab {name} has no machine named {machine}.", hint=did_you_mean(machine, names, "machines"))
    return await here.database.read(machines.get, row.id, machine)


async def _hub(here: World, name: str, row: machines.MachineRow) -> ConsoleHub:
    """The machine's line. One that another server opened when it started the machine, or that this server did not come to
    since it was started, is opened now."""
    if row.state in RUNS:
        lab = await here.database.read(sandboxes.get, name)
        if (spec := lab.plan.machine(row.name)) is not None:
            mine = await here.database.read(secrets.of, lab.id, row.owner)
            return await here.consoles.open(ref_of(spec), Path(row.transcript), tuple(mine.values()))
    return here.consoles.get(name, row.name)


@router.post("/restart", status_code=202)
async def restart(name: str, machine: str, here: Here, who: Who, wait: Wait = 0) -> Started:
    """Off and on; its wires stay."""
    row = await machine_row(here, name, machine)
    booked = await here.database.run(booking.book_job, name, "restart", {"machine": row.name})
    return await started(here, who, name, booked, wait)


@router.get("/transcript", response_class=PlainTextResponse)
async def transcript(name: str, machine: str, here: Here, who: Who) -> PlainTextResponse:
    """All that the serial line showed, without secrets. A card's is for operators."""
    row = await machine_row(here, name, machine)
    check_console(who, name, row)
    path = Path(row.transcript)
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
    state: bool = False,
    who: str = "user",
) -> None:
    """Binary messages are bytes of the line. Text messages to the client are JSON: {"error": body}, or {"open": machine} and
    then {"note": ...}. The line of a card's machine is for operators.

    A client that may not write (another does, or it is a viewer's) goes on as a watcher; the former is told so. Without `replay`
    it sees nothing of before: programs take an old prompt for one that waits. With `state` it is also told who writes, again at
    each change: {"state": {"writer": name or null, "you": bool, "may": bool, "watchers": number}}; and it asks for the writer's
    place with the text message {"write": true, "takeover": bool}, and gives it back with {"write": false}.
    """
    here = world()
    await socket.accept()
    try:
        row = await machine_row(here, name, machine)
        check_console(caller, name, row)
        hub = await _hub(here, name, row)
        seat = Seat(socket, hub, who if caller.via == "socket" else caller.name, may=caller.has(Role.USER))
        async with hub.watch(replay=replay) as feed:
            await tell(socket, {"open": row.name})
            await seat.run(feed, write=write, takeover=takeover, state=state)
        await close(socket, 1000)
    except RacklessError as error:
        await tell(socket, {"error": body_of(error)})
        await close(socket, REFUSED)
