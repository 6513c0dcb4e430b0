"""YAML text -> plain values with the place of each, by ruamel.yaml's YAML 1.2 composer (round trip flavour).

The node graph is read instead of the constructed document because it keeps every duplicate key and every position.
Numbers are taken only as plain decimals; what YAML would read otherwise (017, 0x1f, 1e3, 1_000, 2.5) becomes `Written`.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from rackless.model.errors import DefectError, Problem

Path = tuple[str | int, ...]
Value = Any
"""dict with str keys, list, str, int, bool, None or Written."""

MOST_CHARACTERS = 1 << 18
"""A lab of 200 routers with 9,600 wires is shorter (172,000 characters, read in a second)."""
MOST_NODES = 100_000
"""Aliases of aliases grow without bound ("billion laughs"); no real lab comes near this."""
MOST_DEPTH = 32

_TAG = "tag:yaml.org,2002:"
_BRACKETS = re.compile(r"(?:[\[{]\s*){33}")
"""More than MOST_DEPTH brackets opened in a row: ruamel's scanner takes seconds over thousands of them."""
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is written, from 1, and how (... when it is no single word)."""

    line: int
    column: int
    text: str = ""


@dataclass(frozen=True)
class Written:
    """A number not written as a plain decimal."""

    text: str


@dataclass(kw_only=True)
class Source:
    """A parsed file: `values[path]` is the place of a value, `keys[path]` that of the key it stands under."""

    file: str
    value: Value = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    bad: set[Path] = field(default_factory=set)
    """Paths whose values cannot be used, as a problem has said."""

    def problem(self, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message=message, hint=hint, file=self.file, line=place.line, column=place.column))

    def at(self, path: Path) -> Place:
        """The place of the value at `path`, or of the nearest value around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(line=1, column=1))

    def at_key(self, path: Path) -> Place:
        return self.keys.get(path) or self.at(path)


class _TooMuchError(Exception):
    """The document cannot be taken as a whole; its problem has been noted."""


def parse(text: str, file: str) -> Source:
    """Read the text as far as possible. After a syntax error `value` is None and `problems` says why."""
    source = Source(file=file)
    text = text.removeprefix("\ufeff")
    if len(text) > MOST_CHARACTERS:
        source.problem(
            Place(line=1, column=1),
            f"The file has {len(text)} characters; a blueprint has at most {MOST_CHARACTERS}.",
            "Is this the right file?",
        )
        return source
    if (bad := _unreadable(text)) is not None:
        source.problem(*bad)
        return source
    yaml = YAML(typ="rt", pure=True)
    try:
        with warnings.catch_warnings():
            # A name may be anchored twice; the later one counts from there on (YAML 1.2.2, 3.2.2.2).
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = yaml.compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        source.problem(*_syntax(error, text))
        return source
    if root is None:
        source.problem(
            Place(line=1, column=1), "The file is empty.", "A blueprint begins with `name:` and `routers:`; see examples/."
        )
        return source
    try:
        source.value = _Reader(source).read(root, (), ())
    except _TooMuchError:
        source.value = None
    return source


def _unreadable(text: str) -> tuple[Place, str, str] | None:
    if (match := _BRACKETS.search(text)) is not None:
        return _place(text, match.start()), "The file is nested too deeply to be a blueprint.", "Write it flatter."
    for index, char in enumerate(text):
        code = ord(char)
        if code == 0xFFFD or 0xDC80 <= code <= 0xDCFF:
            return _place(text, index), "The file is not UTF-8 text here.", "Save it in UTF-8, without special encodings."
        if (code < 32 and char not in "\t\n\r") or code == 127 or 0xD800 <= code <= 0xDFFF:
            hint = "Remove the character; a blueprint is plain text."
            return _place(text, index), f"The character U+{code:04X} cannot stand in a blueprint.", hint
    return None


def _place(text: str, index: int) -> Place:
    before = text[:index]
    return Place(line=before.count("\n") + 1, column=index - before.rfind("\n"))


class _Reader:
    """Turns nodes into plain values and notes their places."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0

    def read(self, node: Node, path: Path, around: tuple[int, ...]) -> Value:
        """`around` holds the ids of the nodes that this one is in: an alias back to one of them would never end."""
        place = _node_place(node)
        self.source.values[path] = place
        if id(node) in around:
            self.source.problem(place, "This anchor contains an alias to itself.", "Write out the part that repeats.")
            raise _TooMuchError
        self._count(place, around)
        self._check_tag(node, place)
        if isinstance(node, ScalarNode):
            self._check_one_line(node.value, place, path)
            return _scalar(node)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*path, at), (*around, id(node))) for at, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path, (*around, id(node)))
        raise DefectError(f"YAML node {type(node).__name__} is neither scalar, sequence nor mapping.")

    def _mapping(self, node: MappingNode, path: Path, around: tuple[int, ...]) -> dict[str, Value]:
        result: dict[str, Value] = {}
        merges: list[Node] = []
        for key, item in node.value:
            place = _node_place(key)
            if not isinstance(key, ScalarNode):
                self.source.problem(place, "A key must be a single word.", "Write it as `key: value`.")
            elif key.tag == f"{_TAG}merge":
                merges.append(item)
            elif key.value in result:
                first = self.source.keys[(*path, key.value)]
                self.source.problem(
                    place,
                    f"The key '{key.value}' is given twice; it stands in line {first.line} already.",
                    "Keep one of the two.",
                )
            else:
                self.source.keys[(*path, key.value)] = place
                self._check_one_line(key.value, place, (*path, key.value))
                result[key.value] = self.read(item, (*path, key.value), around)
        for merge in merges:
            self._merge(merge, path, result, around)
        return result

    def _merge(self, node: Node, path: Path, into: dict[str, Value], around: tuple[int, ...]) -> None:
        """`<<: *anchor`: take over the keys that are not there (https://yaml.org/type/merge.html)."""
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            self._count(_node_place(part), around)
            if not isinstance(part, MappingNode) or id(part) in around:
                self.source.problem(
                    _node_place(part),
                    "`<<` takes over keys, so it needs an alias to a mapping.",
                    "Write `<<: *west`, with `&west` before a mapping.",
                )
                continue
            own = {key.value for key, _ in part.value if isinstance(key, ScalarNode)} & set(into)
            pairs = [pair for pair in part.value if not (isinstance(pair[0], ScalarNode) and pair[0].value in own)]
            rest = MappingNode(part.tag, pairs, part.start_mark, part.end_mark)
            kept = self.source.values[path]
            into.update(self._mapping(rest, path, (*around, id(part))))
            self.source.values[path] = kept

    def _count(self, place: Place, around: tuple[int, ...]) -> None:
        self.count += 1
        if self.count > MOST_NODES or len(around) > MOST_DEPTH:
            self.source.problem(place, "The file is nested too deeply or repeats its aliases too often.", "Write it flatter.")
            raise _TooMuchError

    def _check_one_line(self, text: str, place: Place, path: Path) -> None:
        """No value of a blueprint has lines; one that does would also slip past `$` in the schema's patterns."""
        if not all(ord(char) >= 32 and char not in "\x7f\x85\u2028\u2029" for char in text):
            message = "This holds a line break or a control character."
            self.source.problem(place, message, "Write it in one line, as plain text.")
            self.source.bad.add(path)

    def _check_tag(self, node: Node, place: Place) -> None:
        tag = str(node.tag)
        if not tag.startswith(_TAG):
            self.source.problem(place, f"The tag '{tag}' means nothing in a blueprint.", "Leave it out.")


def _node_place(node: Node) -> Place:
    text = node.value if isinstance(node, ScalarNode) else "..."
    return Place(line=node.start_mark.line + 1, column=node.start_mark.column + 1, text=text)


def _scalar(node: ScalarNode) -> Value:
    text = str(node.value)
    kind = str(node.tag).removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in ("int", "float"):
        return int(text) if _DECIMAL.match(text) and len(text) < 16 else Written(text)
    return text


_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (r"found character '\\t'", "A tab stands where YAML wants spaces.", "Indent with spaces; two a level is usual."),
    (
        r"found character '(?P<c>.)'",
        "A value cannot begin with '{c}'.",
        "Put the value in quotes.",
    ),
    (
        r"mapping values are not allowed",
        "A second `: ` stands in this line, where no further key can begin.",
        "Check the indentation, or put the value in quotes if the colon belongs to it.",
    ),
    (r"expected ',' or '\]'", "The list opened by `[` is not closed.", "Close it with `]`, and put `,` between its items."),
    (r"expected ',' or '}'", "The mapping opened by `{{` is not closed.", "Close it with `}}`, and put `,` between its keys."),
    (r"found unexpected end of stream", "The quote opened here is not closed.", "Close it with the same kind of quote."),
    (r"undefined alias '(?P<c>[^']*)'", "The alias '*{c}' has no anchor.", "Write '&{c}' before the value it stands for."),
    (
        r"found another document",
        "A second document begins here (`---`), and a file holds one blueprint.",
        "Put it into a file of its own.",
    ),
    (
        r"could not find expected ':'",
        "This line is neither a key nor a part of the value before it.",
        "A key needs a colon and a space after it: `key: value`.",
    ),
    (
        r"expected <block end>, but found '(?:\]|\}|,)'",
        "A bracket or comma stands here that nothing opened.",
        "Remove it, or open the bracket it closes.",
    ),
    (
        r"expected (?:<block end>|'?<document start>)",
        "The indentation of this line fits none of the lines before it.",
        "Give the keys that belong together the same number of spaces in front.",
    ),
    (
        r"expected the node content, but found '(?P<c>[^']*)'",
        "A value should stand here, not '{c}'.",
        "Put the value in quotes if it begins with that character.",
    ),
    (
        r"unknown escape character '(?P<c>[^']*)'",
        "'\\{c}' is no escape in a double-quoted value.",
        "Double the backslash, or use single quotes.",
    ),
)
"""What the parser says (ruamel.yaml 0.18/0.19) -> what we say. Anything else gets a general sentence."""


def _syntax(error: Exception, text: str) -> tuple[Place, str, str]:
    """One sentence on a syntax error, with its place."""
    general = "The YAML cannot be understood from here on."
    hint = "Check brackets, quotes and indentation around this place."
    if isinstance(error, ReaderError):
        return _place(text, int(error.position)), "The file has a character that YAML does not allow.", "Remove it."
    if not isinstance(error, MarkedYAMLError):
        return Place(line=1, column=1), "The file is nested too deeply to be a blueprint.", "Write it flatter."
    mark = error.problem_mark or error.context_mark
    said = str(error.problem or "")
    unclosed = "unexpected end of stream" in said or "expected ',' or" in said
    if unclosed and error.context_mark is not None:
        mark = error.context_mark
    place = Place(line=mark.line + 1, column=mark.column + 1) if mark is not None else Place(line=1, column=1)
    for pattern, message, way_out in _SYNTAX:
        if (match := re.search(pattern, said)) is not None:
            parts = match.groupdict()
            return place, message.format(**parts), way_out.format(**parts)
    return place, general, hint
