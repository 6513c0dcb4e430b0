"""States for statements: what follows `set`, `delete`, `edit`, `show` and the other verbs at a place in the schema.

The result of a line is a tuple of operations, (steps, value). `annotate` gives the text as value; `rename`, `copy` and
`insert` give two: the entry, and the other one with the word between them (to, before, after) as value.
"""

from __future__ import annotations

from .grammar import Choice, State
from .nodes import CONTAINER, FLAG, GROUPS, LEAF, LEAVES, LIST, PROMPT, Node, set_aside
from .tree import get, keys, natural
from .valuetypes import Type, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tokens import Token
    from .tree import Step, Tree

    Operation = tuple[tuple[Step, ...], str | None]


WORDS = {"rename": ("to",), "copy": ("to",), "insert": ("before", "after")}
"""What stands between an entry and the other one."""
WORD_HELP = {"to": "Name of the new entry", "before": "Put it before another one", "after": "Put it after another one"}


def _wildcard(text: str) -> str:
    if len(text) < 3 or text[0] != "<" or text[-1] != ">" or any(character.isspace() for character in text):
        raise ValueError(f"invalid value '{text}': a wildcard like <*> is needed")
    return text


WILDCARD = Type("<wildcard>", _wildcard)


def key_of(node: Node, above: tuple[Step, ...], text: str) -> str:
    """The normal form of a key of the list `node` below `above`; in groups a wildcard too. ValueError."""
    if above and above[0][0].name == GROUPS and text.startswith("<"):
        return WILDCARD.check(text)
    return node.type.check(text)


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
        if self.verb in WORDS or self.verb == "annotate":
            return self.done
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
        for child in self.node.all:
            found.extend(self._child(child, here))
        inside = len(self.steps) > self.start and not self.done
        if inside and self.verb == "annotate":
            found.append(Choice("Text of the annotation", lambda value: self._annotated(self.steps, value), type_=text))
        if inside and self.verb in WORDS and self.node.kind == LIST:
            found += TargetState.words(self, self.steps)
        found.sort(key=lambda choice: (not choice.known, natural(choice.word) if choice.known else [], choice.word))
        return found

    def _annotated(self, steps: tuple[Step, ...], value: str) -> State:
        return self.to(self.steps, ((steps, value),), done=True)

    def _child(self, child: Node, here: Tree) -> list[Choice]:
        levels = (CONTAINER, LIST, LEAVES) if self.verb == "insert" else (CONTAINER, LIST)
        if self.verb in ("edit", *WORDS) and child.kind not in levels:
            return []
        if self.verb != "set" and child.kind == PROMPT:
            return []
        if self.verb in ("activate", "annotate", "deactivate") and child.kind == LEAF and child.bare:
            return []
        mark = ">" if child.kind in (CONTAINER, LIST) else "+" if child.kind == LEAVES else " "
        if child.kind == LEAF and child.bare and self.verb == "set":
            return [] if self.done else ValueState(self, child).choices()
        if child.kind == LIST:
            keyed = KeyState(self, child, here)
            if child.bare:
                return keyed.choices()
            return [Choice(child.help, lambda _: keyed, word=child.name, mark=mark)]
        aside = set_aside(child)
        return [
            Choice(child.help, lambda _: self._enter(child, here), word=child.name, mark=mark, hidden=child.hidden, aside=aside)
        ]

    def _enter(self, child: Node, here: Tree) -> State:
        steps = (*self.steps, (child, None))
        if child.kind == CONTAINER:
            return self.to(steps)
        if self.verb == "set":
            if child.kind == FLAG or (child.kind == PROMPT and not child.hidden):
                return self.to(self.steps, (*self.operations, (steps, None)), done=True)
            return ValueState(self, child)
        if child.kind == LEAVES and self.verb in ("delete", "insert"):
            return ValueState(self, child, optional=self.verb == "delete", known=tuple(here.get(child.name, ())))
        if self.verb == "annotate":
            return AnnotateState(self, steps)
        return self.to(steps, (*self.operations, (steps, None)), done=True)


class KeyState(State):
    """After the keyword of a list: the key."""

    def __init__(self, place: PlaceState, node: Node, here: Tree) -> None:
        self.place = place
        self.node = node
        self.here = here

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.place.steps

    def ends(self) -> bool:
        return self.place.verb in ("delete", "show", "activate", "deactivate", "wildcard") and not self.node.bare

    def result(self) -> tuple[Operation, ...]:
        return (((*self.place.steps, (self.node, None)), None),)

    def choices(self) -> list[Choice]:
        def enter(key: str) -> State:
            return self.place.to((*self.place.steps, (self.node, key)))

        found = [Choice(self.node.help, enter, word=key, known=True, mark=">") for key in
                 keys(self.node, self.here.get(self.node.name, {}))]  # fmt: skip
        found.append(Choice(self.node.help, enter, type_=self.node.type, mark=">"))
        if self.place.verb == "wildcard":
            found.append(Choice("Pattern of names", enter, type_=text, mark=">"))
        elif self.place.steps and self.place.steps[0][0].name == GROUPS:
            found.append(Choice(self.node.help, enter, type_=WILDCARD, mark=">"))
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
        if self.place.verb == "insert":
            return TargetState(self.place, (*self.place.steps, (self.node, value)))
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


class AnnotateState(State):
    """After a leaf's name: the annotation."""

    def __init__(self, place: PlaceState, steps: tuple[Step, ...]) -> None:
        self.place = place
        self.steps = steps

    def choices(self) -> list[Choice]:
        return [Choice("Text of the annotation", lambda value: self.place._annotated(self.steps, value), type_=text)]


class TargetState(State):
    """After an entry, or a value of a leaf-list: `to`, `before` or `after`; then the other one."""

    def __init__(self, place: PlaceState, steps: tuple[Step, ...], word: str = "", *, named: bool = False) -> None:
        self.place = place
        self.steps = steps
        self.word = word
        self.named = named

    @staticmethod
    def words(place: PlaceState, steps: tuple[Step, ...]) -> list[Choice]:
        node = steps[-1][0]
        if place.verb == "insert" and not (node.ordered or node.kind == LEAVES):
            return []
        return [Choice(WORD_HELP[word], lambda taken: TargetState(place, steps, taken), word=word) for word in WORDS[place.verb]]

    def choices(self) -> list[Choice]:
        node = self.steps[-1][0]
        if not self.word:
            return self.words(self.place, self.steps)
        if not self.named and not node.bare and not node.gathered and node.kind == LIST:
            return [Choice(node.help, lambda _: TargetState(self.place, self.steps, self.word, named=True), word=node.name)]

        def enter(key: str) -> State:
            operations = ((self.steps, None), ((*self.steps[:-1], (node, key)), self.word))
            return self.place.to(self.place.steps, operations, done=True)

        here = get(self.place.tree, self.steps[:-1]) if len(self.steps) > 1 else self.place.tree
        known = here.get(node.name, {}) if isinstance(here, dict) and self.word != "to" else ()
        found = [Choice(node.help, enter, word=key, known=True) for key in known if key != self.steps[-1][1]]
        found.append(Choice(node.help, enter, type_=node.type))
        if self.steps[0][0].name == GROUPS:
            found.append(Choice(node.help, enter, type_=WILDCARD))
        return found
