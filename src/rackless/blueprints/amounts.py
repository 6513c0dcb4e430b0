"""Memory sizes and how many of something a family has."""

from __future__ import annotations

import re

from rackless.blueprints.reading import Reading, opening, subject
from rackless.blueprints.source import Path, Value
from rackless.model.family import Family, Role

_SIZE = re.compile(r"([1-9][0-9]*)(M|G)(?:iB)?\Z")
MOST_MEMORY = 1 << 20
"""MiB of one machine (1 TiB); more is a slip of the unit."""


def mebibytes(value: Value) -> int | None:
    """512, "512M", "512MiB", "1G" -> MiB; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    return int(match[1]) * (1024 if match[2] == "G" else 1)


def memory(reading: Reading, path: Path, family: Family | None, role: Role) -> int | None:
    """The MiB at `path` if they are enough for a machine of the family's role; None when not given or not good."""
    value = mebibytes(reading.get(*path))
    if value is None or family is None:
        return value
    what = opening(subject(path))
    if role not in {facts.role for facts in family.roles}:
        reading.problem(
            path,
            f"{what} is given, and a router of the family '{family.name}' is one machine without cards of its own.",
            "Give the memory of the whole router as `controller`.",
        )
        return None
    least = family.facts(role).least_memory
    if value < least:
        reading.problem(
            path,
            f"{what} is {value} MiB, and a {role.value} of the family '{family.name}' does not start with less than {least}.",
            f"Give it {least} or more, or leave it out for {family.facts(role).default_memory} MiB.",
        )
        return None
    if value > MOST_MEMORY:
        reading.problem(path, f"{what} is {value} MiB, more than {MOST_MEMORY}.", "A plain number counts MiB; check the unit.")
        return None
    return value


def count(reading: Reading, path: Path, most: int, default: int, why: str) -> int | None:
    """The number at `path` (`default` when not given), None when it had a problem. `why` says where `most` comes from."""
    value = reading.get(*path)
    if value is None:
        return default if reading.sound(*path) else None
    if value > most:
        reading.problem(path, f"{opening(subject(path))} is {value}, and {why} {most}.", f"Write {most} or less.")
        return None
    return int(value)
