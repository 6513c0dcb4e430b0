"""HAProxy's own socket (https://docs.haproxy.org/2.6/management.html#9.3): who is behind it now, and how they are."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import dataclass

from rackless.fabric.engines import haproxy
from rackless.fabric.places import Folder
from rackless.model.errors import ProviderError
from rackless.model.fabric import Layout

ANSWERS = 3.0


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    status: str
    """UP, DOWN, MAINT, ..."""


async def ask(folder: Folder, command: str) -> str:
    """Raises ProviderError when nobody answers."""
    try:
        async with asyncio.timeout(ANSWERS):
            reader, writer = await asyncio.open_unix_connection(str(folder / "admin.sock"))
            writer.write(command.encode() + b"\n")
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError) as error:
        raise ProviderError(
            "HAProxy does not answer.", hint="It is started anew by itself; its log says why it ended."
        ) from error
    return answer.decode(errors="replace").strip()


async def servers(folder: Folder, proxy: str) -> list[Server]:
    rows = csv.DictReader(io.StringIO((await ask(folder, f"show stat {proxy} 4 -1")).removeprefix("# ")))
    return [Server(name=row["svname"], status=row["status"]) for row in rows if row["pxname"] == proxy]


async def take_up(folder: Folder, layout: Layout) -> bool:
    """Applications that are new are added to the running process. False when that is not all that changed."""
    there = {one.name for one in await servers(folder, "web")}
    wanted = {one.id: one for one in layout.applications}
    databases = {one.name for one in await servers(folder, "primary")}
    if databases != {one.id for one in layout.nodes if one in layout.databases and haproxy.may_lead(one)}:
        return False
    if not there or there - wanted.keys():
        return False
    for id in sorted(wanted.keys() - there):
        for command in haproxy.added(wanted[id], folder):
            answer = await ask(folder, command)
            if answer and "New server registered" not in answer:
                raise ProviderError(f"HAProxy refused `{command.split(' check')[0]}`: {answer.splitlines()[0]}")
    return True
