"""From a configuration to the running system, one module a subsystem, in the order in which they act.

Each has `render(tree, world) -> Part`, which only reads, and `apply(engine, old, new)`, which acts and raises Failed.
A module with `check(engine, new)` asks its daemon's own checker before anything is changed.
A module acts only on what differs between its old part and its new one; `old` is None at start-up: then it makes sure of all.
"""

from __future__ import annotations

from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ORDER", "Engine", "Failed", "Part", "modules"]

ORDER = ("hostname", "timezone", "resolver", "users", "syslog", "firewall", "interfaces", "frr", "lldp", "ssh", "snmp", "ntp",
         "vmhost")  # fmt: skip


def modules() -> list[tuple[str, Any]]:
    """(name, module) in order; imported when first needed, not at the start of the daemon."""
    from . import firewall, frr, hostname, interfaces, lldp, ntp, resolver, snmp, ssh, syslog, timezone, users, vmhost

    table = {"hostname": hostname, "timezone": timezone, "resolver": resolver, "users": users, "syslog": syslog,
             "firewall": firewall, "interfaces": interfaces, "frr": frr, "lldp": lldp, "ssh": ssh, "snmp": snmp,
             "ntp": ntp, "vmhost": vmhost}  # fmt: skip
    return [(name, table[name]) for name in ORDER]
