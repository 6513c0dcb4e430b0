"""The monitor's page, of what a node's daemon has: the truth and its own watch. Pure."""

from __future__ import annotations

from rackless.fabric import deciding, membership
from rackless.fabric.truth import Truth
from rackless.fabric.watching import Watch
from rackless.model.fabric import DatabaseRole, Status


def status(truth: Truth, watch: Watch) -> Status:
    """As any node can show it: ages of heartbeats are those that this node watched itself."""
    known = deciding.known(truth, watch)
    living = truth.living()
    health = tuple(each for each, _ in known.values())
    here = {id: each for id, (each, _) in known.items() if id in living}
    return Status(
        layout=truth.layout,
        database="postgresql",
        decider=truth.decider,
        epoch=truth.epoch,
        members=membership.members(truth, watch),
        health=health,
        alarms=truth.alarms,
        primary=next((id for id, each in here.items() if each.database is DatabaseRole.PRIMARY), ""),
        holder=next((id for id, each in here.items() if each.holds_address), ""),
    )
