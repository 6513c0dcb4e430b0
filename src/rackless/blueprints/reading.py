"""What all parts of a blueprint are read with: values by path, and one sentence for each problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rackless.blueprints.source import Path, Source, Value
from rackless.model.family import Family
from rackless.model.site import Site

SECRETS = frozenset({"password", "community", "login", "snmp"})
"""Keys whose values never stand in a message; a password put where `login` should be a mapping is a secret too."""


@dataclass(kw_only=True)
class Reading:
    """`site`: where it is to be made, if that is known. `bad` holds the paths whose values have had a problem already: nothing is
    concluded from them again. `origins`: of values that were taken over from a template."""

    source: Source
    families: Sequence[Family]
    files: Mapping[str, str]
    site: Site | None = None
    bad: set[Path] = field(default_factory=set)
    origins: dict[Path, Path] = field(default_factory=dict)

    def sound(self, *path: str | int) -> bool:
        """True when neither the value at `path` nor any around it has had a problem. Absent values are sound."""
        return not any(path[:length] in self.bad for length in range(len(path) + 1))

    def get(self, *path: str | int) -> Value:
        """The value at `path`; None when it is absent or has had a problem."""
        return self.get_raw(path) if self.sound(*path) else None

    def get_raw(self, path: Path) -> Value:
        """The value at `path`, good or bad; None when it is absent."""
        value: Value = self.source.value
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def entries(self, *path: str | int) -> list[str]:
        """The sound keys of the mapping at `path` in the file's order; none when it is no mapping."""
        value = self.get(*path)
        if not isinstance(value, dict):
            return []
        return [key for key, item in value.items() if isinstance(item, dict) and self.sound(*path, key)]

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        """A problem of the value at `path`, which is not concluded from any more."""
        self.bad.add(path)
        if (origin := self.origins.get(path)) is not None:
            if origin in self.bad:
                return  # Another one that takes it over has told it.
            self.bad.add(origin)
        place = self.source.at(path)
        if not place.text and self.get_raw(path) is None:
            # YAML puts an empty value where the next word begins, often in the next line; its key is the better place.
            place = self.source.at_key(path)
        self.source.problem(place, message, hint)

    def key_problem(self, path: Path, message: str, hint: str = "") -> None:
        """A problem of the key at `path`; its value is still looked at."""
        self.source.problem(self.source.at_key(path), message, hint)


def subject(path: Path) -> str:
    """What a path is called in a sentence: `cards` of router 'west'."""
    match path:
        case ():
            return "the blueprint"
        case ("templates", "routers" | "hosts", str(), *_):
            return subject(("routers", *path[2:])).replace("router '", "template '")
        case ("routers" | "hosts" as part, str(name)):
            return f"{part[:-1]} '{name}'"
        case ("routers" | "hosts" as part, str(name), *rest):
            keys = ".".join(str(key) for key in rest if isinstance(key, str))
            return f"`{keys}` of {part[:-1]} '{name}'"
        case ("wires", int(number), *_):
            return f"wire {number + 1}"
        case _:
            return f"`{path[0]}`"


def quoted(text: str) -> str:
    """The text in quotes, cut where it would fill the screen."""
    return f"'{text}'" if len(text) <= 80 else f"'{text[:77]}...'"


def opening(text: str) -> str:
    """The text with a capital letter, as a sentence begins."""
    return text[:1].upper() + text[1:]
