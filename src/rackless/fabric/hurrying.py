"""A primary that is gone is followed by another before Patroni's own ttl is over. `look` and `overdue` are pure: observations in,
a verdict out.

Patroni renews the leader's lease in etcd every `loop_wait`, and gives the primary up `loop_wait + 2 * retry_timeout` after its
last renewal at the latest (it tries that long, then demotes). The lease itself lasts `ttl`, of which Patroni bears no less than
20 s. What lies between is waiting for nothing: so when this node has itself watched a lease go unrenewed for longer than its
owner may have kept the primary, the lease is revoked, and the election begins.

That loses nothing: the old primary's commits wait for a standby that follows it, which the new one does not any more; and Patroni
takes the leader's key in a transaction, so one that was frozen and wakes finds it taken (both measured: docs/howto/fabric.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rackless.fabric.engines import etcd as etcd_text
from rackless.fabric.engines import patroni
from rackless.fabric.etcd import Etcd
from rackless.model.errors import ProviderError
from rackless.model.fabric import Layout, Node

UNRENEWED = patroni.LOOP_WAIT + 2 * patroni.RETRY + 1.0
"""Seconds watched without a renewal; one for what a loop itself takes."""
FULL = patroni.TTL - patroni.LOOP_WAIT - 1
"""Seconds left of a lease that was renewed in the last loop."""
LOOK = 1.0
"""What one look counts at most, seconds: this node may have been frozen itself."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """`lease`: the leader's; `left`: its seconds at the last look, of which etcd tells whole ones; `still`: seconds watched
    since it was last seen renewed; `term`: etcd's own, whose change renews every lease without a word of its owner."""

    lease: int = 0
    left: int = 0
    still: float = 0.0
    term: int = 0
    doubtful: bool = False
    """Its time is long because of such a change, as far as one knows."""
    at: float | None = None


def look(before: Watched, *, lease: int, left: int, term: int, now: float) -> Watched:
    """`now`: monotonic. `lease` 0: nobody leads."""
    step = 0.0 if before.at is None else min(max(0.0, now - before.at), LOOK)
    if lease == 0 or lease != before.lease:
        return Watched(lease=lease, left=left, term=term, at=now)
    if term != before.term:
        return replace(before, left=left, still=before.still + step, term=term, doubtful=True, at=now)
    if left > before.left or (left >= FULL and not before.doubtful):
        return replace(before, left=left, still=0.0, doubtful=False, at=now)
    return replace(before, left=left, still=before.still + step, at=now)


def overdue(watched: Watched) -> bool:
    """Its owner has given the primary up, whether it knows or not."""
    return watched.lease != 0 and watched.still > UNRENEWED


EVERY = 0.5
"""Seconds between two looks."""


async def seen(etcd: Etcd, layout: Layout, node: Node, before: Watched) -> Watched:
    """One look. Raises ProviderError when etcd does not answer: nothing was watched."""
    status = await etcd.status(etcd_text.client_url(node))
    if not status.leader:
        raise ProviderError("etcd has no leader.")
    found = await etcd.get(patroni.leader_key(layout))
    lease = found.lease if found is not None else 0
    left = await etcd.left(lease) if lease else 0
    return look(before, lease=lease, left=left, term=status.term, now=time.monotonic())
