"""HOST-RESOURCES-MIB (RFC 2790) of the controller: how long it runs, its memory, file systems and processors."""

from __future__ import annotations

import os
import time

from snmp.chassis_tables import memory
from snmp.smi import GAUGE, INTEGER, MOST32, NOTHING, OBJECT, OCTETS, TICKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts
    from snmp.smi import Row

HOST = (1, 3, 6, 1, 2, 1, 25)
SYSTEM, MEMORY, STORAGE, DEVICE, PROCESSOR = (*HOST, 1), (*HOST, 2, 2), (*HOST, 2, 3, 1), (*HOST, 3, 2, 1), (*HOST, 3, 3, 1)
RAM, FIXED_DISK = (*HOST, 2, 1, 2), (*HOST, 2, 1, 4)
"""hrStorageType."""
PROCESSOR_TYPE = (*HOST, 3, 1, 3)
"""hrDeviceType."""
FIRST_FILE_SYSTEM, FIRST_PROCESSOR = 31, 1
FILE_SYSTEMS = ("btrfs", "erofs", "ext2", "ext3", "ext4", "iso9660", "overlay", "squashfs", "tmpfs", "vfat", "xfs")
"""Types of what holds files; the others are the kernel's own views."""


def host_tables(facts: Facts) -> Iterator[Row]:
    """hrSystem without the device and parameters of booting, hrMemorySize, hrStorageTable, and of hrDevice the processors."""
    yield (*SYSTEM, 1, 0), TICKS, int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) & MOST32
    yield (*SYSTEM, 2, 0), OCTETS, date_and_time(time.time())
    yield (*SYSTEM, 6, 0), GAUGE, sum(1 for name in os.listdir("/proc") if name.isdecimal())
    yield (*SYSTEM, 7, 0), INTEGER, 0
    total, used = memory()
    yield (*MEMORY, 0), INTEGER, min(total >> 10, 0x7FFFFFFF)
    yield from _storage(1, RAM, "Physical memory", 1024, total >> 10, total // 100 * used >> 10)
    for index, place in enumerate(file_systems(), FIRST_FILE_SYSTEM):
        found = os.statvfs(place)
        yield from _storage(index, FIXED_DISK, place, found.f_frsize, found.f_blocks, found.f_blocks - found.f_bfree)
    processors = os.cpu_count() or 1
    load = min(100, int(100 * os.getloadavg()[0] / processors))
    for index in range(FIRST_PROCESSOR, FIRST_PROCESSOR + processors):
        yield (*DEVICE, 1, index), INTEGER, index
        yield (*DEVICE, 2, index), OBJECT, PROCESSOR_TYPE
        yield (*DEVICE, 3, index), OCTETS, b"Processor of the routing engine"
        yield (*DEVICE, 4, index), OBJECT, NOTHING
        yield (*DEVICE, 5, index), INTEGER, 2
        yield (*DEVICE, 6, index), GAUGE, 0
        yield (*PROCESSOR, 1, index), OBJECT, NOTHING
        yield (*PROCESSOR, 2, index), INTEGER, load


def date_and_time(seconds: float) -> bytes:
    """DateAndTime (RFC 2579) of seconds since the epoch, in local time with its distance from UTC."""
    here = time.localtime(seconds)
    away = abs(here.tm_gmtoff) // 60
    sign = b"-" if here.tm_gmtoff < 0 else b"+"
    clock = (here.tm_mon, here.tm_mday, here.tm_hour, here.tm_min, min(here.tm_sec, 60), int(seconds * 10) % 10)
    return here.tm_year.to_bytes(2) + bytes(clock) + sign + bytes(divmod(away, 60))


def file_systems(mounts: str = "/proc/mounts") -> list[str]:
    """Where file systems are mounted (proc_mounts(5)), each once, in their order."""
    places: dict[str, None] = {}
    with open(mounts, encoding="utf-8", errors="replace") as file:
        for line in file:
            _, place, kind, *_ = line.split(" ")
            if kind in FILE_SYSTEMS and "\\" not in place and os.access(place, os.F_OK):
                places[place] = None
    return list(places)


def _storage(index: int, kind: tuple[int, ...], title: str, unit: int, size: int, used: int) -> Iterator[Row]:
    """Of large ones, the unit grows until the size fits."""
    while size > 0x7FFFFFFF:
        unit, size, used = unit * 2, size >> 1, used >> 1
    yield (*STORAGE, 1, index), INTEGER, index
    yield (*STORAGE, 2, index), OBJECT, kind
    yield (*STORAGE, 3, index), OCTETS, title.encode()
    yield (*STORAGE, 4, index), INTEGER, unit
    yield (*STORAGE, 5, index), INTEGER, size
    yield (*STORAGE, 6, index), INTEGER, min(used, size)
