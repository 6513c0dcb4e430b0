"""The one schema: help, completion, validation, both text forms, the reference page and rendering all come from it.

To add a statement: add one call in the file of its hierarchy, and read it in the `render/` module that its `by` names.
A statement that is known but does nothing here is declared so: `ineffective(...)` around the call.
"""

from __future__ import annotations

from ..nodes import Node, container
from .bridge_domains import BRIDGE_DOMAINS
from .chassis import CHASSIS, VMHOST
from .firewall import FIREWALL
from .interfaces import INTERFACES
from .policy import POLICY
from .protocols import PROTOCOLS
from .routing_instances import ROUTING_INSTANCES
from .routing_options import ROUTING_OPTIONS
from .snmp import SNMP
from .system import SYSTEM

ROOT: Node = container(
    "",
    "Configuration",
    SYSTEM,
    CHASSIS,
    VMHOST,
    INTERFACES,
    SNMP,
    POLICY,
    FIREWALL,
    ROUTING_INSTANCES,
    ROUTING_OPTIONS,
    PROTOCOLS,
    BRIDGE_DOMAINS,
)
