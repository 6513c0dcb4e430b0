"""`quota` of site.yaml -> the default of every user for whom nothing else was set. A limit that is left out is none.

quota:
  labs: 3
  routers: 10
  machines: 40
  memory: 32G
  processors: 40
  disk: 100G
  machine_hours: 2000      # in any 7 days
  longest: 3d
  ahead: 14d
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rackless.blueprints.amounts import mebibytes
from rackless.model.durations import seconds
from rackless.model.errors import InputError
from rackless.model.quotas import BOUNDLESS, LIMITS, Quota


def read(file: Path, value: object) -> Quota:
    """Raises InputError at the first thing that is wrong."""
    if not isinstance(value, dict):
        raise InputError(f"{file}: quota must be a mapping.", hint=f"Its keys are {', '.join(LIMITS)}.")
    found: dict[str, float | None] = {}
    for key, text in value.items():
        if key not in LIMITS:
            raise InputError(f"{file}: quota has the key '{key}', which is not known.", hint=f"Known keys: {', '.join(LIMITS)}.")
        reader, wanted = _READERS.get(key, (_number, "a number, such as 10"))
        try:
            found[key] = reader(str(text))
        except ValueError as error:
            raise InputError(f"{file}: quota.{key} is '{text}'.", hint=f"Write {wanted}.") from error
    return BOUNDLESS.but(found)


def _number(text: str) -> float:
    if not text.isdecimal():
        raise ValueError(text)
    return float(text)


def _size(text: str) -> float:
    found = mebibytes(int(text) if text.isdecimal() else text)
    if found is None:
        raise ValueError(text)
    return float(found)


_READERS: dict[str, tuple[Callable[[str], float], str]] = {
    "memory": (_size, "a size, such as 32G"),
    "disk": (_size, "a size, such as 100G"),
    "longest": (seconds, "a time, such as 3d"),
    "ahead": (seconds, "a time, such as 14d"),
}
