"""Who may become a node: asked by token on a port of its own, which knows nothing else. A voter answers, for it can sign."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rackless.fabric import certifying, changing, health, peers, preflight, tokens
from rackless.fabric.authority import Purpose
from rackless.fabric.etcd import changed
from rackless.fabric.node import TOKENS, NodeDaemon
from rackless.fabric.places import JOIN_PORT, PEER_PORT
from rackless.fabric.truth import Truth, as_text, from_text
from rackless.model.errors import InputError, NotFoundError, StateError, UnauthorizedError
from rackless.model.fabric import JoinRequest, Node, Refusal

log = logging.getLogger(__name__)


SLOW = 5.0
"""Seconds that a request may have been under way, for what the asker found out about the clocks to be believed."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`requests`: of certificates, by purpose; none to be examined only. `now`: the asker's clock when it asked."""

    secret: str = field(repr=False)
    request: JoinRequest
    now: float
    requests: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Examined:
    """`members`: those that the node has to reach, address by id."""

    fabric: str
    name: str
    refusals: tuple[Refusal, ...] = ()
    members: dict[str, str] = field(default_factory=dict)
    time_sources: tuple[str, ...] = ()
    now: float = 0.0
    """This node's clock when it answered."""


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """All in PEM form; `certificates` by purpose."""

    authority: str
    certificates: dict[str, str]
    truth: Truth


async def new_token(daemon: NodeDaemon, name: str) -> str:
    """For one node; with a name for that one only. Only its hash is kept."""
    if daemon.layout.called(name) is not None:
        raise StateError(f"There is a node {name} already.", hint="`rackless fabric status` shows all nodes.")
    addresses = [f"{one.address}:{JOIN_PORT}" for one in daemon.layout.voters]
    token, kept = tokens.new(daemon.me.fabric, addresses, daemon.places.authority.fingerprint, name, time.time())
    await daemon.etcd.put(TOKENS + kept.hash, json.dumps(asdict(kept)), lease=await daemon.etcd.lease(int(tokens.LASTS) * 4))
    log.info("a node %s may join for %.0f s", name or "of any name", tokens.LASTS)
    return str(token)


async def examine(daemon: NodeDaemon, asked: Asked) -> Examined:
    """Raises UnauthorizedError when the token is not good."""
    await _known(daemon, asked)
    request = await _measured(daemon, asked)
    layout = daemon.layout
    return Examined(
        fabric=layout.fabric,
        name=layout.name,
        refusals=refusals(daemon, request),
        members={one.id: one.address for one in layout.nodes},
        time_sources=layout.time_sources,
        now=time.time(),
    )


async def admit(daemon: NodeDaemon, asked: Asked) -> Admitted:
    """The token is used up, the node has certificates and is in the layout: all the others make room for it.

    Raises:
        UnauthorizedError: the token is not good.
        InputError: something about the node is not as it has to be.
    """
    kept = await _known(daemon, asked)
    request = await _measured(daemon, asked)
    found = refusals(daemon, request)
    if found:
        raise InputError(found[0].reason, hint=found[0].hint)
    await _use(daemon, kept, request.id)
    certificates = {
        kind: certifying.sign(daemon.places, daemon.layout, text, Purpose(kind), id=request.id, address=request.address)
        for kind, text in asked.requests.items()
    }
    joined = await daemon.change(lambda truth: changing.join(truth, request, time.time()))
    log.info("%s (%s) joins", request.name, request.address)
    return Admitted(
        authority=daemon.places.authority.certificate.read_text(encoding="ascii"), certificates=certificates, truth=joined
    )


async def leave(daemon: NodeDaemon, id: str) -> None:
    """It is no member any more; its vote and database go to others. Absent is success."""
    await daemon.change(lambda truth: changing.remove(truth, id, time.time()))


def refusals(daemon: NodeDaemon, request: JoinRequest) -> tuple[Refusal, ...]:
    lives = {one.id: daemon.truth.verdict(one.id).life for one in daemon.layout.nodes}
    return preflight.refusals(daemon.layout, request, lives=lives)


async def _known(daemon: NodeDaemon, asked: Asked) -> tokens.Kept:
    found = await daemon.etcd.get(TOKENS + tokens.hashed(asked.secret))
    hint = "`rackless fabric add NODE` prints another."
    if found is None:
        raise UnauthorizedError("This token is not known to the fabric.", hint=hint)
    kept = tokens.Kept(**json.loads(found.value))
    reason = kept.refusal(time.time())
    if reason:
        raise UnauthorizedError(reason, hint=hint)
    if kept.name and kept.name != asked.request.name:
        raise UnauthorizedError(f"This token is for {kept.name}, not for {asked.request.name}.", hint=hint)
    return kept


async def _use(daemon: NodeDaemon, kept: tokens.Kept, id: str) -> None:
    """Once: of two that come at the same moment the second finds it used."""

    def used(text: str) -> str:
        now = tokens.Kept(**json.loads(text)) if text else replace(kept, used="another")
        if reason := now.refusal(time.time()):
            raise UnauthorizedError(reason, hint="`rackless fabric add NODE` prints another.")
        return json.dumps(asdict(replace(now, used=id)))

    await changed(daemon.etcd, TOKENS + kept.hash, used)


async def _measured(daemon: NodeDaemon, asked: Asked) -> JoinRequest:
    """What the node says of itself, and what can be seen from here."""
    reached = await _reached(daemon, asked.request.address)
    raw = asked.now - time.time()  # less by what the request took
    offset = asked.request.clock_offset
    return replace(asked.request, clock_offset=raw if offset is None or abs(raw - offset) > SLOW else offset, reached_by=reached)


async def _reached(daemon: NodeDaemon, address: str) -> dict[str, str]:
    """By each member: empty if it reaches the nodes' port there, else why not."""

    async def tried(node: Node) -> str:
        if node.id == daemon.me.id:
            return await health.reaches(address, PEER_PORT)
        found = await peers.ask(daemon.places, node, "POST", "reach", {"address": address, "port": PEER_PORT})
        return str(found["reason"]) if found is not None else f"{node.name} could not be asked"

    nodes = daemon.layout.nodes
    return dict(zip([one.id for one in nodes], await asyncio.gather(*map(tried, nodes)), strict=True))


def known(daemon: NodeDaemon, name: str) -> Node:
    """By name or id. Raises NotFoundError."""
    found = daemon.layout.called(name) or daemon.layout.node(name)
    if found is None:
        raise NotFoundError(f"There is no node {name} in the fabric.", hint="`rackless fabric status` shows all nodes.")
    return found


def written(value: Any) -> bytes:
    return as_text(value).encode()


def read(kind: type[Any], body: bytes) -> Any:
    return from_text(kind, body.decode(errors="replace"))
