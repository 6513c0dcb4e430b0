"""`| match`, `| count` and the others: filters over a command's text."""

from __future__ import annotations

import re

from .. import valuetypes as t
from ..valuetypes import Type
from .words import Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Given = dict[str, str]


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"invalid pattern '{text}': {error}") from None
    return text


PATTERN = Type("pattern", _expression)


def _nothing(*_: object) -> None:
    """A pipe's word ends a line, but what it does is done by `apply`."""


def _pattern() -> tuple[Argument, ...]:
    return (Argument("pattern", PATTERN, "Regular expression to match in each line", mandatory=True),)


PIPES = Word(
    "",
    "Pipe through a command",
    Word(
        "compare",
        "Compare configuration changes with prior version",
        run=_nothing,
        options=(Option("rollback", "Index of a prior configuration", t.number("number", 0, 49)),),
    ),
    Word("count", "Count occurrences", run=_nothing),
    Word(
        "display",
        "Show additional kinds of information",
        Word("detail", "Show configuration data detail", run=_nothing),
        Word(
            "inheritance",
            "Show inherited configuration data and source group",
            run=_nothing,
            options=(
                Option("brief", "Don't show the source of inherited data"),
                Option("no-comments", "Don't show the source of inherited data"),
            ),
        ),
        Word("json", "Show output in JSON format", run=_nothing),
        Word(
            "set",
            "Show 'set' commands that create configuration",
            run=_nothing,
            options=(Option("relative", "Show commands relative to the level"),),
        ),
        Word("xml", "Show output as XML tags", run=_nothing, options=(Option("rpc", "Show the request as XML tags"),)),
    ),
    Word("except", "Show only text that does not match a pattern", run=_nothing, arguments=_pattern()),
    Word("find", "Search for first occurrence of pattern", run=_nothing, arguments=_pattern()),
    Word("hold", "Wait for Enter at the end of the output", run=_nothing),
    Word(
        "last",
        "Display end of output only",
        run=_nothing,
        arguments=(Argument("lines", t.number("lines", 1, 100000), "Number of lines from the end"),),
    ),
    Word("match", "Show only text that matches a pattern", run=_nothing, arguments=_pattern()),
    Word("no-more", "Don't paginate output", run=_nothing),
    Word(
        "save",
        "Save output text to file",
        run=_nothing,
        arguments=(Argument("file", t.file_name, "Name of the file", mandatory=True),),
    ),
    Word(
        "trim",
        "Trim specified number of columns from start of line",
        run=_nothing,
        arguments=(Argument("columns", t.number("columns", 1, 1000), "Number of columns", mandatory=True),),
    ),
)


def _matching(lines: list[str], pattern: str, wanted: bool) -> list[str]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return [line for line in lines if (compiled.search(line) is not None) == wanted]


def _find(lines: list[str], pattern: str) -> list[str]:
    compiled = re.compile(pattern, re.IGNORECASE)
    for index, line in enumerate(lines):
        if compiled.search(line) is not None:
            return lines[index:]
    return ["Pattern not found"]


FILTERS: dict[str, Callable[[list[str], Given], list[str]]] = {
    "match": lambda lines, given: _matching(lines, given["pattern"], True),
    "except": lambda lines, given: _matching(lines, given["pattern"], False),
    "find": lambda lines, given: _find(lines, given["pattern"]),
    "count": lambda lines, given: [f"Count: {len(lines)} lines"],
    "last": lambda lines, given: lines[-int(given.get("lines", "10")) :],
    "trim": lambda lines, given: [line[int(given["columns"]) :] for line in lines],
}


def apply(text: str, stages: list[tuple[str, Given]]) -> str:
    """The text after all filters."""
    lines = text.splitlines()
    for name, given in stages:
        if name in FILTERS:
            lines = FILTERS[name](lines, given)
    return "".join(line + "\n" for line in lines)
