"""Reading configurations: `set` lines and curly-brace text, both through the same statement states that the prompt uses."""

from __future__ import annotations

from . import changes
from . import tree as trees
from .changes import apply_set, hashed, sibling
from .grammar import Mismatch, State, match, step
from .nodes import LEAVES
from .statements import KeyState, PlaceState, ValueState
from .tokens import Token, UnclosedQuote, quoted_word, split, wildcard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .nodes import Node
    from .statements import Operation
    from .tree import Step, Tree

    Faults = list[tuple[int, int, str]]

__all__ = ["LoadError", "apply_set", "hashed", "load", "load_braces", "load_set", "sibling"]


class LoadError(Exception):
    """All faults of a text, each as (line, column, reason), counted from 1; line 0 is no certain line."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(f"{len(faults)} errors")
        self.faults = faults


def operations_of(state: State) -> tuple[Operation, ...]:
    if isinstance(state, (PlaceState, KeyState, ValueState)):
        return state.result()
    raise TypeError("not at a statement")


# ---- any form


def load(text: str, action: str, tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> list[str]:
    """Do `load <action>` (merge, replace, override, update, set) on `tree`; the form (braces, XML, JSON) is told by the first
    character. Warnings come back. LoadError with every fault; then `tree` is half changed: give a copy."""
    if action == "set":
        load_set(text, tree, schema, above)
        return []
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if action in ("override", "update"):
        here = trees.get(tree, above) if above else tree
        if isinstance(here, dict):
            here.clear()
    if start == "<" or (start == "{" and text.lstrip()[1:].lstrip()[:1] in ('"', "}")):
        return _load_elements(text, start, tree, schema, above)
    load_braces(text, tree, schema, above, action)
    return []


def _load_elements(text: str, start: str, tree: Tree, schema: Node, above: tuple[Step, ...]) -> list[str]:
    from . import configuration_json, configuration_xml, xmltree

    try:
        if start == "<":
            # Saved replies may begin with <?xml ...?>, and fragments of them use a prefix that they don't declare.
            body = text.lstrip("\ufeff \t\r\n")
            body = body[body.find("?>") + 2 :] if body.startswith("<?xml") and "?>" in body else body
            element = xmltree.parse(f'<load xmlns:junos="junos">{body}</load>')
            found = next((one for one in element.walk() if one.tag == "configuration"), None)
            if found is None:
                raise LoadError([(1, 1, "<configuration> is missing")])
            element = found
        else:
            element = configuration_json.element(text)
    except (xmltree.BadXml, configuration_json.BadJson) as error:
        raise LoadError([(0, 0, str(error))]) from None
    faults = configuration_xml.apply(element, tree, schema, above=above)
    errors = [fault for fault in faults if fault.severity == "error"]
    if errors:
        raise LoadError([(0, 0, f"[edit {fault.path}] '{fault.element}': {fault.message}") for fault in errors])
    return [fault.line() for fault in faults]


# ---- set lines


def load_set(text: str, tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> None:
    """Run the lines of configuration mode (set, delete, edit, rename, ...) on `tree`, beginning at the level `above`.
    LoadError with every fault; then `tree` is half changed: give a copy."""
    faults: Faults = []
    level = above
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        try:
            level = _set_line(line, tree, schema, level)
        except Mismatch as error:
            faults.append((number, error.column + 1, error.reason))
        except UnclosedQuote as error:
            faults.append((number, error.column + 1, str(error)))
        except trees.NotFound:
            faults.append((number, 1, "statement not found"))
        except ValueError as error:
            faults.append((number, 1, str(error)))
    if faults:
        raise LoadError(faults)
    trees.prune(tree, schema)


VERBS = ("set", "delete", "activate", "deactivate", "annotate", "copy", "edit", "insert", "rename")


def _set_line(line: str, tree: Tree, schema: Node, level: tuple[Step, ...]) -> tuple[Step, ...]:
    """Run one line; the level after it."""
    tokens = split(line, operators="")
    verb = tokens[0].text
    if verb in ("top", "up", "exit", "quit"):
        upper = () if verb == "top" else level[:-1]
        if len(tokens) > 1 and verb == "up" and tokens[1].text.isdigit():
            upper = level[: max(0, len(level) - int(tokens[1].text[:4]))]
            del tokens[1]
        if len(tokens) == 1:
            return upper
        if verb in ("exit", "quit"):
            raise Mismatch(tokens[1].column, "syntax error, expecting end of line.")
        after = _verb(tokens[1:], line, tree, schema, upper)
        return after if tokens[1].text == "edit" else level
    return _verb(tokens, line, tree, schema, level)


def _verb(tokens: list[Token], line: str, tree: Tree, schema: Node, level: tuple[Step, ...]) -> tuple[Step, ...]:
    verb = tokens[0].text
    if verb not in VERBS:
        raise Mismatch(tokens[0].column, f"syntax error, expecting set or delete, not '{verb}'.")
    state = match(PlaceState(verb, schema, tree, level, start=len(level)), tokens[1:], len(line))
    operations = operations_of(state)
    if verb == "edit":
        return operations[0][0]
    changes.do(tree, verb, operations)
    return level


# ---- braces


class Comment(Token):
    """A `/* ... */` that stands before a statement."""


class _Reader:
    """Words, marks and comments of curly-brace text, with their places."""

    def __init__(self, text: str) -> None:
        self.items: list[tuple[int, Token]] = []
        self.faults: Faults = []
        self._comment: list[str] | None = None
        self._begun = (0, 0)
        for number, line in enumerate(text.splitlines(), 1):
            self._line(number, line)
        if self._comment is not None:
            self.faults.append((*self._begun, "missing '*/'"))

    def _line(self, number: int, line: str) -> None:
        at = 0
        while at < len(line):
            if self._comment is not None:
                end = line.find("*/", at)
                self._comment.append(line[at : end if end >= 0 else len(line)].strip())
                if end < 0:
                    return
                self.items.append((number, Comment("\n".join(self._comment).strip(), at)))
                at, self._comment = end + 2, None
            elif line.startswith("/*", at):
                self._begun = (number, at + 1)
                at, self._comment = at + 2, []
            elif line[at] == "#":
                return
            elif line[at].isspace():
                at += 1
            elif line[at] == '"':
                try:
                    word, end = quoted_word(line, at)
                except UnclosedQuote as error:
                    self.faults.append((number, error.column + 1, str(error)))
                    return
                self.items.append((number, Token(word, at, True)))
                at = end
            elif line[at] in "{};[]":
                self.items.append((number, Token(line[at], at)))
                at += 1
            else:
                end = at + wildcard(line, at)
                while end < len(line) and not line[end].isspace() and line[end] not in '{};[]"':
                    end += 1
                self.items.append((number, Token(line[at:end], at)))
                at = end
        if self._comment is not None and not line:
            self._comment.append("")


TAGS = ("inactive:", "active:", "replace:", "delete:", "protect:", "unprotect:")


class _Loader:
    """Merges curly-brace text into a tree, statement by statement."""

    def __init__(self, tree: Tree, schema: Node, above: tuple[Step, ...], action: str, faults: Faults) -> None:
        self.tree = tree
        self.schema = schema
        self.action = action
        self.faults = faults
        self.places: list[PlaceState | KeyState] = [PlaceState("set", schema, tree, above, start=len(above))]
        self.skip = 0
        self.comment = ""
        self.pending: list[tuple[int, Token]] = []

    def fault(self, item: tuple[int, Token], reason: str) -> None:
        self.faults.append((item[0], item[1].column + 1, reason))

    def take(self, item: tuple[int, Token]) -> None:
        token = item[1]
        if isinstance(token, Comment):
            if not self.pending:
                self.comment = token.text
            return
        if token.quoted or token.text not in ("{", "}", ";"):
            self.pending.append(item)
            return
        if token.text == "}":
            self._close(item)
        elif self.skip:
            self.skip += token.text == "{"
        elif token.text == ";":
            self._statement(item)
        elif not self._open(item):
            self.skip = 1
        self.pending = []
        self.comment = ""

    def end(self, last: tuple[int, Token] | None) -> None:
        if self.pending:
            self.fault(self.pending[0], "missing ';'")
        if (len(self.places) > 1 or self.skip) and last is not None:
            self.fault(last, "missing '}'")

    def _close(self, item: tuple[int, Token]) -> None:
        if self.pending and not self.skip:
            self.fault(self.pending[0], "missing ';'")
        if self.skip:
            self.skip -= 1
        elif len(self.places) == 1:
            self.fault(item, "'}' without '{'")
        else:
            self.places.pop()

    def _tags(self) -> set[str]:
        found = set()
        while self.pending and not self.pending[0][1].quoted and self.pending[0][1].text in TAGS:
            found.add(self.pending.pop(0)[1].text)
        return found

    def _walk(self) -> State | None:
        state: State = self.places[-1]
        for item in self.pending:
            try:
                state = step(state, item[1])
            except Mismatch as error:
                self.faults.append((item[0], error.column + 1, error.reason))
                return None
        return state

    def _open(self, brace: tuple[int, Token]) -> bool:
        """Go into `words {`; False (and a fault) when that is not a place."""
        tags = self._tags()
        state = self._walk()
        if state is None:
            return False
        if isinstance(state, KeyState) and state.node.gathered and self.pending:
            if "delete:" in tags or ("replace:" in tags and self.action == "replace"):
                self._drop((*state.steps, (state.node, None)))
            if "delete:" in tags:
                return False
            self.places.append(state)
            return True
        if not self.pending or not isinstance(state, PlaceState) or state.operations:
            self.fault(brace, "'{' is not expected here")
            return False
        if "delete:" in tags or ("replace:" in tags and self.action == "replace"):
            self._drop(state.steps)
        if "delete:" in tags:
            return False
        trees.put(self.tree, state.steps)
        self._mark(state.steps, tags)
        self.places.append(PlaceState("set", state.root, self.tree, state.steps, start=len(state.steps)))
        return True

    def _drop(self, steps: tuple[Step, ...]) -> None:
        try:
            trees.remove(self.tree, steps)
        except trees.NotFound:
            return

    def _mark(self, steps: tuple[Step, ...], tags: set[str]) -> None:
        try:
            if "inactive:" in tags:
                trees.mark(self.tree, steps, trees.INACTIVE, True)
            elif "active:" in tags:
                trees.mark(self.tree, steps, trees.INACTIVE, None)
            if self.comment:
                trees.mark(self.tree, steps, trees.COMMENT, changes.comment(self.comment))
        except (trees.NotFound, ValueError):
            return

    def _statement(self, end: tuple[int, Token]) -> None:
        tags = self._tags()
        if not self.pending:
            return
        state = self._walk()
        if state is None:
            return
        place = self.places[-1]
        inside = isinstance(state, PlaceState) and len(state.steps) > len(place.steps)
        if "delete:" in tags:
            self._delete(place, state)
            return
        if not state.ends() and not (inside and isinstance(state, PlaceState) and not state.operations):
            self.fault(end, "missing argument")
            return
        try:
            operations = operations_of(state)
            steps = operations[-1][0]
            if "replace:" in tags and self.action == "replace" and steps:
                self._drop(steps if steps[-1][0].kind == LEAVES or not inside else state.steps)  # type: ignore[attr-defined]
            apply_set(self.tree, operations)
        except ValueError as error:
            self.fault(self.pending[0], str(error))
            return
        if inside and isinstance(state, PlaceState) and not state.node.joined:
            steps = state.steps
        self._mark(steps, tags)

    def _delete(self, place: PlaceState | KeyState, state: State) -> None:
        """`delete: words;`, where the words may name a leaf without its value."""
        upper = place.place if isinstance(place, KeyState) else place
        above = PlaceState("delete", upper.root, self.tree, upper.steps, start=len(upper.steps))
        again: State = KeyState(above, place.node, place.here) if isinstance(place, KeyState) else above
        try:
            for item in self.pending:
                again = step(again, item[1])
            targets = operations_of(again)
        except (Mismatch, TypeError):
            targets = operations_of(state)
        for steps, _ in targets:
            self._drop(steps)


def load_braces(text: str, tree: Tree, schema: Node, above: tuple[Step, ...] = (), action: str = "merge") -> None:
    """Merge curly-brace text into `tree`; with the action `replace`, what `replace:` tags is replaced. LoadError with every
    fault; then `tree` is half changed: give a copy."""
    reader = _Reader(text)
    loader = _Loader(tree, schema, above, action, reader.faults)
    for item in reader.items:
        loader.take(item)
    loader.end(reader.items[-1] if reader.items else None)
    if loader.faults:
        raise LoadError(loader.faults)
    trees.prune(tree, schema)
