"""Where a lab is, as its plan has it, for a provider that is several places."""

from __future__ import annotations

import sqlalchemy as sa

from rackless.providers.everywhere import Whereabouts
from rackless.store import sandboxes


def whereabouts(db: sa.Connection, name: str) -> Whereabouts | None:
    """None for a lab that is not there: whatever carries its mark can be anywhere."""
    row = sandboxes.find(db, name)
    if row is None:
        return None
    plan = row.plan
    machines = {spec.name: plan.place_of(spec) for spec in plan.machines}
    leaving = {each.machine.name: plan.place_of(each.machine) for each in row.leaving}
    return Whereabouts(
        default=plan.provider, machines=machines, leaving=leaving, places=plan.places | frozenset(leaving.values())
    )
