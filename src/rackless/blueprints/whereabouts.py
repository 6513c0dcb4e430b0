"""Places of a blueprint: those that it names are places of the site, and a wire can go from one end to the other."""

from __future__ import annotations

from rackless.blueprints.reading import Reading, opening, quoted, subject
from rackless.blueprints.source import Path
from rackless.model.blueprint import End
from rackless.model.places import NO_WIRE, apart
from rackless.model.suggestions import did_you_mean


def read(reading: Reading, path: Path) -> str:
    """The place that is named at `path`; "" where none is, or one that does not exist, which has been said."""
    name = reading.get(*path)
    if not isinstance(name, str):
        return ""
    site = reading.site
    if not name or (site is not None and site.place(name) is None and not site.group(name)):
        names = (
            [*(place.name for place in site.everywhere), *(place.group for place in site.everywhere if place.group)]
            if site
            else []
        )
        hint = did_you_mean(name, names, "places of this site") if site is not None else ""
        what = "`place`" if path == ("place",) else opening(subject(path))
        reading.problem(path, f"{what} is {quoted(name)}, which this site does not have.", hint or "Leave the key out.")
        return ""
    return name


def check_wire(reading: Reading, path: Path, ends: tuple[End, End]) -> None:
    """A problem of the wire when no segment can reach both its ends."""
    if reading.site is None:
        return
    one, other = (reading.site.place(_of(reading, end)) for end in ends)
    if one is not None and other is not None and (why := apart(one, other)):
        message = (
            f"Wire {int(path[1]) + 1} would go from {ends[0].owner} at {one.name} to {ends[1].owner} at {other.name}, and {why}."
        )
        reading.problem(path, message, NO_WIRE)


def _of(reading: Reading, end: End) -> str:
    """Where a router or host is to be; a name that no place has, when that was wrong."""
    for part in ("routers", "hosts"):
        if end.owner in reading.entries(part):
            if not reading.sound(part, end.owner, "place") or not reading.sound("place"):
                return "?"
            name = reading.get(part, end.owner, "place") or reading.get("place") or ""
            return "?" if reading.site is not None and reading.site.group(name) and not _said(reading, name) else name
    return "?"


def _said(reading: Reading, name: str) -> bool:
    """False for what is put somewhere in a group by the plan, which looks at its wires too."""
    return bool(name) and reading.site is not None and reading.site.place(name) is not None
