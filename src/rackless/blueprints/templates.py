"""Templates: routers and hosts take over what theirs says, key by key. What they say themselves counts."""

from __future__ import annotations

from collections.abc import Iterator

from rackless.blueprints.reading import Reading, quoted
from rackless.blueprints.source import Path, Value
from rackless.model.suggestions import did_you_mean

MERGED = frozenset({"memory", "login", "snmp", "addresses", "routes"})
"""Mappings of which single keys are taken over; other values are taken over whole."""


def expand(reading: Reading) -> None:
    """As if every router and host had written out its template. A problem of a template is told once, with its own place."""
    inside: dict[Path, list[Path]] = {}
    for part in ("routers", "hosts"):
        for name in reading.entries(part):
            path: Path = (part, name)
            chosen = reading.get(*path, "template")
            if not isinstance(chosen, str):
                continue
            origin: Path = ("templates", part, chosen)
            if not isinstance(reading.get_raw(origin), dict):
                _unknown(reading, path, part, chosen)
                continue
            if origin not in inside:
                inside[origin] = list(_below(reading, origin))
            _take_over(reading, origin, path, inside[origin])


def _unknown(reading: Reading, path: Path, part: str, chosen: str) -> None:
    if not reading.sound("templates", part, chosen) or isinstance(reading.get_raw(("templates", part)), list):
        return
    there = reading.entries("templates", part)
    hint = did_you_mean(chosen, there, "templates") or f"Write it below `templates:`, `{part}:`."
    message = f"{part[:-1].capitalize()} '{path[1]}' has the template {quoted(chosen)}, which does not exist."
    reading.problem((*path, "template"), message, hint)


def _below(reading: Reading, origin: Path) -> Iterator[Path]:
    """All paths of values and keys inside a template, without its own."""
    length = len(origin)
    found = {path for places in (reading.source.values, reading.source.keys) for path in places if path[:length] == origin}
    found |= {path for path in (*reading.bad, *reading.source.bad) if path[:length] == origin}
    return (path[length:] for path in found if len(path) > length)


def _take_over(reading: Reading, origin: Path, path: Path, inside: list[Path]) -> None:
    own = reading.get_raw(path)
    taken = _merge(reading.get_raw(origin), own)
    for rest in inside:
        if any(rest[: len(head)] == head for head in taken):
            _place(reading, (*origin, *rest), (*path, *rest))


def _merge(template: dict[str, Value], own: dict[str, Value]) -> list[Path]:
    """Returns the paths that were taken over."""
    taken: list[Path] = []
    for key, value in template.items():
        if key not in own:
            own[key] = value
            taken.append((key,))
        elif key in MERGED and isinstance(value, dict) and isinstance(own[key], dict):
            taken += [(key, inner) for inner in value if inner not in own[key]]
            own[key] = {**value, **own[key]}
    return taken


def _place(reading: Reading, origin: Path, path: Path) -> None:
    source = reading.source
    if origin in source.values:
        source.values[path] = source.values[origin]
    if origin in source.keys:
        source.keys[path] = source.keys[origin]
    if origin in reading.bad or origin in source.bad:
        reading.bad.add(path)
    reading.origins[path] = origin
