"""How often somebody may ask: a bucket of requests for every caller, and for every address from which nobody known comes.

A bucket holds what may come at once, and is filled steadily. Each server counts by itself. The unix socket is not counted: its
user could end the server anyway. (The rate limiting libraries at hand count in windows, and let twice the limit through at the
edge of two; a bucket is less code than their use.)
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from rackless.model.errors import RateLimitedError
from rackless.model.people import Caller
from rackless.model.site import Site

BURST = 10.0
"""Seconds' worth of requests that may come at once."""
MOST = 10_000
"""Buckets that are kept; the one that was used least recently is given up, and would be full again sooner or later."""


MOST_STREAMS = 100
"""Streams of events that a caller may have open at once: a browser's windows, and a test run's labs."""


class Buckets:
    """Args:
    rate: requests a second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one request out of the bucket: 0. Or, where it is empty, seconds until there is one again."""
        if not self._rate:
            return 0.0
        level, at = self._levels.pop(key, (self._size, now))
        level = min(self._size, level + (now - at) * self._rate)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        if len(self._levels) > MOST:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / self._rate


class Rates:
    """Of one server."""

    def __init__(self, site: Site) -> None:
        self._callers = Buckets(site.caller_rate)
        self._strangers = Buckets(site.stranger_rate)
        self._streams: Counter[str] = Counter()

    def caller(self, caller: Caller) -> None:
        """Raises RateLimitedError."""
        if caller.via != "socket":
            _refuse(self._callers.take(caller.name, time.monotonic()), caller.name)

    @contextmanager
    def streaming(self, caller: Caller) -> Iterator[None]:
        """Within it one more stream of the caller is open. Raises RateLimitedError."""
        if caller.via == "socket":
            yield
            return
        if self._streams[caller.name] >= MOST_STREAMS:
            raise RateLimitedError(
                f"{caller.name} has {MOST_STREAMS} streams of events open.",
                hint="Close some; one without `lab` tells of all labs.",
                seconds=1,
            )
        self._streams[caller.name] += 1
        try:
            yield
        finally:
            self._streams[caller.name] -= 1
            if not self._streams[caller.name]:
                del self._streams[caller.name]

    def stranger(self, connection: HTTPConnection) -> None:
        """Raises RateLimitedError."""
        source = source_of(connection)
        if source:
            _refuse(self._strangers.take(source, time.monotonic()), source)


def source_of(connection: HTTPConnection) -> str:
    """The address that the request comes from; of an IPv6 one its /64, which one customer has. "" for the unix socket."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network(f"{host}/64", strict=False)) if address.version == 6 else host


def _refuse(seconds: float, who: str) -> None:
    if seconds:
        raise RateLimitedError(
            f"Too many requests of {who}; the next is taken in {seconds:.1f} s.",
            hint="Wait for `Retry-After`; `GET /v1/events` tells what happens without being asked again.",
            seconds=seconds,
        )
