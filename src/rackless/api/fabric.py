"""The fabric monitor: nodes, what they do and how they are; alarms. An installation of one server is a node too."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.fabric.monitoring import Monitor
from rackless.fabric.observing import Observer
from rackless.model.fabric import Alarm, DatabaseRole, Function, Health, Life, Node, NodeRole, Severity, Status
from rackless.release import release
from rackless.workflows.world import World

router = APIRouter(tags=["fabric"], responses=RESPONSES, prefix="/fabric")


class NodeFilesystem(BaseModel):
    """Bytes; `percent` of what is not root's only."""

    path: str
    size: int
    used: int
    percent: float


class FabricNode(BaseModel):
    """`functions`: what it does. `life`: what is held of it; `heartbeat_age`: seconds. The rest are its own facts, null
    where they are not known or it has no such function. Times are seconds since the epoch, `clock_offset` is in seconds, `lag` in
    bytes."""

    id: str
    name: str
    address: str
    role: NodeRole
    functions: list[Function]
    maintenance: bool
    joined_at: float
    release: str
    life: Life
    why: str
    heartbeat_age: float | None
    cpu: float | None
    load: float | None
    processors: int | None
    memory: int | None
    memory_used: int | None
    disk: float | None
    filesystems: list[NodeFilesystem]
    database: DatabaseRole | None
    lag: int | None
    etcd: bool | None
    etcd_leader: bool | None
    clock_offset: float | None
    time_source: str
    time_sources: list[str]
    certificate_until: float | None
    holds_address: bool | None
    serving: bool | None
    engines_down: list[str]


class FabricAlarm(BaseModel):
    """`key` is what it is acknowledged by. `cause`: one sentence; `hint`: what to do."""

    key: str
    name: str
    severity: Severity
    since: float
    node: str
    subject: str
    cause: str
    hint: str
    acknowledged_at: float | None
    acknowledged_by: str


class Fabric(BaseModel):
    """`embedded`: one server that is no fabric. `primary`, `holder`, `decider`: ids of nodes, "" while there is none."""

    id: str
    name: str
    embedded: bool
    database: str
    virtual_address: str
    time_sources: list[str]
    primary: str
    holder: str
    decider: str
    nodes: list[FabricNode]
    alarms: list[FabricAlarm]


class Acknowledgement(BaseModel):
    key: str


FOLDER = Path("/var/lib/rackless-fabric")
"""Of the fabric's daemon, where RACKLESS_FABRIC does not name another."""


def watching(here: World, tell: Callable[[Alarm], Awaitable[None]] | None = None) -> Monitor:
    """A monitor of this server's own."""
    name = socket.gethostname()
    state = here.settings.state
    database = here.settings.database
    folder = Path(os.environ.get("RACKLESS_FABRIC") or FOLDER)
    return Monitor(
        Node(id=name, name=name, address="", release=release()),
        Observer(name, release(), (state, here.settings.images, Path("/")), (state / "certificate.pem",)),
        database="sqlite" if database.startswith("sqlite:") else "postgresql",
        kept=state / "alarms.json",
        fabric=folder / "application" / "monitor.json",
        tell=tell,
    )


def monitor(request: Request, here: World) -> Monitor:
    """The server's, which looks by itself; else one that has seen nothing yet."""
    found = getattr(request.app.state, "monitor", None)
    if found is None:
        found = request.app.state.monitor = watching(here)
    assert isinstance(found, Monitor)
    return found


@router.get("")
async def show_fabric(here: Here, request: Request) -> Fabric:
    """Every node: its functions, whether it lives, and how it is; and the alarms that stand. From memory: asks nobody."""
    status = monitor(request, here).status()
    layout = status.layout
    return Fabric(
        id=layout.fabric,
        name=layout.name,
        embedded=status.embedded,
        database=status.database,
        virtual_address=layout.virtual_address,
        time_sources=list(layout.time_sources),
        primary=status.primary,
        holder=status.holder,
        decider=status.decider,
        nodes=[_node(status, node) for node in sorted(layout.nodes, key=lambda each: each.number)],
        alarms=[_alarm(alarm) for alarm in status.alarms],
    )


def _node(status: Status, node: Node) -> FabricNode:
    member = status.member(node.id)
    facts = status.health_of(node.id) or Health(node=node.id)
    known = asdict(facts)
    taken = {name: known[name] for name in FabricNode.model_fields if name in known}
    return FabricNode(
        **taken
        | {
            "id": node.id,
            "name": node.name,
            "address": node.address,
            "role": node.role,
            "functions": sorted(node.functions),
            "maintenance": node.maintenance,
            "joined_at": node.joined_at,
            "release": facts.release or node.release,
            "life": member.life if member is not None else Life.ALIVE,
            "why": member.why if member is not None else "",
            "heartbeat_age": member.age if member is not None else None,
            "disk": facts.disk,
            "filesystems": [asdict(each) | {"percent": round(each.percent, 1)} for each in facts.filesystems],
            "etcd_leader": facts.leader,
            "time_sources": list(facts.time_sources or ()),
            "engines_down": list(facts.engines_down),
        }
    )


def _alarm(alarm: Alarm) -> FabricAlarm:
    known = asdict(alarm)
    return FabricAlarm(key=alarm.key, **{name: known[name] for name in FabricAlarm.model_fields if name in known})


@router.get("/alarms")
async def list_alarms(here: Here, request: Request, asked: Pages) -> Page[FabricAlarm]:
    """Alarms that stand, the worst first."""
    return asked.of_all(enumerate(monitor(request, here).status().alarms), lambda row: (row[0],), lambda row: _alarm(row[1]), int)


@router.post("/alarms/acknowledge")
async def acknowledge_alarm(here: Here, request: Request, who: Who, asked: Acknowledgement) -> FabricAlarm:
    """Say that somebody takes care of it. It stands until what it is about is over."""
    return _alarm(await monitor(request, here).acknowledge(asked.key, who.name))
