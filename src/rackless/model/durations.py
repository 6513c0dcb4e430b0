"""Spans of time as people write them: 90s, 45m, 2h, 1d12h."""

from __future__ import annotations

import re

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
MOST = 366 * 86400
LATEST = 253402300799
"""The last second of the year 9999, after which ISO 8601 has no times, in seconds since the epoch."""


def seconds(text: str) -> float:
    """Seconds of a span.

    Raises:
        ValueError: it is not one, it is zero, or more than a year.
    """
    found = _FORM.fullmatch(text.strip().lower())
    total = sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS.values(), strict=True)) if found else 0
    if not 0 < total <= MOST:
        raise ValueError(f"'{text}' is no span of time; write for example 90m, 2h or 1d12h.")
    return float(total)


def spoken(length: float) -> str:
    """1d 12h, 45m, 90s: in the two largest units."""
    rest, parts = round(max(length, 0)), []
    for name, unit in _UNITS.items():
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"
