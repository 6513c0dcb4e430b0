"""How the last run of this host ended, as it left it written: pstore, the platform's watchdog, wtmp."""

from __future__ import annotations

import struct
from pathlib import Path

from rackless.model.vmhost import Reason
from rackless.vmhost.reasons import Ending, Evidence

RECORD = struct.Struct("<hhi32s4s32s256shhiii4i20x")
"""A login record (utmp(5), with 32-bit times also where the machine has 64 bits)."""
RUN_LEVEL, BOOT_TIME = 1, 2
CARD_RESET, OVERHEAT, FAN, POWER_UNDER, EXTERNAL = 0x20, 0x1, 0x2, 0x10, 0x4
"""Bits of a watchdog's boot status (Linux, include/uapi/linux/watchdog.h, WDIOF_*)."""
PLATFORM = {CARD_RESET: Reason.WATCHDOG, OVERHEAT: Reason.THERMAL, FAN: Reason.THERMAL}
TELLING = ("kernel panic", "machine check", "hardware error", "double fault", "bug:", "oops")
"""Words of the line of a dump that says what happened, the most telling first."""
MOVED = "var/lib/systemd/pstore"
LAST = 400
"""Login records that are looked at."""


def found(top: Path = Path("/")) -> Evidence:
    """What is there is read; what is not is no evidence."""
    return Evidence(ending=_ending(top / "var/log/wtmp"), dump=_dump(top), platform=_platform(top))


def _dump(top: Path) -> str:
    """The line that matters of the dump that the last run left: where the firmware shows it, or where systemd-pstore(8) has
    moved it since this boot began, with the time of its writing. What an earlier boot moved is an old story."""
    files = [*(top / "sys/fs/pstore").glob("dmesg-*")]
    booted = _booted(top)
    files += [path for path in (top / MOVED).glob("**/dmesg-*") if booted is not None and path.stat().st_ctime >= booted]
    return dumped("\n".join(_text(path) for path in sorted(files, reverse=True)))


def _booted(top: Path) -> int | None:
    """When the kernel was started, seconds since the epoch (proc(5), btime of /proc/stat)."""
    times = [line.split()[1] for line in _text(top / "proc/stat").splitlines() if line.startswith("btime ")]
    return int(times[0]) if times else None


def dumped(text: str) -> str:
    lines = [line.split("] ", 1)[-1].strip() for line in text.splitlines()]
    for words in TELLING:
        for line in lines:
            if words in line.lower():
                return line[:200]
    return lines[0][:200] if lines and lines[0] else ""


def _platform(top: Path) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    for path in sorted((top / "sys/class/watchdog").glob("watchdog*/bootstatus")):
        text = _text(path).strip()
        status = int(text, 0) if text else 0
        reasons += [reason for bit, reason in PLATFORM.items() if status & bit and reason not in reasons]
    return tuple(reasons)


def _ending(path: Path) -> Ending:
    try:
        size = path.stat().st_size // RECORD.size * RECORD.size
        with path.open("rb") as file:
            file.seek(max(0, size - LAST * RECORD.size))
            data = file.read(LAST * RECORD.size)
    except OSError:
        return Ending.NONE
    return ended(data[: len(data) // RECORD.size * RECORD.size])


def ended(records: bytes) -> Ending:
    """Of the run before this one: between the last two boots, was a shutdown written? systemd writes one on its way down;
    whether it went on to a reboot shows in the run level of it (init's `6`), where it is told at all; else a machine that came
    up by itself was rebooted."""
    told: Ending = Ending.NONE
    before: Ending = Ending.NONE
    for record in RECORD.iter_unpack(records):
        kind, pid, user = record[0], record[2], record[5].rstrip(b"\0")
        if kind == BOOT_TIME:
            before, told = told, Ending.NONE
        elif kind == RUN_LEVEL and (user == b"shutdown" or pid % 256 in {ord("0"), ord("6")}):
            told = Ending.SHUTDOWN if pid % 256 == ord("0") else Ending.REBOOT
    return before


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
