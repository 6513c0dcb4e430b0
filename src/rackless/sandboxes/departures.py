"""Machines on their way out of a lab that stays: what is to go, and what is forgotten and given back when it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rackless.model import naming
from rackless.model.changes import Leaving
from rackless.model.family import Role
from rackless.model.lifecycle import MachineState
from rackless.sandboxes import numbers
from rackless.store import inventory, machines, ports, sandboxes, secrets, vlans, wires

NEXT = "next-"
"""Before the kind of a secret that a router gets when it is made anew."""


def arguments(db: sa.Connection, row: sandboxes.SandboxRow, unwire: Iterable[str] = ()) -> dict[str, Any]:
    """Of the job that brings the lab to its plan: wires and owners of machines that go first, routers whose internal network
    gets other members."""
    planned = {wire.segment for wire in row.plan.wires}
    stale = [wire.segment for wire in wires.of(db, row.id, row.name) if not wire.drawn and wire.segment not in planned]
    owners = sorted({each.machine.owner for each in row.leaving})
    return {"unwire": list(dict.fromkeys([*unwire, *stale])), "leaving": owners}


def pending(db: sa.Connection, row: sandboxes.SandboxRow) -> bool:
    """A change of this lab did not end: something is there that its plan has not."""
    found = arguments(db, row)
    return bool(found["unwire"] or found["leaving"])


def begin(db: sa.Connection, key: int, owner: str) -> list[Leaving]:
    """Note that the machines of an owner go now. Returns them; none when they are gone already."""
    mine = [each for each in sandboxes.by_id(db, key).leaving if each.machine.owner == owner]
    known = {row.name for row in machines.of(db, key)}
    for each in mine:
        if each.machine.name in known:
            state = MachineState.REMOVED if each.whole else MachineState.STOPPED
            machines.move(db, key, each.machine.name, state, "apply takes it away" if each.whole else "apply makes it anew")
    return mine


def end(db: sa.Connection, key: int, owner: str, transcripts: Path) -> None:
    """They are gone: their rows and numbers go, and those that come back have fresh rows."""
    row = sandboxes.by_id(db, key)
    known = {machine.name for machine in machines.of(db, key)}
    for each in row.leaving:
        name = each.machine.name
        if each.machine.owner != owner:
            continue
        ports.drop(db, key, name)
        if each.whole and name in known:
            machines.drop(db, key, name)
        spec = row.plan.machine(name)
        if spec is None:
            vlans.drop(db, key, name)
            numbers.trim(db, key, row.plan, machine=name)
            continue
        numbers.trim(db, key, row.plan, machine=name)
        if each.whole or name not in known:
            machines.add(db, key, spec, str(transcripts / row.name / f"{name}.log"))
        ports.add(db, key, spec)
    numbers.trim(db, key, row.plan, segment=naming.internal_segment(owner))
    _forget_router(db, row, owner)
    sandboxes.depart(db, key, tuple(each for each in row.leaving if each.machine.owner != owner))


def _forget_router(db: sa.Connection, row: sandboxes.SandboxRow, owner: str) -> None:
    controller = naming.controller(owner)
    stays = row.plan.machine(controller) is not None
    anew = any(each.machine.role is Role.CONTROLLER and each.whole for each in row.leaving if each.machine.owner == owner)
    if not stays:
        secrets.drop(db, row.id, owner)
    if not stays or anew:
        inventory.drop(db, row.id, owner)
    if stays and anew:
        for kind, value in secrets.of(db, row.id, owner).items():
            if kind.startswith(NEXT):
                secrets.put(db, row.id, owner, kind.removeprefix(NEXT), value)
                secrets.drop(db, row.id, owner, kind)
