"""Why the host, and why a guest, came up anew. Pure: from what is found after the boot, and from QEMU's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rackless.model.vmhost import Boot, Reason

KEPT = 16
"""Boots that are remembered, of the host and of each guest."""


class Ending(StrEnum):
    """How the run before this one ended, by the records of logins (wtmp(5)) and by our own."""

    NONE = ""
    """Nothing was written: the power went, or the kernel had no time to."""
    REBOOT = "reboot"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a host finds of its last run.

    `dump`: the first line that matters of a crash dump (pstore: Linux, Documentation/admin-guide/ramoops.rst); "" without one.
    `platform`: reasons that the hardware tells (a watchdog's WDIOF_CARDRESET, an IPMI SEL, the PMC's bits), the most telling
    first.
    """

    ending: Ending = Ending.NONE
    dump: str = ""
    platform: tuple[Reason, ...] = ()
    first: bool = False
    """Nothing is known of any run before this one."""


EXCEPTIONS = ("machine check", "mce:", "triple fault", "hardware error", "double fault")
"""Words in a dump that tell of something below the kernel's own panic."""
WORSE = (Reason.THERMAL, Reason.WATCHDOG, Reason.EXCEPTION, Reason.RESET_BUTTON, Reason.POWER_BUTTON, Reason.MISC_HARDWARE)


def of_host(evidence: Evidence) -> tuple[Reason, str]:
    """The reason and where it is known from.

    A crash dump tells more than the watchdog that ended the machine it froze, and both more than a shutdown that was begun
    before.
    """
    if evidence.dump:
        lower = evidence.dump.lower()
        kind = Reason.EXCEPTION if any(word in lower for word in EXCEPTIONS) else Reason.PANIC
        return kind, f"crash dump: {evidence.dump}"
    for reason in WORSE:
        if reason in evidence.platform:
            return reason, "the platform says so"
    if evidence.ending is Ending.REBOOT:
        return Reason.HYPERVISOR, "it was rebooted in order"
    if evidence.ending is Ending.SHUTDOWN:
        return Reason.SHUTDOWN, "it was shut down in order"
    return Reason.POWER_CYCLE, "first start" if evidence.first else "nothing was written before the end"


class EventKind(StrEnum):
    """What QEMU tells of a guest (docs/interop/qmp-spec; qapi/run-state.json), and its process' end."""

    PANICKED = "panicked"
    WATCHDOG = "watchdog"
    RESET = "reset"
    """The guest did it."""
    RESET_BY_HOST = "reset-by-host"
    SHUTDOWN = "shutdown"
    """The guest did it, and its process goes on or ends."""
    SHUTDOWN_BY_HOST = "shutdown-by-host"
    GONE = "gone"
    """The process is not there any more."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """`at`: the host's clock."""

    kind: EventKind
    at: float
    detail: str = ""


TELLING = (
    (EventKind.PANICKED, Reason.PANIC, "its pvpanic device told of a panic"),
    (EventKind.WATCHDOG, Reason.GUEST_WATCHDOG, "its watchdog was not fed"),
    (EventKind.RESET, Reason.GUEST, "it rebooted itself"),
    (EventKind.SHUTDOWN, Reason.GUEST, "it shut itself down"),
    (EventKind.SHUTDOWN_BY_HOST, Reason.SHUTDOWN, "it was switched off, and on again"),
)


def of_guest(events: Sequence[Event], *, host: Boot | None = None) -> tuple[Reason, str]:
    """Why a guest comes up now.

    Args:
        events: since it was last up, oldest first. One fault makes several: a panic is followed by a reset or a shutdown, the
            watchdog's by a reset; the most telling counts.
        host: the boot of the host, when this is the guest's first since.
    """
    kinds = {event.kind for event in events}
    for kind, reason, why in TELLING:
        if kind in kinds:
            return reason, why
    if host is not None:
        return host.reason, f"its host came up: {host.detail}"
    return Reason.EXCEPTION, "its process ended without a word"


def remember(boots: tuple[Boot, ...], boot: Boot) -> tuple[Boot, ...]:
    """Newest first."""
    return (boot, *boots)[:KEPT]
