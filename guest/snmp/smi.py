"""Value types of the SNMP tables (SMIv2, RFC 2578), by the numbers that AgentX gives them (RFC 2741, section 5.4)."""

from __future__ import annotations

TYPE_CHECKING = False  # typing, re and what they need take an emulated processor half a second to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTEGER, OCTETS, NULL, OBJECT = 2, 4, 5, 6
ADDRESS, COUNTER, GAUGE, TICKS, OPAQUE, COUNTER64 = 64, 65, 66, 67, 68, 70
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_VIEW = 128, 129, 130
"""In the place of a value: there is no such object, no such row of it, nothing after it."""

MOST32 = 0xFFFFFFFF
MOST64 = 0xFFFFFFFFFFFFFFFF
NOTHING = (0, 0)
"""zeroDotZero (RFC 2578): the object identifier for none."""

Oid = tuple[int, ...]
Value = int | bytes | Oid | None
"""int for the numeric types, octets for OCTETS, ADDRESS (4 of them) and OPAQUE, numbers for OBJECT, None for the rest."""
Row = tuple[Oid, int, Value]
"""One cell: its name, the type, the value."""

if TYPE_CHECKING:
    from snmp.facts import Facts

    Builder = Callable[[Facts], Iterator[Row]]
    """Makes the rows of a table, in any order."""
