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
    plan, leaving = row.plan, [each.machine for each in row.leaving]
    machines = {spec.name: plan.place_of(spec) for spec in (*leaving, *plan.machines)}
    places = plan.places | {plan.place_of(spec) for spec in leaving}
    return Whereabouts(default=plan.provider, machines=machines, places=places)
