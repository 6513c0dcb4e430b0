"""States for statements: what follows `set`, `delete`, `edit`, `show` at a place in the schema."""

from __future__ import annotations

from .grammar import Choice, State
from .nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST, PROMPT, Node
from .tree import get, natural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tokens import Token
    from .tree import Step, Tree

    Operation = tuple[tuple[Step, ...], str | None]


class PlaceState(State):
    """In a container or list entry. `operations` are what the line's words ask for so far."""

    def __init__(self, verb: str, root: Node, tree: Tree, steps: tuple[Step, ...] = (), operations: tuple[Operation, ...] = (),
                 *, done: bool = False, start: int = 0) -> None:  # fmt: skip
        self.verb = verb
        self.root = root
        self.tree = tree
        self.steps = steps
        self.operations = operations
        self.done = done
        """True when a leaf was the last word: the line may end."""
        self.start = start
        """Steps of the edit level that the line began in."""

    @property
    def node(self) -> Node:
        return self.steps[-1][0] if self.steps else self.root

    def to(self, steps: tuple[Step, ...], operations: tuple[Operation, ...] | None = None, *, done: bool = False) -> PlaceState:
        return PlaceState(self.verb, self.root, self.tree, steps, self.operations if operations is None else operations,
                          done=done, start=self.start)  # fmt: skip

    def ends(self) -> bool:
        if self.verb != "set":
            return True
        if self.done or bool(self.operations):
            return True
        return len(self.steps) > self.start and (self.node.kind == LIST or self.node.presence)

    def result(self) -> tuple[Operation, ...]:
        """The operations of a line that ended here."""
        if self.verb == "set" and (self.operations and self.operations[-1][0][: len(self.steps)] == self.steps):
            return self.operations
        if self.done:
            return self.operations
        return (*self.operations, (self.steps, None))

    def choices(self) -> list[Choice]:
        if self.verb != "set" and self.done:
            return []
        present = get(self.tree, self.steps) if self.steps else self.tree
        here = present if isinstance(present, dict) else {}
        found: list[Choice] = []
        for child in self.node.children:
            found.extend(self._child(child, here))
        found.sort(key=lambda choice: (not choice.known, natural(choice.word) if choice.known else [], choice.word))
        return found

    def _child(self, child: Node, here: Tree) -> list[Choice]:
        if self.verb == "edit" and child.kind not in (CONTAINER, LIST):
            return []
        if self.verb != "set" and child.kind == PROMPT:
            return []
        mark = ">" if child.kind in (CONTAINER, LIST) else "+" if child.kind == LEAVES else " "
        if child.kind == LEAF and child.bare and self.verb == "set":
            return [] if self.done else ValueState(self, child).choices()
        if child.kind == LIST:
            keyed = KeyState(self, child, here)
            if child.bare:
                return keyed.choices()
            return [Choice(child.help, lambda _: keyed, word=child.name, mark=mark)]
        return [Choice(child.help, lambda _: self._enter(child, here), word=child.name, mark=mark, hidden=child.hidden)]

    def _enter(self, child: Node, here: Tree) -> State:
        steps = (*self.steps, (child, None))
        if child.kind == CONTAINER:
            return self.to(steps)
        if self.verb == "set":
            if child.kind == FLAG or (child.kind == PROMPT and not child.hidden):
                return self.to(self.steps, (*self.operations, (steps, None)), done=True)
            return ValueState(self, child)
        if child.kind == LEAVES and self.verb == "delete":
            return ValueState(self, child, optional=True, known=tuple(here.get(child.name, ())))
        return self.to(steps, (*self.operations, (steps, None)), done=True)


class KeyState(State):
    """After the keyword of a list: the key."""

    def __init__(self, place: PlaceState, node: Node, here: Tree) -> None:
        self.place = place
        self.node = node
        self.here = here

    def ends(self) -> bool:
        return self.place.verb in ("delete", "show") and not self.node.bare

    def result(self) -> tuple[Operation, ...]:
        return (((*self.place.steps, (self.node, None)), None),)

    def choices(self) -> list[Choice]:
        def enter(key: str) -> State:
            return self.place.to((*self.place.steps, (self.node, key)))

        found = [Choice(self.node.help, enter, word=key, known=True, mark=">") for key in
                 sorted(self.here.get(self.node.name, {}), key=natural)]  # fmt: skip
        found.append(Choice(self.node.help, enter, type_=self.node.type, mark=">"))
        return found


class ValueState(State):
    """After the name of a leaf: its value; or for a leaf-list one value, or several between brackets."""

    def __init__(self, place: PlaceState, node: Node, *, optional: bool = False, known: tuple[str, ...] = (),
                 taken: tuple[str, ...] = (), open_: bool = False) -> None:  # fmt: skip
        self.place = place
        self.node = node
        self.optional = optional
        self.known = known
        self.taken = taken
        self.open = open_

    def ends(self) -> bool:
        return self.optional

    def result(self) -> tuple[Operation, ...]:
        return (((*self.place.steps, (self.node, None)), None),)

    def _steps(self) -> tuple[Step, ...]:
        return (*self.place.steps, (self.node, None))

    def _take(self, value: str) -> State:
        if self.open:
            return ValueState(self.place, self.node, known=self.known, taken=(*self.taken, value), open_=True)
        if self.place.verb == "delete":
            steps = (*self.place.steps, (self.node, value))
            return self.place.to(self.place.steps, (*self.place.operations, (steps, None)), done=True)
        return self.place.to(self.place.steps, (*self.place.operations, (self._steps(), value)), done=True)

    def _close(self, _: str) -> State:
        more = tuple((self._steps(), value) for value in self.taken)
        return self.place.to(self.place.steps, (*self.place.operations, *more), done=True)

    def choices(self) -> list[Choice]:
        found: list[Choice] = []
        if self.node.type.choices is not None:
            found = [Choice(help_, self._take, word=word) for word, help_ in self.node.type.choices.items()]
        else:
            found = [Choice(self.node.help, self._take, word=value, known=True) for value in self.known]
            found.append(Choice(self.node.help, self._take, type_=self.node.type))
        if self.node.kind == LEAVES and self.place.verb == "set":
            if self.open and self.taken:
                found.append(Choice("Close a set of values", self._close, word="]"))
            elif not self.open:
                opened = ValueState(self.place, self.node, known=self.known, open_=True)
                found.append(Choice("Open a set of values", lambda _: opened, word="["))
        return found

    def refuse(self, token: Token) -> str:
        if self.node.type.choices is not None:
            return f"invalid value '{token.text}', expecting {', '.join(self.node.type.choices)}."
        try:
            self.node.type.check(token.text)
        except ValueError as error:
            return str(error)
        return ""
