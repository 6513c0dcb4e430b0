"""The host's clock and time zone, set."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from rackless.model.errors import InputError, ProviderError

ZONES = Path("/usr/share/zoneinfo")


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


def step(seconds: float) -> None:
    """At once."""
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
    except OSError as error:
        raise ProviderError(f"The clock cannot be set: {error.strerror}.") from error


def slew(seconds: float) -> None:
    """By half a millisecond a second (adjtime(3)); takes the place of an order that is not made good yet."""
    whole = int(seconds // 1)
    delta = _Timeval(whole, int((seconds - whole) * 1e6))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtime(ctypes.byref(delta), None) != 0:
        raise ProviderError(f"The clock cannot be slewed: {os.strerror(ctypes.get_errno())}.")


def zone(etc: Path = Path("/etc")) -> str:
    """The name of the time zone; UTC where none is set."""
    link = etc / "localtime"
    target = os.path.realpath(link) if link.is_symlink() else ""
    name = target.removeprefix(f"{ZONES}/") if target.startswith(f"{ZONES}/") else "UTC"
    return "UTC" if name in {"Etc/UTC", "Etc/UCT", "Zulu"} else name


def set_zone(name: str, etc: Path = Path("/etc")) -> None:
    place = ZONES / name
    if ".." in name.split("/") or not place.is_file():
        raise InputError(f"This host has no time zone {name}.", hint="Install tzdata.")
    fresh = etc / ".localtime.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(place)
    os.replace(fresh, etc / "localtime")
