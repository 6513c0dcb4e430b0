"""Blueprint + Site -> Plan; pure. `plan` decides everything, `wire` and `resolve` serve a running lab's new wires."""

from rackless.planning.build import allot, plan
from rackless.planning.wires import resolve, wire

__all__ = ["allot", "plan", "resolve", "wire"]
