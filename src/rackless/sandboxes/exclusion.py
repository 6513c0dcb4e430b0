"""Labs that hold locks from their begin to their end: who is in the way, and taking all of a lab's locks or none."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from rackless.model.calendar import Span
from rackless.model.errors import StateError
from rackless.model.lifecycle import SandboxState
from rackless.store import locks, sandboxes


def in_the_way(db: sa.Connection, names: Iterable[str], span: Span, *, but: int = 0) -> str:
    """Who has or will have one of these locks in that time, as a sentence; "" when nobody. `but`: the lab that asks.

    A lab in the queue is in nobody's way.
    """
    wanted = set(names)
    if not wanted:
        return ""
    moment = locks.now(db)
    labs = sandboxes.live(db)
    ends = {row.id: row.span.ends for row in labs}
    for name in sorted(wanted):
        row = locks.find(db, name)
        if row is None or not row.held_at(moment) or (row.sandbox_id or -1) == but:
            continue
        until = ends.get(row.sandbox_id, row.expires) if row.sandbox_id is not None else row.expires
        if span.begins <= moment or until is None or until > span.begins:
            return f"The lock {name} is held by {locks.said(row)}."
    for lab in labs:
        common = wanted & set(lab.plan.blueprint.locks)
        overlaps = lab.span.begins < span.ends and span.begins < lab.span.ends
        if lab.state is SandboxState.BOOKED and lab.id != but and common and overlaps:
            return f"The lock {min(common)} is booked by {lab.owner} (lab {lab.name})."
    return ""


def take(db: sa.Connection, row: sandboxes.SandboxRow) -> None:
    """All the locks of a lab that begins.

    Raises:
        StateError: somebody has one; then the caller's transaction takes none.
    """
    for name in sorted(row.plan.blueprint.locks):
        try:
            locks.acquire(db, name, owner=row.owner, holder=f"lab {row.name}", seconds=None, sandbox=row.id)
        except StateError as error:
            raise StateError(error.message, hint=f"Lab {row.name} waits for it.") from error
