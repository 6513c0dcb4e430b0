"""Time and time zone go from the administrative guest to the host, so that the logs of both agree. Pure.

At the first look after a boot the clock may be stepped; later it is only slewed, as slowly as the kernel can (500 ppm,
adjtimex(2)), so that no log runs backwards. A guest whose clock jumped is not followed.
"""

from __future__ import annotations

from dataclasses import dataclass

from rackless.vmhost.actions import MoveClock, SetZone

NEAR = 0.1
"""Seconds that the two may differ: asking takes that long in an emulated guest."""
STEP = 10.0
"""From this on the clock is stepped, where it may be; 10 s would take 5.6 hours to slew."""
FOLLOWED = 60.0
"""A difference that appears while both run, and that no drift explains (100 ppm make 9 s a day), is not followed beyond this."""
SLEW = 500e-6
"""Seconds a second (adjtimex(2): 500 ppm at most)."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`seconds`: the guest's clock minus the host's. `first`: since the host's boot. `slewing`: seconds of an order that the
    clock has not made good yet."""

    seconds: float
    first: bool
    slewing: float = 0.0


def clock(difference: Difference) -> tuple[MoveClock | None, str]:
    """What to do with the host's clock; and what is wrong, as an alarm says it, or ""."""
    off = difference.seconds
    if abs(off) < NEAR:
        return None, ""
    if difference.first and abs(off) >= STEP:
        return MoveClock(seconds=off, step=True), ""
    if abs(off) > FOLLOWED:
        return None, f"The guest's clock differs by {off:+.0f} s from the host's, and is not followed beyond {FOLLOWED:.0f} s."
    if abs(off - difference.slewing) < NEAR:
        return None, ""
    return MoveClock(seconds=off, step=False), ""


def zone(guest: str, host: str) -> SetZone | None:
    """A zone that the guest has and the host knows: a name of the time zone database, nothing else."""
    plain = all(
        part and part[0].isalpha() and part.replace("_", "").replace("-", "").replace("+", "").isalnum()
        for part in guest.split("/")
    )
    return SetZone(zone=guest) if guest and plain and guest != host else None


def duration(seconds: float) -> float:
    """Seconds that slewing so much takes."""
    return abs(seconds) / SLEW
