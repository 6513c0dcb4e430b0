"""What an operator lets a fabric do, on any of its nodes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from rackless.fabric import admitting, alarms, changing, installing, refilling, switching, taking_over, upgrading
from rackless.fabric.engines import etcd, haproxy, patroni
from rackless.fabric.places import PEER_PORT
from rackless.fabric.truth import Truth, from_text
from rackless.fabric.world import Read
from rackless.model.errors import InputError, RacklessError
from rackless.model.fabric import Alarm, DatabaseRole, Function, Health, Life, Membership, Node, Status

if TYPE_CHECKING:
    from rackless.fabric.node import NodeDaemon

log = logging.getLogger(__name__)

ANSWERS = 3.0
"""Seconds for a connection."""
WAYS = {
    "agent": PEER_PORT,
    "etcd": etcd.CLIENT_PORT,
    "database": patroni.PORT,
    "page": haproxy.WEB_PORT,
    "ssh": 22,
}
"""Ports at which a node that is not off answers, by what answers there."""


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

    async def takeover(request: Request) -> Any:
        return await taken_over(daemon, off=bool((await _body(request)).get("off")))

    async def upgrade(request: Request) -> Any:
        asked = await _body(request)
        return await upgraded(daemon, **{name: str(asked.get(name, "")) for name in ("package", "command", "release")})

    async def going(request: Request) -> Any:
        return shown(daemon, (await daemon.world.read()).truth)

    async def resumed(request: Request) -> Any:
        return shown(daemon, await daemon.change(lambda truth: upgrading.resume(truth, time.time())))

    async def abandoned(request: Request) -> Any:
        return shown(daemon, await daemon.change(upgrading.abandon))

    async def restore(request: Request) -> Any:
        asked = await _body(request)
        return await refilling.restored(daemon, Path(str(asked["file"])), replace=bool(asked.get("replace")))

    async def lacking(request: Request) -> Any:
        return {"lacks": list(ready(daemon))}

    return {
        "GET /v1/ready": lacking,
        "POST /v1/tokens": add,
        "POST /v1/remove": remove,
        "POST /v1/switchover": switchover,
        "POST /v1/maintenance": maintenance,
        "POST /v1/takeover": takeover,
        "GET /v1/upgrade": going,
        "POST /v1/upgrade": upgrade,
        "POST /v1/upgrade/resume": resumed,
        "POST /v1/upgrade/abandon": abandoned,
        "POST /v1/restore": restore,
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
        known |= _facts(read)
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


async def acknowledged(daemon: NodeDaemon, key: str, who: str) -> Alarm:
    """Raises NotFoundError when no such alarm stands."""
    now = time.time()
    truth = await daemon.change(lambda truth: replace(truth, alarms=alarms.acknowledge(truth.alarms, key, who, now)))
    return next(each for each in truth.alarms if each.key == key)


async def upgraded(daemon: NodeDaemon, *, package: str, command: str, release: str) -> dict[str, Any]:
    """Begin to bring each node to a release, by a Debian package or a command, one after the other.

    Raises:
        InputError: the package is none, or it is not said what to install.
        StateError: one runs already, or the fabric is not healthy.
    """
    if package:
        release, digest = await installing.offered(daemon.places, Path(package))
        how = f"{installing.PACKAGE} {digest}"
    elif command and release:
        how = f"{installing.RUN} {command}"
    else:
        raise InputError("It is not said what to install.", hint="Give a Debian package, or `--run COMMAND --release RELEASE`.")
    health = _facts(await daemon.world.read())
    return shown(daemon, await daemon.change(lambda truth: upgrading.begin(truth, release, health, time.time(), how)))


def _facts(read: Read) -> dict[str, Health]:
    """By node, what members said of themselves last."""
    told = [beat for beat in read.beats if beat.facts and beat.incarnation == read.truth.verdict(beat.node).incarnation]
    return {beat.node: from_text(Health, beat.facts) for beat in told}


def shown(daemon: NodeDaemon, truth: Truth) -> dict[str, Any]:
    """`upgrade`: None while none is under way; nodes are given by name. `releases`: of each node, as it was agreed on."""
    names = {node.id: node.name for node in truth.layout.nodes}
    upgrade = truth.upgrade
    known = {
        "release": upgrade.release,
        "how": upgrade.how,
        "order": [names.get(id, id) for id in upgrade.order],
        "done": [names.get(id, id) for id in upgrade.done],
        "node": names.get(upgrade.node, upgrade.node),
        "stage": str(upgrade.stage),
        "since": upgrade.since,
        "stopped": upgrade.stopped,
    } if upgrade is not None else None  # fmt: skip
    return {"upgrade": known, "releases": {node.name: node.release for node in truth.layout.nodes}}


async def taken_over(daemon: NodeDaemon, *, off: bool) -> dict[str, Any]:
    """Of two nodes without a third voice this one is the fabric now. `off`: the operator says that the other is.

    Returns:
        `node` and `other` by name, and the `generation`.
    """
    node, other = daemon.node, taking_over.partner(daemon.truth, daemon.me.id)
    answers = await _ways(other) if other is not None else {}
    waits = not daemon.beating.begun and not daemon.world.told
    if node is not None and other is not None and node.has(Function.VOTE) and waits:
        taking_over.sure(other, off, answers)  # it had the primary already, and waits since its start
        daemon.world.told = True
        log.warning("%s goes on without %s, by an operator's word", node.name, other.name)
    else:
        truth = taking_over.take_over(daemon.truth, daemon.me.id, off=off, answers=answers, now=time.time())
        await daemon.take_over(truth)
        log.warning("%s took over, by an operator's word: generation %d", daemon.me.name, truth.generation)
    return {
        "node": daemon.me.name,
        "other": other.name if other is not None else "",
        "generation": daemon.truth.generation,
    }


async def _ways(other: Node) -> dict[str, bool]:
    """By way, whether that machine answered."""
    found = await asyncio.gather(*(answers(other.address, port) for port in WAYS.values()))
    return dict(zip(WAYS, found, strict=True))


async def answers(address: str, port: int) -> bool:
    """A machine is there: it takes the connection, or refuses it."""
    try:
        async with asyncio.timeout(ANSWERS):
            _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return True
    except (TimeoutError, OSError):
        return False
    writer.close()
    return True


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
