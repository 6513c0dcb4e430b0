"""`show ntp`, `show snmp`, `show services`: of what the service's own program says."""

from __future__ import annotations

from ..xmltree import Element
from .reply import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


def ntp(session: Session, given: Given) -> Element:
    if "chronyd" not in session.datastore.daemons():
        return output("NTP is not running\n")
    done = session.datastore.world.run(["chronyc", "-n", "-c", "sources"], deadline=10.0)
    if done.code != 0:
        return output(f"chrony does not answer: {done.err.strip() or done.out.strip()}\n")
    lines = [ASSOCIATIONS, "=" * 78 + "\n"]
    lines += [_association(row.split(",")) for row in done.out.splitlines() if row.count(",") >= 9]
    return output("".join(lines))


ASSOCIATIONS = "     remote           refid      st t when poll reach   delay   offset  jitter\n"
MARKS = {"*": "*", "+": "+", "-": "-", "x": "x"}
"""Of chrony's states those that ntpq has too: in use, combined, not combined, falseticker."""


def _association(row: list[str]) -> str:
    """A line as ntpq writes it, times in milliseconds. chrony does not tell the delay; it is in the error that it tells."""
    kind, state, name, stratum, poll, reach, when = row[:7]
    offset, error = float(row[7]) * 1000, float(row[9]) * 1000
    letter = {"^": "u", "=": "s", "#": "l"}.get(kind, "u")
    since = "-" if int(reach) == 0 else when
    return (
        f"{MARKS.get(state, ' ')}{name:<15} {'.INIT.' if int(reach) == 0 else '-':<15} {stratum:>2} {letter} {since:>4} "
        f"{2 ** int(poll):>4} {int(reach):>4o} {error:>8.3f} {offset:>8.3f} {error:>7.3f}\n"
    )


def snmp(session: Session, given: Given) -> Element:
    running = "snmpd" in session.datastore.daemons()
    return output(f"SNMP agent: {'running' if running else 'not running'}\n")


def probe_results(session: Session, given: Given) -> Element:
    """No probes can be configured on this router."""
    return Element("probe-results")
