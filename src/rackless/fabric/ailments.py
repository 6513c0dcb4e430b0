"""What is wrong on one node, of its facts; also of a server that is no fabric. Pure.

Each threshold has two figures: an alarm is raised at the first, and stays until the second is passed, so that what swings around
one figure is one alarm.
"""

from __future__ import annotations

from collections.abc import Iterator

from rackless.fabric.alarms import Condition
from rackless.model.fabric import DISK_ALARM, DatabaseRole, Health, Node, Severity

CRITICAL, MAJOR, MINOR, WARNING = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING

DISK = ((95.0, CRITICAL), (90.0, MAJOR), (DISK_ALARM, MINOR))
"""Percent. 80 is the vendor's; at 95 % PostgreSQL is a burst of write-ahead log away from a stop."""
DISK_CLEAR = 3.0
"""Percent below the first figure at which it is cleared."""
CLOCK = ((1.0, MAJOR), (0.25, MINOR))
"""Seconds. Nothing in the fabric decides by a clock, but logs, bookings and certificates are read by it."""
CLOCK_CLEAR = 0.1
DAY = 86400.0
CERTIFICATE = ((0.0, CRITICAL), (7 * DAY, MAJOR), (30 * DAY, MINOR))
"""Seconds that are left."""
LAG, LAG_CLEAR = 16 << 20, 4 << 20
"""Bytes of write-ahead log: one segment (PostgreSQL's default), and a quarter of one."""
MEMORY, MEMORY_CLEAR = 90.0, 85.0
CPU, CPU_CLEAR = 95.0, 85.0
SETTLING = 30.0
"""Seconds that a failover may take before what it lacks is an alarm: the measured worst case is 26 s."""
NAMES = frozenset(
    {
        "disk-full", "clock-offset", "clock-alone", "clock-source", "certificate", "memory", "processors", "engine-down", "etcd",
        "not-serving", "database-down", "lag", "release",
    }
)  # fmt: skip
"""Of what is told of a node's own facts: while those are not known, nothing of this is cleared."""


def of_node(health: Health, node: Node, now: float, time_sources: tuple[str, ...] = ()) -> Iterator[Condition]:
    """Also of a server that is no fabric. `time_sources`: the fabric's; () for any."""
    yield from _disks(health, node)
    yield from _clock(health, node, time_sources)
    yield from _certificate(health, node, now)
    yield from _load(health, node)
    yield from _engines(health, node)


def _disks(health: Health, node: Node) -> Iterator[Condition]:
    for each in health.filesystems:
        severity = next((severity for least, severity in DISK if each.percent >= least), None)
        if severity is None and each.percent <= DISK_ALARM - DISK_CLEAR:
            continue
        yield Condition(
            name="disk-full",
            node=node.id,
            subject=each.path,
            severity=severity or MINOR,
            stays=severity is None,
            cause=f"{each.path} on {node.name} is {each.percent:.0f} % full: {_gigabytes(each.used)} of {_gigabytes(each.size)}.",
            hint="Enlarge its virtual disk or add one of 40 GB, then `rackless appliance grow`; or remove images and backups.",
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _clock(health: Health, node: Node, time_sources: tuple[str, ...]) -> Iterator[Condition]:
    if health.clock_offset is not None:
        off = abs(health.clock_offset)
        severity = next((severity for least, severity in CLOCK if off >= least), None)
        if severity is not None or off > CLOCK_CLEAR:
            yield Condition(
                name="clock-offset",
                node=node.id,
                severity=severity or MINOR,
                stays=severity is None,
                cause=f"The clock of {node.name} differs by {health.clock_offset:+.3f} s from its source.",
                hint="`chronyc tracking` and `chronyc sources` on it say why; `chronyc makestep` sets it at once.",
                after=10.0,
                quiet=60.0,
            )
    if health.time_sources is not None and not health.time_source:
        yield Condition(
            name="clock-alone",
            node=node.id,
            severity=MINOR,
            cause=f"The clock of {node.name} follows no source.",
            hint=f"It is set up with {', '.join(health.time_sources) or 'none'}: look whether it is reached (UDP 123).",
            after=120.0,
            quiet=30.0,
        )
    if time_sources and health.time_sources is not None and set(health.time_sources) != set(time_sources):
        yield Condition(
            name="clock-source",
            node=node.id,
            severity=MINOR,
            cause=f"{node.name} takes time from {', '.join(health.time_sources) or 'nowhere'}, the first node from "
            f"{', '.join(time_sources)}.",
            hint="Nodes stay in step without the first one only if all have the same source: correct it on that node.",
        )


def _certificate(health: Health, node: Node, now: float) -> Iterator[Condition]:
    if health.certificate_until is None:
        return
    left = health.certificate_until - now
    severity = next((severity for most, severity in CERTIFICATE if left <= most), None)
    if severity is not None:
        when = "has expired" if left <= 0 else f"expires in {left / DAY:.0f} days"
        yield Condition(
            name="certificate",
            node=node.id,
            severity=severity,
            cause=f"A certificate of {node.name} {when}.",
            hint="The node renews its own while it reaches the fabric: its log says why it did not.",
        )


def _load(health: Health, node: Node) -> Iterator[Condition]:
    if health.memory and health.memory_used is not None:
        percent = 100.0 * health.memory_used / health.memory
        if percent > MEMORY_CLEAR:
            yield Condition(
                name="memory",
                node=node.id,
                severity=MINOR,
                stays=percent < MEMORY,
                cause=f"{node.name} uses {percent:.0f} % of its {health.memory / (1 << 30):.1f} GiB of memory.",
                hint="Give it more, or take labs down whose machines run on it.",
                after=60.0,
                quiet=60.0,
            )
    if health.cpu is not None and health.cpu > CPU_CLEAR:
        yield Condition(
            name="processors",
            node=node.id,
            severity=WARNING,
            stays=health.cpu < CPU,
            cause=f"The processors of {node.name} have been in use by {health.cpu:.0f} % or more for ten minutes.",
            hint="Add a node, or take labs down.",
            after=600.0,
            quiet=300.0,
        )


def _engines(health: Health, node: Node) -> Iterator[Condition]:
    for engine in health.engines_down:
        yield Condition(
            name="engine-down",
            node=node.id,
            subject=engine,
            severity=MAJOR,
            cause=f"{engine} does not run on {node.name}.",
            hint=f"It is started again by itself; its log says why it does not stay: `journalctl -u rackless-{engine}`.",
            after=15.0,
        )
    if health.etcd is False:
        yield Condition(
            name="etcd",
            node=node.id,
            severity=MAJOR,
            cause=f"etcd on {node.name} does not answer, or knows no leader.",
            hint="Look at its disk (slow writes) and at the network between the voters.",
            after=15.0,
        )
    if health.serving is False:
        yield Condition(
            name="not-serving",
            node=node.id,
            severity=MINOR,
            cause=f"The application on {node.name} is not ready.",
            hint="Requests go to other nodes. `rackless doctor` on it says why.",
            after=SETTLING,
        )
    if health.database in {DatabaseRole.DOWN, DatabaseRole.STARTING}:
        yield Condition(
            name="database-down",
            node=node.id,
            severity=MAJOR,
            cause=f"The database on {node.name} is {health.database}.",
            hint="Patroni's log on it says why; `patronictl reinit` copies it anew from the primary.",
            after=60.0,
        )
    elif health.lag is not None and health.lag > LAG_CLEAR:
        yield Condition(
            name="lag",
            node=node.id,
            severity=MAJOR,
            stays=health.lag < LAG,
            cause=f"The database on {node.name} is {health.lag / (1 << 20):.0f} MiB behind the primary.",
            hint="Look at its disk and at the network between the two.",
            after=15.0,
            quiet=30.0,
        )
