"""What the place has against what the store says: leftovers, machines that stopped or are gone, machines that came back.

The place is asked first and the store after it, and what is removed is checked once more: a lab that comes or goes meanwhile
is not mistaken for a leftover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import sqlalchemy as sa

from rackless.model import naming
from rackless.model.errors import RacklessError
from rackless.model.family import Role
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.providers.contract import Ref, RefKind, survey
from rackless.store import jobs, machines, sandboxes, wires
from rackless.workflows import own_ground
from rackless.workflows.teardown import ORDER
from rackless.workflows.world import World

UNMADE = frozenset({SandboxState.BOOKED, SandboxState.WAITING})
"""Labs that have nothing at the place yet: what carries their name is of an earlier one."""
ON = frozenset({MachineState.RUNNING, MachineState.STARTING, MachineState.BOOTSTRAPPING})


class Difference(StrEnum):
    LEFTOVER = "leftover"
    """It carries our mark, and no lab has it."""
    STOPPED = "stopped"
    """A machine of a lab that is up does not run."""
    MISSING = "missing"
    """A machine of a lab that is up is not there at all."""
    RETURNED = "returned"
    """A machine that was known as stopped runs."""
    SILENT = "silent"
    """A whole place does not answer: what it has is not known."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`known`: the store takes a stopped machine for stopped already. `ref` of a place that is silent has its name, and no lab.
    `reason`: why it is."""

    difference: Difference
    ref: Ref
    known: bool = False
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A lab as the store has it. `segments`: of its wires. `busy`: a job is at work on it, so nothing of it is a surprise."""

    row: sandboxes.SandboxRow
    machines: tuple[machines.MachineRow, ...]
    busy: bool
    segments: frozenset[str] = frozenset()

    def has(self, ref: Ref) -> bool:
        """Whether it is one of the lab's machines, disks and networks, where the lab has it; those on their way out are. Other
        kinds come with them."""
        if ref.kind not in self._names or ref.name not in self._names[ref.kind]:
            return ref.kind not in self._names
        where = self._where.get((ref.kind, ref.name), frozenset())
        return not ref.place or not where or ref.place in where

    @cached_property
    def _where(self) -> Mapping[tuple[RefKind, str], frozenset[str]]:
        """The places of machines and disks."""
        found: dict[tuple[RefKind, str], frozenset[str]] = {}
        plan = self.row.plan
        for spec in (*plan.machines, *(each.machine for each in self.row.leaving)):
            for key in ((RefKind.MACHINE, spec.name), *((RefKind.DISK, disk.name) for disk in spec.disks)):
                found[key] = found.get(key, frozenset()) | {plan.place_of(spec)}
        return found

    @cached_property
    def _names(self) -> Mapping[RefKind, frozenset[str]]:
        specs = [*self.row.plan.machines, *(each.machine for each in self.row.leaving)]
        internal = frozenset(naming.internal_segment(spec.owner) for spec in specs if spec.role is Role.CONTROLLER)
        return {
            RefKind.MACHINE: frozenset(spec.name for spec in specs),
            RefKind.DISK: frozenset(disk.name for spec in specs for disk in spec.disks),
            RefKind.SEGMENT: self.segments | internal,
        }


def compare(refs: Iterable[Ref], labs: Iterable[Known], silent: Mapping[str, str] | None = None) -> list[Finding]:
    """All differences, in the order of the names. Of places that are silent, with the reasons, nothing is said but that. Pure."""
    unknown = silent or {}
    found = [
        Finding(difference=Difference.SILENT, ref=Ref(kind=RefKind.PLACE, sandbox="", name=name), reason=why)
        for name, why in unknown.items()
    ]
    there = {(ref.sandbox, ref.name): ref for ref in refs if ref.kind is RefKind.MACHINE}
    by_name = {lab.row.name: lab for lab in labs}
    for ref in refs:
        lab = by_name.get(ref.sandbox)
        if lab is None or lab.row.state in UNMADE or (not lab.busy and not lab.has(ref)):
            found.append(Finding(difference=Difference.LEFTOVER, ref=ref))
    for lab in by_name.values():
        if lab.row.state is SandboxState.READY and not lab.busy:
            spots = {spec.name: lab.row.plan.place_of(spec) for spec in lab.row.plan.machines}
            for machine in (one for one in lab.machines if spots.get(one.name) not in unknown):
                found.extend(_of_machine(machine, there.get((lab.row.name, machine.name)), lab.row.name))
    return sorted(found, key=lambda one: (one.ref.sandbox, one.difference, one.ref.kind, one.ref.name))


def _of_machine(machine: machines.MachineRow, ref: Ref | None, lab: str) -> list[Finding]:
    known = machine.state is MachineState.STOPPED
    if ref is None:
        gone = Ref(kind=RefKind.MACHINE, sandbox=lab, name=machine.name)
        return [Finding(difference=Difference.MISSING, ref=gone, known=known)]
    if not ref.running:
        return [Finding(difference=Difference.STOPPED, ref=ref, known=known)]
    return [Finding(difference=Difference.RETURNED, ref=ref)] if known else []


def known(db: sa.Connection) -> list[Known]:
    """Every lab that has not ended."""
    busy = {job.sandbox_id for job in jobs.running(db)}
    return [
        Known(
            row=row,
            machines=tuple(machines.of(db, row.id)),
            busy=row.id in busy,
            segments=frozenset(wire.segment for wire in wires.of(db, row.id, row.name)),
        )
        for row in sandboxes.live(db)
    ]


async def audit(world: World) -> list[Finding]:
    """Ask the place, then the store."""
    seen = await survey(world.provider)
    unseen = await own_ground.unseen(world)
    refs = [ref for ref in seen.refs if ref.place not in unseen]
    labs = await world.database.read(known)
    # Of thousands of labs this takes a second.
    return await asyncio.to_thread(compare, refs, labs, {**seen.silent, **unseen})


async def remove_leftovers(world: World) -> tuple[list[Ref], dict[Ref, str]]:
    """Take away what is a leftover, and still is just before: what is gone, and what is not, with the reasons."""
    before = await _leftovers(world)
    reasons: dict[str, str] = {}
    for kinds in ORDER:
        now = [ref for ref in (await _leftovers(world)).values() if ref.kind in kinds]
        results = await asyncio.gather(*(world.provider.remove(ref) for ref in now), return_exceptions=True)
        for ref, result in zip(now, results, strict=True):
            if isinstance(result, RacklessError):
                reasons[title(ref)] = result.message
            elif isinstance(result, BaseException):
                raise result
    rest = await _leftovers(world)
    gone = [ref for name, ref in before.items() if name not in rest]
    return gone, {ref: reasons.get(name, "it is still there") for name, ref in rest.items()}


def title(ref: Ref) -> str:
    """machine back-to-back/west-vfp1"""
    return f"{ref.kind.value} {ref.sandbox}/{ref.name}" + (f" at {ref.place}" if ref.place else "")


async def _leftovers(world: World) -> dict[str, Ref]:
    return {title(one.ref): one.ref for one in await audit(world) if one.difference is Difference.LEFTOVER}
