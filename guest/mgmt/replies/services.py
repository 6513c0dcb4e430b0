"""`show ntp` and `show snmp`: what the service's own program says."""

from __future__ import annotations

from .reply import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..xmltree import Element

    Given = dict[str, str]


def ntp(session: Session, given: Given) -> Element:
    if "chronyd" not in session.datastore.daemons():
        return output("NTP is not running\n")
    done = session.datastore.world.run(["chronyc", "-n", "sources"], deadline=10.0)
    return output(done.out if done.code == 0 else f"chrony does not answer: {done.err.strip() or done.out.strip()}\n")


def snmp(session: Session, given: Given) -> Element:
    running = "snmpd" in session.datastore.daemons()
    return output(f"SNMP agent: {'running' if running else 'not running'}\n")
