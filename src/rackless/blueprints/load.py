"""Text -> Blueprint, or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rackless.blueprints import hooks, locks, owners, source, startup, structure, templates, whereabouts, wires
from rackless.blueprints.reading import Reading
from rackless.model.blueprint import Blueprint
from rackless.model.errors import BlueprintErrors
from rackless.model.family import Family
from rackless.model.site import Site


def load(text: str, *, file: str, families: Sequence[Family], files: Mapping[str, str], site: Site | None = None) -> Blueprint:
    """Read a blueprint.

    Args:
        text: the YAML text (a byte order mark at its start is ignored).
        file: the name that problems are reported under.
        families: the families of the site.
        site: where it is to be made; without it, nothing is said of places.
        files: content of the files that the blueprint refers to, by the name it uses (see `references`).

    Raises:
        BlueprintErrors: all problems, in the order of the file, each with its place.
    """
    parsed = source.parse(text, file)
    if parsed.value is None and parsed.problems:
        raise BlueprintErrors(parsed.problems)
    reading = Reading(source=parsed, families=families, files=files, site=site, bad=set(parsed.bad))
    structure.check(reading)
    if not isinstance(parsed.value, dict):
        raise BlueprintErrors(parsed.problems)
    templates.expand(reading)
    place = whereabouts.read(reading, ("place",))
    routers, router_rooms = owners.routers(reading)
    hosts, host_rooms = owners.hosts(reading)
    owners.check_names(reading)
    joined = wires.read(reading, [*host_rooms, *router_rooms])
    run = hooks.of_blueprint(reading)
    held = locks.read(reading)
    _check_not_empty(reading)
    if parsed.problems:
        raise BlueprintErrors(parsed.problems)
    used = sorted({router.startup for router in routers if router.startup is not None})
    return Blueprint(
        name=parsed.value["name"],
        routers=tuple(routers),
        hosts=tuple(hosts),
        wires=tuple(joined),
        hooks=run,
        locks=held,
        place=place,
        files=tuple((name, files[name]) for name in used),
    )


def _check_not_empty(reading: Reading) -> None:
    value = reading.source.value
    if any(value.get(part) or not reading.sound(part) for part in ("routers", "hosts")):
        return
    hint = "Add one below `routers:`, such as `west: {family: reference, cards: 2}`."
    reading.problem((), "The blueprint has no routers and no hosts, so there is nothing to make.", hint)


def references(text: str) -> tuple[str, ...]:
    """Names of the files a blueprint refers to and may refer to, each once, sorted; tolerant of every error in it."""
    return tuple(startup.names(source.parse(text, "").value))
