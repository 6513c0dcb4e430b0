"""For those who watch over the server: does it live, is it ready, and its numbers for Prometheus."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel

from rackless import metrics
from rackless.api.errors import RESPONSES
from rackless.api.fabric import monitor
from rackless.api.guard import guard
from rackless.api.here import Here
from rackless.api.server import BUILD
from rackless.keepers.readiness import Readiness, Send
from rackless.model.calendar import Amounts
from rackless.model.fabric import Health, Life, Severity, Status
from rackless.providers.measuring import Usage, usage_at
from rackless.release import release
from rackless.store import counting
from rackless.workflows.world import World

router = APIRouter(tags=["server"], responses=RESPONSES, dependencies=[Depends(guard)])
"""Numbers: for whoever may look (a token, or the unix socket)."""
health = APIRouter(tags=["server"], responses=RESPONSES)
"""For everybody, without a token: they tell whether, and nothing of what is inside."""

metrics.BUILD.labels(release(), BUILD).set(1)


class Alive(BaseModel):
    status: str


class ReadyCheck(BaseModel):
    """`reason`: why not, "" when `ok`."""

    name: str
    ok: bool
    reason: str


class Ready(BaseModel):
    ready: bool
    checks: list[ReadyCheck]


@health.get("/healthz")
async def healthz() -> Alive:
    """The process lives and takes requests. Touches nothing else."""
    return Alive(status="ok")


@health.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready; `checks` says why"}})
async def readyz(request: Request, here: Here) -> Response:
    """The server can do its work: store, provider, workflow engine, heartbeat, keepers, disk."""
    readiness: Readiness = getattr(request.app.state, "readiness", None) or Readiness(here)
    checks = [ReadyCheck(**asdict(check)) for check in await readiness.look()]
    ready = all(check.ok for check in checks)
    return JSONResponse(Ready(ready=ready, checks=checks).model_dump(), status_code=200 if ready else 503)


@health.get("/health/live")
async def health_live() -> Alive:
    """For load balancers: the same as `/healthz`."""
    return Alive(status="live")


@health.get("/health/ready", response_model=Alive, responses={503: {"model": Alive, "description": "Send nobody here"}})
async def health_ready(request: Request) -> Response:
    """For load balancers: `ready`, or with status 503 `draining` (it is about to end, or in maintenance) or `not ready`. A server
    whose database is away for a short while is `ready`: it answers 503 with Retry-After itself."""
    readiness: Readiness | None = getattr(request.app.state, "readiness", None)
    found = await readiness.balanced() if readiness is not None else Send.NOT_YET
    return JSONResponse(Alive(status=found.value).model_dump(), status_code=200 if found is Send.ALL else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def show_metrics(here: Here, request: Request) -> Response:
    """Numbers in Prometheus' text format. A few counting queries, however many labs there are."""
    counts = await here.database.read(counting.count, here.database, time.time())
    now = CollectorRegistry()
    used = await usage_at(here.provider, (place.name for place in here.site.everywhere))
    now.register(_Now([*_families(here, counts), *taken(used), *nodes(monitor(request, here).status())]))
    return Response(generate_latest(metrics.REGISTRY) + generate_latest(now), media_type=CONTENT_TYPE_LATEST)


class _Now(Collector):
    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def _families(here: World, counts: counting.Counts) -> Iterable[GaugeMetricFamily]:
    yield _gauge("rackless_labs", "Labs that have not ended.", "state", counts.labs)
    yield _gauge("rackless_machines", "Machines of these labs, as the store has them.", "state", counts.machines)
    yield _gauge("rackless_jobs_running", "Jobs that have not ended.", "verb", counts.jobs)
    yield _one("rackless_queue_length", "Labs that wait until they fit.", counts.labs["waiting"])
    yield _one("rackless_boots_waiting", "Machines that wait for their turn to boot, here.", here.booting.waiting)
    yield _one("rackless_boots_now", "Machines that boot, here.", here.booting.now)
    yield _gauge("rackless_pool_numbers_taken", "Numbers taken of a pool.", "pool", counts.pools)
    yield _gauge("rackless_capacity", "What labs may hold together; +Inf: nothing limits it.", "resource", _units(here.capacity))
    yield _gauge("rackless_capacity_held", "What labs hold of it now.", "resource", _units(counts.held))
    yield _one("rackless_store_bytes", "The store and the record of workflows, on disk.", counts.bytes)
    yield _gauge("rackless_consoles", "Serial lines that are open, those who watch and who write.", "what", here.consoles.count())


def taken(used: Mapping[tuple[str, str], Usage]) -> Iterable[GaugeMetricFamily]:
    """What all machines take together, of those whose place tells it."""
    private = sum(each.private or 0 for each in used.values())
    yield _one("rackless_machines_private_memory_bytes", "Memory that only the labs' machines have, each for itself.", private)
    cpu = sum(each.cpu for each in used.values())
    yield _one("rackless_machines_cpu_seconds", "Processor time of the machines that run now, since each was started.", cpu)


def nodes(status: Status) -> Iterable[GaugeMetricFamily]:
    """Of every node that is known of; one that is no fabric is a node too."""
    names = {node.id: node.name for node in status.layout.nodes}
    facts = {names.get(each.node, each.node): each for each in status.health}
    rows: tuple[tuple[str, str, Callable[[Health], float | None]], ...] = (
        ("cpu_percent", "Processors of the node in use.", lambda each: each.cpu),
        ("memory_bytes", "Memory of the node.", lambda each: each.memory),
        ("memory_used_bytes", "Memory of the node in use.", lambda each: each.memory_used),
        ("disk_percent", "Fullest file system of the node.", lambda each: each.disk),
        ("clock_offset_seconds", "The node's clock minus that of its source.", lambda each: each.clock_offset),
        ("certificate_expiry_timestamp_seconds", "When its first certificate expires.", lambda each: each.certificate_until),
        ("database_lag_bytes", "How far its database is behind the primary.", lambda each: each.lag),
        ("etcd_healthy", "Its etcd answers and knows a leader.", lambda each: each.etcd),
    )
    for name, text, value in rows:
        values = {node: float(found) for node, each in facts.items() if (found := value(each)) is not None}
        yield _gauge(f"rackless_node_{name}", text, "node", values)
    ages = {names.get(each.node, each.node): each.age for each in status.members if each.age is not None}
    yield _gauge("rackless_node_heartbeat_age_seconds", "Since the node was heard.", "node", ages)
    alive = {names.get(each.node, each.node): float(each.life in {Life.ALIVE, Life.SUSPECT}) for each in status.members}
    yield _gauge("rackless_node_alive", "1 for a node that is not held for dead.", "node", alive)
    counts = {each.value: float(sum(alarm.severity is each for alarm in status.alarms)) for each in Severity}
    yield _gauge("rackless_alarms", "Alarms that stand.", "severity", counts)


def _units(amounts: Amounts) -> dict[str, float]:
    """In Prometheus' units: bytes instead of MiB."""
    return dict(_unit(*row) for row in amounts.rows.items())


def _unit(name: str, value: float) -> tuple[str, float]:
    """`name` may end in a place: memory@munich."""
    kind, at, place = name.partition("@")
    if kind not in {"memory", "disk"}:
        return name, value
    return f"{kind}_bytes{at}{place}", value * 1024**2 if math.isfinite(value) else value


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([str(key)], value)
    return family


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
