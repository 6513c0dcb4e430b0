"""Reading configurations: `set` lines and curly-brace text, both through the same statement states that the prompt uses."""

from __future__ import annotations

from . import tree as trees
from .grammar import Mismatch, State, match, step
from .nodes import PROMPT
from .statements import KeyState, PlaceState, ValueState
from .tokens import Token, UnclosedQuote, quoted_word, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .nodes import Node
    from .statements import Operation
    from .tree import Step, Tree


class LoadError(Exception):
    """All faults of a text, each as (line, column, reason), counted from 1."""

    def __init__(self, faults: list[tuple[int, int, str]]) -> None:
        super().__init__(f"{len(faults)} errors")
        self.faults = faults


def hashed(password: str) -> str:
    """sha512-crypt of a password. crypt is in Python until 3.12; the guest has 3.11."""
    import crypt

    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512))


def operations_of(state: State) -> tuple[Operation, ...]:
    if isinstance(state, (PlaceState, KeyState, ValueState)):
        return state.result()
    raise TypeError("not at a statement")


def apply_set(tree: Tree, operations: tuple[Operation, ...]) -> None:
    """Do what a `set` line asks. A password given on the line is kept as its hash only."""
    for steps, value in operations:
        node = steps[-1][0] if steps else None
        if node is not None and node.kind == PROMPT:
            if value is None:
                raise ValueError(f"'{node.name}' asks for the password, which is not possible here; use encrypted-password")
            trees.put(tree, sibling(steps, node.into), hashed(value))
        elif steps:
            trees.put(tree, steps, value)


def sibling(steps: tuple[Step, ...], name: str) -> tuple[Step, ...]:
    """The steps to the statement `name` beside the last one."""
    if len(steps) < 2:
        raise ValueError(f"no place for {name}")
    node = steps[-2][0].child(name)
    if node is None:
        raise ValueError(f"no statement {name} here")
    return (*steps[:-1], (node, None))


def load_set(text: str, tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> None:
    """Run `set` and `delete` lines on `tree`. LoadError with every fault; then `tree` is half changed: give a copy."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        try:
            _set_line(line, tree, schema, above)
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


def _set_line(line: str, tree: Tree, schema: Node, above: tuple[Step, ...]) -> None:
    tokens = split(line, operators="")
    verb = tokens[0].text
    if verb not in ("set", "delete"):
        raise Mismatch(tokens[0].column, f"syntax error, expecting set or delete, not '{verb}'.")
    start = PlaceState(verb, schema, tree, above, start=len(above))
    state = match(start, tokens[1:], len(line))
    if verb == "set":
        apply_set(tree, operations_of(state))
    else:
        for steps, _ in operations_of(state):
            trees.remove(tree, steps)


class _Reader:
    """Words and marks of curly-brace text, without comments, with their places."""

    def __init__(self, text: str) -> None:
        self.items: list[tuple[int, Token]] = []
        self.faults: list[tuple[int, int, str]] = []
        block = False
        for number, line in enumerate(text.splitlines(), 1):
            block = self._line(number, line, block)

    def _line(self, number: int, line: str, block: bool) -> bool:
        """Read one line; True when it ends inside a /* comment."""
        at = 0
        while at < len(line):
            if block:
                end = line.find("*/", at)
                if end < 0:
                    return True
                at, block = end + 2, False
            elif line.startswith("/*", at):
                at, block = at + 2, True
            elif line[at] == "#":
                return False
            elif line[at].isspace():
                at += 1
            elif line[at] == '"':
                try:
                    word, end = quoted_word(line, at)
                except UnclosedQuote as error:
                    self.faults.append((number, error.column + 1, str(error)))
                    return False
                self.items.append((number, Token(word, at, True)))
                at = end
            elif line[at] in "{};[]":
                self.items.append((number, Token(line[at], at)))
                at += 1
            else:
                end = at
                while end < len(line) and not line[end].isspace() and line[end] not in '{};[]"':
                    end += 1
                self.items.append((number, Token(line[at:end], at)))
                at = end
        return block


def load_braces(text: str, tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> None:
    """Merge curly-brace text into `tree`. LoadError with every fault; then `tree` is half changed: give a copy."""
    reader = _Reader(text)
    faults = reader.faults
    places = [PlaceState("set", schema, tree, above, start=len(above))]
    skip = 0
    pending: list[tuple[int, Token]] = []
    for number, token in reader.items:
        if token.quoted or token.text not in ("{", "}", ";"):
            pending.append((number, token))
            continue
        if token.text == "{":
            if skip:
                skip += 1
            elif not _open(pending, places, tree, faults, (number, token)):
                skip = 1
        elif token.text == ";":
            if not skip:
                _statement(pending, places[-1], tree, faults, (number, token))
        else:
            if pending and not skip:
                faults.append((pending[0][0], pending[0][1].column + 1, "missing ';'"))
            if skip:
                skip -= 1
            elif len(places) == 1:
                faults.append((number, token.column + 1, "'}' without '{'"))
            else:
                places.pop()
        pending = []
    if pending:
        faults.append((pending[0][0], pending[0][1].column + 1, "missing ';'"))
    if len(places) > 1:
        faults.append((reader.items[-1][0], reader.items[-1][1].column + 1, "missing '}'"))
    if faults:
        raise LoadError(faults)
    trees.prune(tree, schema)


def _open(pending: list[tuple[int, Token]], places: list[PlaceState], tree: Tree, faults: list[tuple[int, int, str]],
          brace: tuple[int, Token]) -> bool:  # fmt: skip
    """Go into `words {`; False (and a fault) when that is not a place."""
    state = _walk(pending, places[-1], faults)
    if state is None:
        return False
    if not pending or not isinstance(state, PlaceState) or state.operations:
        faults.append((brace[0], brace[1].column + 1, "'{' is not expected here"))
        return False
    if state.steps:
        trees.put(tree, state.steps)
    places.append(PlaceState("set", state.root, tree, state.steps, start=len(state.steps)))
    return True


def _statement(pending: list[tuple[int, Token]], place: PlaceState, tree: Tree, faults: list[tuple[int, int, str]],
               mark: tuple[int, Token]) -> None:  # fmt: skip
    if not pending:
        return
    state = _walk(pending, place, faults)
    if state is None:
        return
    plain = isinstance(state, PlaceState) and not state.operations and len(state.steps) > len(place.steps)
    if not state.ends() and not plain:
        faults.append((mark[0], mark[1].column + 1, "missing argument"))
        return
    try:
        apply_set(tree, operations_of(state))
    except ValueError as error:
        faults.append((pending[0][0], pending[0][1].column + 1, str(error)))


def _walk(pending: list[tuple[int, Token]], place: PlaceState, faults: list[tuple[int, int, str]]) -> State | None:
    state: State = place
    for number, token in pending:
        try:
            state = step(state, token)
        except Mismatch as error:
            faults.append((number, error.column + 1, error.reason))
            return None
    return state
