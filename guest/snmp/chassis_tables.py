"""jnxBoxAnatomy of JUNIPER-MIB: what is in the chassis, and how it is."""

from __future__ import annotations

import os
import time

from snmp.smi import GAUGE, INTEGER, MOST32, NOTHING, OBJECT, OCTETS, TICKS
from system.product import TITLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts, Interface
    from snmp.smi import Row

BOX = (1, 3, 6, 1, 4, 1, 2636, 3, 1)
CHASSIS, FPC, PIC, ROUTING_ENGINE = 1, 7, 8, 9
"""Indices of jnxContainersTable."""
RUNNING, ONLINE, NO_REASON = 2, 6, 2
"""jnxOperatingState, jnxFruState, jnxFruOfflineReason."""
FRU_TYPES = {FPC: 3, PIC: 11, ROUTING_ENGINE: 6}
"""jnxFruType: flexiblePicConcentrator, portInterfaceCard, routingEngine."""


class Part:
    """What fills a container. `place`: L1, L2, L3. `since`: when it came, seconds since the epoch, 0 from the start."""

    __slots__ = ("container", "place", "since", "slot", "text")

    def __init__(self, container: int, place: tuple[int, int, int], text: str, slot: int, since: float) -> None:
        self.container = container
        self.place = place
        self.text = text
        self.slot = slot
        self.since = since

    @property
    def index(self) -> tuple[int, int, int, int]:
        return (self.container, *self.place)


def serial(ports: list[Interface]) -> str:
    """A chassis number made of fxp0's MAC: the one thing of a router that is its own."""
    return next(("RR" + port.mac.hex().upper() for port in ports if port.name == "fxp0"), "")


def parts(facts: Facts) -> list[Part]:
    """The routing engine, and each card with its PIC."""
    found = [Part(ROUTING_ENGINE, (1, 0, 0), "Routing Engine 0", 0, 0.0)]
    for card in facts.cards():
        place = card.slot + 1
        found.append(Part(FPC, (place, 0, 0), f"FPC: Reference card @ {card.slot}/*/*", card.slot, card.since))
        found.append(Part(PIC, (place, 1, 0), f"PIC: {len(card.ports)}x 1GE @ {card.slot}/0/*", 0, card.since))
    return found


def box_table(facts: Facts) -> Iterator[Row]:
    """jnxBoxDescr, jnxBoxSerialNo, jnxContainersTable, jnxContentsTable, jnxOperatingTable, jnxFruTable."""
    yield (*BOX, 2, 0), OCTETS, TITLE.encode()
    yield (*BOX, 3, 0), OCTETS, serial(facts.interfaces()).encode()
    yield from _containers()
    for part in parts(facts):
        yield from _contents(part)
        yield from _operating(part)
        yield from _fru(part)


def _containers() -> Iterator[Row]:
    rows = ((CHASSIS, 0, 0, "chassis frame", 1), (FPC, 1, CHASSIS, "FPC slot", 12), (PIC, 2, FPC, "PIC slot", 1))
    for index, level, within, text, count in (*rows, (ROUTING_ENGINE, 1, CHASSIS, "Routing Engine slot", 1)):
        table = (*BOX, 6, 1)
        for column, value in ((1, index), (2, 1), (3, level), (4, within), (7, count)):
            yield (*table, column, index), INTEGER, value
        yield (*table, 5, index), OBJECT, NOTHING
        yield (*table, 6, index), OCTETS, text.encode()


def _names(table: tuple[int, ...], part: Part) -> Iterator[Row]:
    """The columns with which each of the tables begins: its index and the text."""
    for column, value in enumerate(part.index, start=1):
        yield (*table, column, *part.index), INTEGER, value


def _contents(part: Part) -> Iterator[Row]:
    table, index = (*BOX, 8, 1), part.index
    yield from _names(table, part)
    yield (*table, 5, *index), OBJECT, NOTHING
    yield (*table, 6, *index), OCTETS, part.text.encode()
    for column in (7, 8, 10):
        yield (*table, column, *index), OCTETS, b""
    yield (*table, 9, *index), TICKS, _installed(part.since)


def _operating(part: Part) -> Iterator[Row]:
    """Temperatures are 0: nothing here has one. Processor and memory are known of the routing engine alone."""
    table, index = (*BOX, 13, 1), part.index
    total, used = memory() if part.container == ROUTING_ENGINE else (0, 0)
    loads = [int(100 * one) for one in os.getloadavg()] if part.container == ROUTING_ENGINE else [0, 0, 0]
    since = part.since or started()
    yield from _names(table, part)
    yield (*table, 5, *index), OCTETS, part.text.encode()
    yield (*table, 6, *index), INTEGER, RUNNING
    for column, value in ((7, 0), (8, min(loads[0], 100)), (9, 0), (11, used), (12, 0)):
        yield (*table, column, *index), GAUGE, value
    yield (*table, 10, *index), INTEGER, min(total, 0x7FFFFFFF)
    yield (*table, 13, *index), INTEGER, int((time.time() - since) * 100) & 0x7FFFFFFF
    yield (*table, 14, *index), TICKS, _installed(part.since)
    yield (*table, 15, *index), INTEGER, total >> 20
    yield (*table, 16, *index), INTEGER, 1
    for column, value in enumerate(loads, start=20):
        yield (*table, column, *index), GAUGE, value


def _fru(part: Part) -> Iterator[Row]:
    table, index = (*BOX, 15, 1), part.index
    yield from _names(table, part)
    yield (*table, 5, *index), OCTETS, part.text.encode()
    values = ((6, FRU_TYPES[part.container]), (7, part.slot), (8, ONLINE), (10, NO_REASON))
    for column, value in values:
        yield (*table, column, *index), INTEGER, value
    yield (*table, 9, *index), GAUGE, 0
    yield (*table, 11, *index), TICKS, 0
    yield (*table, 12, *index), TICKS, _installed(part.since)
    yield (*table, 13, *index), INTEGER, int((time.time() - (part.since or started())) * 100) & 0x7FFFFFFF


def memory() -> tuple[int, int]:
    """Octets of the controller, and how much of them is used, in per cent (proc(5))."""
    found = {}
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) << 10
    total = found["MemTotal"]
    return total, 100 * (total - found["MemAvailable"]) // total


def started() -> float:
    """When the controller did, seconds since the epoch."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _installed(since: float) -> int:
    """sysUpTime at which the card came, in 1/100 s; 0 when it was there from the start."""
    if not since:
        return 0
    return max(0, int((since - started()) * 100)) & MOST32
