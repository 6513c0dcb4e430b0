"""Start-up configuration files: which names a blueprint may refer to, and what may stand in them.

A blueprint may have been written by someone else, and the client sends the files it names to the server. So a name is
relative to the blueprint, may climb out of its directory only by leading `..` (`../common/west.set` is legitimate), never
passes a hidden directory or file (`.ssh`), and ends as configuration files do: what a stranger's blueprint can have read
is router configurations, not keys. The server never opens any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from rackless.blueprints.reading import Reading, opening, subject
from rackless.blueprints.source import Path, Value
from rackless.model.suggestions import listed

ENDINGS = (".set", ".conf", ".cfg", ".txt")
MOST_BYTES = 1 << 20


def fault(name: str) -> str | None:
    """Why a blueprint may not refer to a file of this name; None when it may."""
    parts = name.removeprefix("./").split("/")
    rest = parts
    while rest and rest[0] == "..":
        rest = rest[1:]
    checks = (
        (name.startswith("/"), "is absolute"),
        ("\\" in name or name.startswith("~") or not name.isprintable(), "is not a plain path"),
        (".." in rest, "has `..` in the middle"),
        (any(part in ("", ".") for part in rest), "has `.` or nothing between two slashes"),
        (any(part.startswith(".") for part in rest), "passes a hidden file or directory"),
        (not name.endswith(ENDINGS), f"does not end in {listed(ENDINGS)}"),
    )
    return next((sentence for bad, sentence in checks if bad), None)


def names(value: Value) -> Sequence[str]:
    """The allowed names that a parsed blueprint refers to, each once, in alphabetical order; tolerant of any error."""
    templates = value.get("templates") if isinstance(value, dict) else None
    parts = [part.get("routers") for part in (value, templates) if isinstance(part, dict)]
    wishes = [wish for routers in parts if isinstance(routers, dict) for wish in routers.values()]
    named = [wish.get("startup") for wish in wishes if isinstance(wish, dict)]
    return sorted({name for name in named if isinstance(name, str) and 0 < len(name) <= 255 and fault(name) is None})


def read(reading: Reading, path: Path) -> str | None:
    """The checked name at `path`; None when there is none or it had a problem."""
    name = reading.get(*path)
    if not isinstance(name, str):
        return None
    what = opening(subject(path))
    if (why := fault(name)) is not None:
        hint = "Write a path relative to the blueprint, such as west.set or ../common/west.set."
        reading.problem(path, f"{what} cannot be '{name}': the path {why}.", hint)
        return None
    content = reading.files.get(name)
    if content is None:
        hint = "Paths are relative to the blueprint; create the file, or leave `startup` out."
        reading.problem(path, f"{what} names the file '{name}', which cannot be found.", hint)
        return None
    if (wrong := _content_fault(content)) is not None:
        hint = "It holds the router's configuration, as `set` lines or in curly braces."
        reading.problem(path, f"{what} names the file '{name}', which {wrong}.", hint)
        return None
    return name


def _content_fault(content: str) -> str | None:
    if not content.strip():
        return "is empty"
    size = len(content.encode("utf-8", "surrogateescape"))
    if size > MOST_BYTES:
        return f"has {size} bytes, more than the {MOST_BYTES} that are taken"
    for number, line in enumerate(content.split("\n"), start=1):
        for char in line:
            code = ord(char)
            if (code < 32 and char not in "\t\r") or code == 127 or 0xD800 <= code <= 0xDFFF or code == 0xFFFD:
                return f"is not plain text in its line {number}"
    return None
