"""Every table, for whoever needs them all (the migrations' test, tools). Importing this registers them in `metadata`."""

from rackless.store import (
    access,
    answers,
    blueprints,
    events,
    groups,
    history,
    inventory,
    jobs,
    layouts,
    machines,
    openid,
    pools,
    ports,
    sandboxes,
    secrets,
    servers,
    sessions,
    users,
    vlans,
    wires,
)
from rackless.store.schema import metadata

OF_A_SANDBOX = (
    ports.table,
    wires.table,
    machines.table,
    inventory.table,
    pools.table,
    secrets.table,
    users.shares,
    layouts.table,
    vlans.table,
    blueprints.table,
)
"""What goes when a sandbox ends. Its row, its jobs and their events stay as history."""

__all__ = [
    "OF_A_SANDBOX",
    "access",
    "answers",
    "blueprints",
    "events",
    "groups",
    "history",
    "inventory",
    "jobs",
    "layouts",
    "machines",
    "metadata",
    "openid",
    "pools",
    "ports",
    "sandboxes",
    "secrets",
    "servers",
    "sessions",
    "users",
    "vlans",
    "wires",
]
