"""The one schema: help, completion, validation, both text forms, the reference page and rendering all come from it.

To add a statement: add one call in the file of its hierarchy, and read it in the `render/` module that its `by` names.
"""

from __future__ import annotations

from ..nodes import Node, container
from .interfaces import INTERFACES
from .protocols import PROTOCOLS
from .routing_options import ROUTING_OPTIONS
from .snmp import SNMP
from .system import SYSTEM

ROOT: Node = container("", "Configuration", SYSTEM, INTERFACES, SNMP, ROUTING_OPTIONS, PROTOCOLS)
