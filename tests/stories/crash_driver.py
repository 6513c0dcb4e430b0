"""Run by test_crashes.py: one JSON request a line on standard input, one JSON answer a line on standard output.

Everything is imported once, and each life of the server is a fork of this process that ends by `os._exit`: either by itself
or, with the fault injection of `rackless.durable`, as `kill -9` would end it. A life does what the server does (build, resume),
and then what is asked of it, on the `fake` provider.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from rackless import daemons, settings
from rackless.api.here import started
from rackless.api.sandboxes import take_down
from rackless.blueprints import load
from rackless.model.people import LOCAL
from rackless.routers.families import FAMILIES
from rackless.sandboxes import booking, changing
from rackless.store import blueprints, inventory, jobs, machines, pools, ports, sandboxes, wires
from rackless.store.tables import OF_A_SANDBOX
from rackless.workflows.world import World, use

BLUEPRINT = """
name: crash
routers:
  west: {cards: 2, ports_per_card: 2, startup: west.set}
  east: {cards: 1, ports_per_card: 2}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [west:ge-1/0/0, pc1:eth1]
"""
WITH_SOUTH = BLUEPRINT.replace("hosts:", "  south: {cards: 1, ports_per_card: 2}\nhosts:")


async def deploy(world: World, text: str) -> None:
    """`up`: books, or follows what is resumed already."""
    blueprint = load(text, file="b.yaml", families=FAMILIES, files={"west.set": "set system time-zone UTC\n"})
    booked = await world.database.run(booking.book, blueprint, name="crash", place=world.place, wanted=world.wanted)
    await started(world, "crash", booked, wait=60)


CHANGED = """
name: crash
routers:
  west: {cards: 2, ports_per_card: 2, startup: west.set}
  north: {cards: 1, ports_per_card: 2, startup: west.set}
  south: {cards: 2, ports_per_card: 2}
hosts:
  pc1: {nics: 2}
wires:
  - [west:ge-1/0/0, pc1:eth1]
  - [west:ge-0/0/0, north:ge-0/0/1]
  - [south:ge-1/0/0, pc1:eth2]
"""
"""As BLUEPRINT, but for: east goes, north comes, south gets a card, pc1 a NIC, and wires accordingly."""


async def apply(world: World) -> None:
    """`apply --replace`: books, or follows what is resumed already."""
    files = {"west.set": "set system time-zone UTC\n"}
    asked = changing.Asked(
        blueprint=load(CHANGED, file="b.yaml", families=FAMILIES, files=files),
        place=world.place,
        wanted=world.wanted,
        terms=changing.Terms(anew=True),
        written=blueprints.Written(text=CHANGED, file="b.yaml", files=files),
    )
    applied = await world.database.run(changing.book_change, "crash", asked)
    await started(world, "crash", applied.booking, wait=60)


async def outcome(world: World) -> dict[str, Any]:
    """All that must be the same, whether there was a crash or not."""
    run = world.database.run
    row = await run(sandboxes.get, "crash")
    found = await run(inventory.of, row.id)
    return {
        "state": row.state.value,
        "machines": [(m.name, m.state.value, m.configured) for m in await run(machines.of, row.id)],
        "ports": [(p.owner, p.label, p.mac) for p in await run(ports.of, row.id)],
        "wires": [(*w.ends, w.state.value) for w in await run(wires.of, row.id, "crash")],
        "inventory": {name: [(p.name, p.mac, p.oper_up) for p in device.ports] for name, device in found.items()},
        "pools": await run(pools.count),
        "owned": sorted(f"{ref.kind.value} {ref.name} {ref.running}" for ref in await world.provider.owned("crash")),
        "jobs": [(job.verb, job.state.value) for job in await run(jobs.of, "crash")],
    }


async def remains(world: World) -> dict[str, Any]:
    """What is left after a teardown: nothing."""

    def count(db: Any) -> int:
        return sum(len(db.execute(table.select()).all()) for table in OF_A_SANDBOX)

    return {
        "owned": [f"{ref.kind.value} {ref.name}" for ref in await world.provider.owned()],
        "rows": await world.database.run(count),
        "labs": [row.name for row in await world.database.run(sandboxes.live)],
        "files": sorted(str(path) for path in world.settings.state.glob("transcripts/crash/*")),
        "running": [job.id for job in await world.database.run(jobs.running)],
    }


async def life(state: Path, database: str, wanted: str) -> dict[str, Any]:
    places = {"RACKLESS_STATE": str(state), "RACKLESS_RUN": str(state / "run"), "RACKLESS_DATABASE": database}
    world = daemons.build(settings.load(places))
    use(world)
    await daemons.resume(world)
    await daemons.open_consoles(world)
    if wanted == "up":
        await deploy(world, BLUEPRINT)
        return await outcome(world)
    if wanted == "up with south":
        await deploy(world, WITH_SOUTH)
        return await outcome(world)
    if wanted == "apply":
        await apply(world)
        return await outcome(world)
    await take_down("crash", world, LOCAL, wait=60)
    return await remains(world)


def run_life(state: Path, database: str, wanted: str, crash: dict[str, str]) -> dict[str, Any]:
    """Fork, live, report. `exit` is the status: 9 for a crash as told."""
    answer = state.with_suffix(".answer")
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.environ.update(crash)
            answer.write_text(json.dumps(asyncio.run(asyncio.wait_for(life(state, database, wanted), 90))))
            code = 0
        except BaseException:  # noqa: BLE001 - a fork must not return into its parent's code
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"exit": code, "answer": json.loads(answer.read_text()) if code == 0 else None}


def main() -> None:
    os.environ["RACKLESS_PROVIDER"] = "fake"
    for line in sys.stdin:
        request = json.loads(line)
        done = run_life(Path(request["state"]), request["database"], request["wanted"], request["crash"])
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
