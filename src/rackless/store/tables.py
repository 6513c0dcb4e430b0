"""Every table, for whoever needs them all (the migrations' test, tools). Importing this registers them in `metadata`."""

from rackless.store import history, inventory, jobs, machines, pools, ports, sandboxes, secrets, servers, wires
from rackless.store.schema import metadata

OF_A_SANDBOX = (ports.table, wires.table, machines.table, inventory.table, pools.table, secrets.table)
"""What goes when a sandbox ends. Its row, its jobs and their events stay as history."""

__all__ = ["OF_A_SANDBOX", "history", "inventory", "jobs", "machines", "metadata", "pools"]
__all__ += ["ports", "sandboxes", "secrets", "servers", "wires"]
