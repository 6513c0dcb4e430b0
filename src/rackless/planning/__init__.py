"""Blueprint + Site -> Plan; pure. `plan` decides everything, `wire` and `resolve` serve a running lab's new wires."""

from rackless.planning.build import allot, plan
from rackless.planning.difference import difference
from rackless.planning.reach import check_reach, wire_mtu
from rackless.planning.summary import Summary, summary
from rackless.planning.wires import absent, resolve, wire

__all__ = ["Summary", "absent", "allot", "check_reach", "difference", "plan", "resolve", "summary", "wire", "wire_mtu"]
