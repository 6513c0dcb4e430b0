"""What an operator lets a fabric do, on any of its nodes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from rackless.fabric import admitting, changing, switching
from rackless.fabric.truth import from_text
from rackless.model.errors import RacklessError
from rackless.model.fabric import DatabaseRole, Function, Health, Life, Membership, Status

if TYPE_CHECKING:
    from rackless.fabric.node import NodeDaemon

log = logging.getLogger(__name__)


def verbs(daemon: NodeDaemon) -> dict[str, Callable[[Request], Awaitable[Any]]]:
    async def add(request: Request) -> Any:
        return {"token": await admitting.new_token(daemon, str((await _body(request)).get("name", "")))}

    async def remove(request: Request) -> None:
        await removed(daemon, str((await _body(request))["name"]))

    async def switchover(request: Request) -> Any:
        return {"primary": await switched(daemon, str((await _body(request)).get("to", "")))}

    async def maintenance(request: Request) -> None:
        asked = await _body(request)
        await maintained(daemon, str(asked["name"]), bool(asked["on"]))

    async def lacking(request: Request) -> Any:
        return {"lacks": list(ready(daemon))}

    return {
        "GET /v1/ready": lacking,
        "POST /v1/tokens": add,
        "POST /v1/remove": remove,
        "POST /v1/switchover": switchover,
        "POST /v1/maintenance": maintenance,
    }


async def _body(request: Request) -> dict[str, Any]:
    return dict(json.loads(await request.body() or b"{}"))


async def status(daemon: NodeDaemon) -> Status:
    """Of the whole fabric, as this node sees it. Where etcd does not answer: of this node, and what was agreed on last."""
    known: dict[str, Health] = {}
    primary = holder = ""
    now = time.time()
    truth = daemon.truth
    try:
        read = await daemon.world.read()
        truth = read.truth
        for beat in read.beats:
            if beat.facts and beat.incarnation == truth.verdict(beat.node).incarnation:
                known[beat.node] = from_text(Health, beat.facts)
        primary = await switching.primary(daemon.etcd, daemon.layout)
    except RacklessError:
        known[daemon.me.id] = daemon.health
    members = []
    for node in daemon.layout.nodes:
        found, verdict = known.get(node.id), truth.verdict(node.id)
        age = max(0.0, now - found.at) if found is not None and found.at else None
        members.append(Membership(node=node.id, life=verdict.life, age=age, since=verdict.since, why=verdict.why))
        if found is not None and found.holds_address and verdict.life is Life.ALIVE:
            holder = node.id
    return Status(
        layout=daemon.layout,
        database="postgresql",
        decider=truth.decider,
        epoch=truth.epoch,
        members=tuple(members),
        health=tuple(known.values()),
        alarms=truth.alarms,
        primary=primary,
        holder=holder,
    )


async def switched(daemon: NodeDaemon, to: str) -> str:
    """The primary hands over in order, to the node of that name or the best. Returns the name of who has it."""
    wanted = admitting.known(daemon, to).id if to else ""
    now = await switching.switched(daemon.places, daemon.etcd, daemon.layout, wanted)
    found = daemon.layout.node(now)
    return found.name if found is not None else now


async def removed(daemon: NodeDaemon, name: str) -> None:
    """The node is no member any more, alive or not. A primary hands over first."""
    node = admitting.known(daemon, name)
    changing.remove(daemon.truth, node.id, time.time())  # says why not, before anything is done
    if await switching.primary(daemon.etcd, daemon.layout) == node.id:
        try:
            await switched(daemon, "")
        except RacklessError as error:
            log.info("the primary does not hand over: %s", error.message)
    await admitting.leave(daemon, node.id)
    log.info("%s is removed", node.name)


async def maintained(daemon: NodeDaemon, name: str, on: bool) -> None:
    """It holds neither virtual address nor primary, and serves nobody; or it does again."""
    node = admitting.known(daemon, name)
    primary = await switching.primary(daemon.etcd, daemon.layout)
    await daemon.change(lambda truth: changing.maintain(truth, node.id, on, primary))


def ready(daemon: NodeDaemon) -> tuple[str, ...]:
    """What this node still lacks, each in a few words; empty when it does all that it is to do."""
    node, has = daemon.node, daemon.health
    if node is None or not daemon.current:
        return ("the fabric's state",)
    lacks = []
    if node.has(Function.VOTE) and not has.etcd:
        lacks.append("its vote")
    if (node.has(Function.DATABASE) or node.has(Function.REPLICA)) and has.database not in {
        DatabaseRole.PRIMARY,
        DatabaseRole.SYNCHRONOUS,
        DatabaseRole.REPLICA,
    }:
        lacks.append("its database")
    if node.has(Function.APPLICATION) and not node.maintenance and not has.serving:
        lacks.append("its application")
    lacks += [f"{name}, which does not run" for name in has.engines_down]
    return tuple(lacks)
