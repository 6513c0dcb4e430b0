"""Who holds what, and held it lately: what quotas and the order of the queue look at."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.calendar import ALWAYS, RESOURCES, Amounts, Span, Stay
from rackless.model.lifecycle import SandboxState
from rackless.store import history
from rackless.store.sandboxes import LINGER
from rackless.store.sandboxes import table as sandboxes


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a lab of this owner holds, will hold, or held."""

    owner: str
    stay: Stay


def since(db: sa.Connection, now: float, moment: float, *, but: int = 0) -> list[Use]:
    """Of all labs that hold something now or later, or ended after `moment`. One that waits holds nothing; one that ended held
    from when its deployment began."""
    amounts = [sandboxes.c[name] for name in RESOURCES]
    quiet = (SandboxState.ENDED.value, SandboxState.WAITING.value)
    columns = (sandboxes.c.name, sandboxes.c.owner, sandboxes.c.state, sandboxes.c.begins, sandboxes.c.ends, *amounts)
    found = []
    for row in db.execute(sa.select(*columns).where(sandboxes.c.state.not_in(quiet), sandboxes.c.id != but)).mappings():
        span = Span(begins=row["begins"], ends=ALWAYS if row["ends"] is None else row["ends"])
        if row["state"] != SandboxState.BOOKED.value:
            span = Span(begins=min(span.begins, now), ends=max(span.ends, now + LINGER))
        found.append(_use(row, span))
    began = sa.func.min(history.table.c.time).label("began")
    over = (
        sa.select(sandboxes.c.name, sandboxes.c.owner, sandboxes.c.since, *amounts, began)
        .join(history.table, history.table.c.sandbox_id == sandboxes.c.id)
        .where(sandboxes.c.state == SandboxState.ENDED.value, sandboxes.c.since > moment)
        .where(history.table.c.what == SandboxState.DEPLOYING.value)
        .group_by(sandboxes.c.id)
    )
    return [*found, *(_use(row, Span(begins=row["began"], ends=row["since"])) for row in db.execute(over).mappings())]


def _use(row: sa.RowMapping, span: Span) -> Use:
    amounts = Amounts(**{name: row[name] for name in RESOURCES})
    return Use(owner=row["owner"], stay=Stay(sandbox=row["name"], span=span, amounts=amounts))
