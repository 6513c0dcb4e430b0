"""Looks after the VM hosts: one that does not answer is told of, with its labs; one that was started anew gets back what ran on
it; one that was given up, and comes back, loses what has gone elsewhere; and, if the site says so, one that is silent for long
is given up (workflows/evacuating.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from rackless.model.errors import RacklessError, StateError
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.providers.contract import Ref, RefKind, at
from rackless.providers.host.provider import HostProvider
from rackless.sandboxes import booking
from rackless.store import history, jobs, machines, sandboxes
from rackless.workflows.evacuating import evacuate
from rackless.workflows.starting import start
from rackless.workflows.teardown import ORDER
from rackless.workflows.world import World

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two looks."""
SILENT = 25.0
"""Seconds without an answer after which it is told of."""


def hosts(world: World) -> Mapping[str, HostProvider]:
    found = {place.name: at(world.provider, place.name) for place in world.site.everywhere}
    return {name: one for name, one in found.items() if isinstance(one, HostProvider)}


async def keep(world: World) -> None:
    """Until cancelled."""
    told: set[str] = set()
    while True:
        try:
            await asyncio.gather(*(_look(world, name, one, told) for name, one in hosts(world).items()))
        except (RacklessError, sa.exc.SQLAlchemyError) as error:
            log.warning("hosts: %s", error)
        await asyncio.sleep(EVERY)


async def first_look(world: World) -> None:
    """Once, before anybody asks where something could be. Says nothing of those that do not answer."""
    await asyncio.gather(*(one.hello() for one in hosts(world).values()), return_exceptions=True)


async def _look(world: World, name: str, provider: HostProvider, told: set[str]) -> None:
    host = provider.enrolments.find(name)
    if host is None or not host.identity:
        return
    try:
        hello = await provider.hello()
    except RacklessError as error:
        await _silent(world, name, provider, told, error)
        return
    try:
        if name in told:
            told.discard(name)
            log.warning("the host %s answers again", name)
            await world.database.run(_tell, name, "host-back", f"the host {name} answers again")
        if host.left:
            await sweep(world, name, provider)
        elif host.boot != hello.boot and not (host.boot and not await brought_back(world, name)):
            provider.enrolments.keep(replace(provider.enrolments.need(name), boot=hello.boot))
    except (RacklessError, sa.exc.SQLAlchemyError) as error:
        log.warning("host %s: %s", name, error)


async def _silent(world: World, name: str, provider: HostProvider, told: set[str], error: RacklessError) -> None:
    silent = time.time() - provider.since_silent if provider.since_silent else 0.0
    if silent >= SILENT and name not in told:
        told.add(name)
        log.warning("the host %s does not answer: %s", name, error.message)
        await world.database.run(_tell, name, "host-silent", f"the host {name} does not answer: {error.message}")
    after = world.site.evacuate_after
    host = provider.enrolments.find(name)
    if after is not None and silent >= after and host is not None and not host.left:
        for one in await evacuate(world, name):
            log.warning("evacuating %s: lab %s: %s", name, one.lab, one.why or f"job {one.job}")


def _tell(db: sa.Connection, place: str, what: str, why: str) -> None:
    """Into the history of every lab that has something there."""
    for row in sandboxes.live(db):
        if place in row.plan.places and row.state not in {SandboxState.BOOKED, SandboxState.WAITING}:
            history.add(db, row.id, what, why)


async def brought_back(world: World, name: str) -> bool:
    """The host was started anew: its machines run again by its own doing, or not, and none knows who it is. False when a lab of
    it could not be looked after yet, because a job is at work on it."""

    def settle(db: sa.Connection) -> tuple[list[str], bool]:
        begun, whole = [], True
        for row in sandboxes.live(db):
            if row.state is not SandboxState.READY or name not in row.plan.places:
                continue
            if jobs.running(db, row.id):
                whole = False
                continue
            mine = {spec.name for spec in row.plan.machines if row.plan.place_of(spec) == name}
            lost = [one for one in machines.of(db, row.id) if one.name in mine and one.state is MachineState.RUNNING]
            for one in lost:
                machines.move(db, row.id, one.name, MachineState.STOPPED, f"the host {name} was started anew")
            if not lost:
                continue
            history.add(db, row.id, "host-rebooted", f"the host {name} was started anew: {len(lost)} machines are brought back")
            try:
                begun.append(booking.book_healing(db, row.name).job)
            except StateError:
                whole = False
        return begun, whole

    begun, whole = await world.database.run(settle)
    for job in begun:
        await start(world, job)
    return whole


async def sweep(world: World, name: str, provider: HostProvider) -> list[Ref]:
    """A host that was given up is back: what it has of labs that are elsewhere by now goes. Returns what went."""

    def wanted(db: sa.Connection) -> dict[str, sandboxes.SandboxRow]:
        return {row.name: row for row in sandboxes.live(db)}

    gone: list[Ref] = []
    refs, rows = await provider.owned_there(), await world.database.read(wanted)
    for kinds in ORDER:
        for ref in refs:
            if ref.kind in kinds and not _belongs(rows.get(ref.sandbox), ref, name):
                await provider.remove_there(ref)
                gone.append(ref)
    provider.enrolments.keep(replace(provider.enrolments.need(name), left=False, boot=""))
    log.warning("the host %s is back: %d things of labs that went elsewhere were taken away", name, len(gone))
    return gone


def _belongs(row: sandboxes.SandboxRow | None, ref: Ref, place: str) -> bool:
    """Whether the lab's plan has it there, or something there that it is of."""
    if row is None:
        return False
    mine = [spec for spec in row.plan.machines if row.plan.place_of(spec) == place]
    if ref.kind is RefKind.MACHINE:
        return any(spec.name == ref.name for spec in mine)
    if ref.kind is RefKind.DISK:
        return any(disk.name == ref.name for spec in mine for disk in spec.disks)
    return bool(mine)
