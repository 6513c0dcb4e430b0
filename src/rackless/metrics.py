"""What this process counts and times, for Prometheus. What the store knows is asked when somebody scrapes (api/monitoring.py).

Names follow Prometheus' rules: a unit at the end, seconds and bytes, `_total` of counters. No label has a value that users
choose.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from rackless.model.errors import RacklessError

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bounds of a request or a provider's verb, in seconds."""
LONG = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Bounds of a job."""
NO_ROUTE = "none"
"""Label of a request that no route takes: its path is the sender's choice."""

BUILD = Gauge("rackless_build_info", "Version and digest of the sources.", ["version", "build"], registry=REGISTRY)
REQUESTS = Counter("rackless_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "rackless_http_request_seconds",
    "From a request to the begin of its answer.",
    ["method", "route"],
    buckets=SHORT,
    registry=REGISTRY,
)
STREAMS = Gauge("rackless_http_streams", "Answers under way that have no end.", ["kind"], registry=REGISTRY)
JOBS = Histogram("rackless_job_seconds", "Jobs that ended here, by their end.", ["verb", "end"], buckets=LONG, registry=REGISTRY)
PROVIDER_SECONDS = Histogram(
    "rackless_provider_seconds", "Calls of the provider.", ["provider", "verb"], buckets=SHORT, registry=REGISTRY
)
PROVIDER_FAILURES = Counter(
    "rackless_provider_failures_total",
    "Calls of the provider that failed, by error code.",
    ["provider", "verb", "code"],
    registry=REGISTRY,
)
LEFTOVERS = Gauge("rackless_leftovers", "What the last reconciliation found with our mark and no lab.", registry=REGISTRY)

VERBS = ("check", "ensure", "power", "attach", "detach", "console", "owned", "remove", "carrier")
"""The provider's eight, and the ability that is one more call of the same kind."""


def measure(provider: Any, name: str) -> None:
    """Time the verbs of the provider of this place from now on. In place: it stays of its class, and so do its abilities."""
    for verb in VERBS:
        if hasattr(provider, verb):
            setattr(provider, verb, _timed(getattr(provider, verb), name, verb))


def _timed(body: Callable[..., Awaitable[Any]], provider: str, verb: str) -> Callable[..., Awaitable[Any]]:
    seconds = PROVIDER_SECONDS.labels(provider, verb)

    @functools.wraps(body)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        begun = time.monotonic()
        try:
            return await body(*args, **kwargs)
        except RacklessError as error:
            PROVIDER_FAILURES.labels(provider, verb, error.code).inc()
            raise
        except Exception:
            PROVIDER_FAILURES.labels(provider, verb, "defect").inc()
            raise
        finally:
            seconds.observe(time.monotonic() - begun)

    return timed
