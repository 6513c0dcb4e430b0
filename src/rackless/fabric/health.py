"""Facts of this node: what its heartbeat carries."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC
from pathlib import Path

import httpx

from rackless.fabric import facts
from rackless.fabric.authority import client_context, shown
from rackless.fabric.engines import etcd, haproxy, patroni
from rackless.fabric.etcd import Etcd
from rackless.fabric.places import Places
from rackless.fabric.supervision import Supervision
from rackless.model.errors import ProviderError, RacklessError
from rackless.model.fabric import DatabaseRole, Filesystem, Function, Health, Layout, Node
from rackless.release import release

EVERY = 2.0
"""Seconds between two measurements."""
ANSWERS = 2.0
STATES = {"running": DatabaseRole.REPLICA, "streaming": DatabaseRole.REPLICA, "in archive recovery": DatabaseRole.REPLICA}


class Asking:
    """What this node asks its own engines with. Connections stay: most of what a look costs is the handshake of both sides."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._shown = b""
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str) -> httpx.Response:
        """
        Raises:
            httpx.HTTPError: no answer.
        """
        client = await self._current()
        try:
            return await client.get(url)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await client.get(url)  # the other side had ended the connection that was kept

    async def _current(self) -> httpx.AsyncClient:
        """One that shows the certificate which this node has now."""
        shown = self._places.own.pair.certificate.read_bytes()
        if self._client is None or shown != self._shown:
            if self._client is not None:
                await self._client.aclose()
            self._client, self._shown = asked(self._places), shown
        return self._client


async def measured(
    places: Places, layout: Layout, node: Node, supervision: Supervision, *, asking: Asking, client: Etcd
) -> Health:
    """Of now. `asking` and `client` (of etcd) are those of this node's daemon."""
    interface = await facts.interface(node.address)
    total, used = facts.memory()
    stores = node.has(Function.DATABASE) or node.has(Function.REPLICA)
    database, lag = await _database(asking, node) if stores else (None, None)
    votes, leads = await _vote(client, node) if node.has(Function.VOTE) else (None, None)
    clock = await facts.clock(places.chrony / "chronyd.sock") if layout.time_sources else facts.Clock()
    processors = facts.processors()
    holds = layout.virtual_address.partition("/")[0]
    return Health(
        node=node.id,
        at=time.time(),
        release=release(),
        processors=processors,
        load=os.getloadavg()[0] / processors,
        memory=total,
        memory_used=used,
        filesystems=_filesystems(places),
        database=database,
        lag=lag,
        etcd=votes,
        leader=leads,
        clock_offset=clock.offset,
        time_source=clock.source,
        time_sources=layout.time_sources,
        certificate_until=until(places),
        holds_address=holds in interface.addresses if holds else None,
        serving=await _serving(asking, node) if node.has(Function.APPLICATION) else None,
        engines_down=await supervision.down(),
    )


def _filesystems(places: Places) -> tuple[Filesystem, ...]:
    """The node's, and those of engines that have one of their own."""
    found: dict[int, Path] = {}
    for path in (places.top, places.postgresql.path, places.etcd.path):
        if path.is_dir():
            found.setdefault(path.stat().st_dev, path)
    return tuple(facts.filesystem(path) for path in found.values())


def until(places: Places) -> float:
    """When the first of this node's certificates ends."""
    found = [shown(path.read_bytes()).ends.astimezone(UTC) for path in places.own.path.glob("*.crt") if path.name != "ca.crt"]
    return min(found).timestamp()


async def patroni_says(asking: Asking, node: Node) -> dict[str, object]:
    """What Patroni of a node tells (https://patroni.readthedocs.io/en/latest/rest_api.html, GET /patroni).

    Raises:
        ProviderError: it does not answer.
    """
    try:
        return dict((await asking.get(f"https://{node.address}:{patroni.REST_PORT}/patroni")).json())
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(f"Patroni of {node.name} does not answer.") from error


def asked(places: Places, *, answers: float = ANSWERS) -> httpx.AsyncClient:
    """A client that shows this node's certificate."""
    return httpx.AsyncClient(verify=client_context(places.own.authority, places.own.pair), trust_env=False, timeout=answers)


async def _database(asking: Asking, node: Node) -> tuple[DatabaseRole, int | None]:
    try:
        found = await patroni_says(asking, node)
    except ProviderError:
        return DatabaseRole.DOWN, None
    state, role = str(found.get("state")), str(found.get("role"))
    if state not in STATES:
        return (DatabaseRole.STARTING if "start" in state or "creat" in state else DatabaseRole.DOWN), None
    if role in {"primary", "master"}:
        return DatabaseRole.PRIMARY, 0
    if found.get("sync_standby") or found.get("quorum_standby"):
        return DatabaseRole.SYNCHRONOUS, None
    if found.get("replication_state") not in {"streaming", None} and state == "running":
        return DatabaseRole.STARTING, None
    return DatabaseRole.REPLICA, None


async def _vote(client: Etcd, node: Node) -> tuple[bool, bool]:
    try:
        status = await client.status(etcd.client_url(node))
    except RacklessError:
        return False, False
    return bool(status.leader), status.leader == status.member


async def _serving(asking: Asking, node: Node) -> bool:
    try:
        answer = await asking.get(f"https://{node.address}:{haproxy.APPLICATION_PORT}{haproxy.READY}")
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


async def reaches(address: str, port: int) -> str:
    """Empty if a TCP connection comes about, else why not."""
    try:
        async with asyncio.timeout(ANSWERS):
            _, writer = await asyncio.open_connection(address, port)
        writer.close()
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return error.strerror or str(error)
    return ""
