"""The counters of a whole lab: every router over SNMP and every host over its host channel, all at once.

They are kept for a moment and asked for once, however many look at the lab: an emulated router feels each question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from rackless.autoload import counters
from rackless.deadline import Deadline
from rackless.model.counters import PortCounters
from rackless.model.errors import RacklessError
from rackless.model.family import NicRole, Role
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Channel, RefKind, at, survey
from rackless.shell.hostchannel import HostChannel
from rackless.store import sandboxes
from rackless.workflows.machines import ref_of
from rackless.workflows.spots import spot_of
from rackless.workflows.world import World

FRESH = 1.0
"""Seconds for which an answer is given again."""
ANSWER = 10.0
"""Seconds for a device to answer; one that does not has no counters this time."""
AT_ONCE = 16
"""Devices asked at the same time."""


@dataclass(frozen=True, kw_only=True)
class LabCounters:
    """`at`: when they were read, in seconds since the epoch. Names as wires name their ends (west:ge-0/0/0)."""

    at: float
    ports: tuple[PortCounters, ...]


_reads: dict[int, asyncio.Task[LabCounters]] = {}
"""By sandbox: the newest reading, which may be under way. One event loop, so no lock."""


async def of(world: World, row: sandboxes.SandboxRow) -> LabCounters:
    found = _reads.get(row.id)
    if found is None or (found.done() and (found.cancelled() or found.exception() or time.time() - found.result().at > FRESH)):
        for key in [key for key, task in _reads.items() if task.done()]:
            del _reads[key]
        found = _reads[row.id] = asyncio.create_task(_read(world, row))
    return await asyncio.shield(found)


async def _read(world: World, row: sandboxes.SandboxRow) -> LabCounters:
    places = asyncio.Semaphore(AT_ONCE)
    seen = await survey(world.provider, row.name)
    running = {ref.name for ref in seen.refs if ref.kind is RefKind.MACHINE and ref.running}
    asked = []
    for machine in row.plan.machines:
        if machine.name in running and machine.role is Role.CONTROLLER:
            asked.append(_asked(places, machine.owner, partial(_router, world, row, machine)))
        elif machine.name in running and machine.role is Role.HOST:
            asked.append(_asked(places, machine.owner, partial(_host, world, row, machine)))
    found = await asyncio.gather(*asked)
    return LabCounters(at=time.time(), ports=tuple(port for ports in found for port in ports))


async def _asked(places: asyncio.Semaphore, owner: str, ask: Callable[[], Awaitable[list[PortCounters]]]) -> list[PortCounters]:
    async with places:
        try:
            return [replace(port, name=f"{owner}:{port.name}") for port in await ask()]
        except RacklessError:  # one that is just booting, or has no agent
            return []


async def _router(world: World, row: sandboxes.SandboxRow, controller: MachineSpec) -> list[PortCounters]:
    spot = await spot_of(world, row, controller.owner)
    wanted = _labels(row.plan.machines_of(controller.owner))
    return await world.driver_of(row.plan, controller).counters(spot, wanted, deadline=Deadline(ANSWER))


async def _host(world: World, row: sandboxes.SandboxRow, machine: MachineSpec) -> list[PortCounters]:
    provider = at(world.provider, row.plan.place_of(machine))
    if not isinstance(provider, Channel):
        return []
    channel = HostChannel(machine.name, await provider.channel(ref_of(machine)))
    try:
        _, text, _ = await channel.run(["cat", "/proc/net/dev"], deadline=Deadline(ANSWER))
    finally:
        await channel.close()
    return counters.of_proc(text, _labels((machine,)))


def _labels(machines: tuple[MachineSpec, ...]) -> frozenset[str]:
    return frozenset(nic.label for machine in machines for nic in machine.nics if nic.role is NicRole.TRAFFIC)
