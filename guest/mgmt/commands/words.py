"""How a command is declared, and the state that matches it."""

from __future__ import annotations

from ..grammar import Choice, State
from ..statements import PlaceState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session
    from ..statements import Operation
    from ..tokens import Token
    from ..valuetypes import Type

    Given = dict[str, str]
    Run = Callable[[Session, Given, tuple[Operation, ...]], None]

LEVELS = {"read-only": 1, "operator": 2, "super-user": 3}
VIEW, OPERATE, CONFIGURE = 1, 2, 3


class Argument:
    """A value by position. `known` gives values to offer."""

    __slots__ = ("help", "known", "mandatory", "name", "type")

    def __init__(self, name: str, type_: Type, help_: str, *, mandatory: bool = False,
                 known: Callable[[Session], list[str]] | None = None) -> None:  # fmt: skip
        self.name = name
        self.type = type_
        self.help = help_
        self.mandatory = mandatory
        self.known = known


class Option:
    """`name`, or `name VALUE` when it has a type; any order, each once. `early`: possible before the mandatory arguments too.
    `optional`: the value may be left out, it is "" then."""

    __slots__ = ("early", "help", "name", "optional", "type")

    def __init__(self, name: str, help_: str, type_: Type | None = None, *, early: bool = False, optional: bool = False) -> None:
        self.optional = optional
        self.early = early
        self.name = name
        self.help = help_
        self.type = type_


class Word:
    """A word of a command. `statement` is the verb (set, show, ...) when configuration statements follow it."""

    __slots__ = ("arguments", "children", "help", "hidden", "level", "name", "options", "run", "statement")

    def __init__(self, name: str, help_: str, *children: Word, run: Run | None = None, arguments: tuple[Argument, ...] = (),
                 options: tuple[Option, ...] = (), level: int = VIEW, statement: str = "",
                 hidden: bool = False) -> None:  # fmt: skip
        self.hidden = hidden
        """Typed by programs, not by people: accepted in full, never offered."""
        self.name = name
        self.help = help_
        self.children = children
        self.run = run
        self.arguments = arguments
        self.options = options
        self.level = level
        self.statement = statement


class Late(Word):
    """A word whose children are made when somebody first looks for them: a router boots without them. `of` is `module.NAME` of
    this package, a tuple of words."""

    __slots__ = ("_of", "_words")

    def __init__(self, name: str, help_: str, of: str, *, level: int = VIEW) -> None:
        self._of = of
        self._words: tuple[Word, ...] | None = None
        super().__init__(name, help_, level=level)

    @property
    def children(self) -> tuple[Word, ...]:
        if self._words is None:
            from importlib import import_module

            module, _, name = self._of.rpartition(".")
            self._words = tuple(getattr(import_module(f"{__package__}.{module}"), name))
        return self._words

    @children.setter
    def children(self, words: tuple[Word, ...]) -> None:
        pass


class CommandState(State):
    """After some words of a command."""

    def __init__(self, session: Session, word: Word, given: Given | None = None, index: int = 0, *, top: bool = True,
                 open_: Option | None = None) -> None:  # fmt: skip
        self.open = open_
        """The option that was the last word, when its value may follow."""
        self.session = session
        self.word = word
        self.given = given or {}
        self.index = index
        self.top = top

    def ends(self) -> bool:
        if self.word.run is None or self.word.statement not in ("", "delete", "show"):
            return False
        return not any(argument.mandatory for argument in self.word.arguments[self.index :])

    def command(self) -> tuple[Word, Given, tuple[Operation, ...]]:
        return self.word, self.given, ()

    def refuse(self, token: Token) -> str:
        if self.top and not self.word.run:
            return "unknown command."
        return ""

    def choices(self) -> list[Choice]:
        found = []
        if self.open is not None:
            found.append(Choice(self.open.help, self._taken(self.open.name, self.index), type_=self.open.type))
        if not self.given:
            found += [self._word(child) for child in self.word.children if child.level <= self.session.level]
        if self.index < len(self.word.arguments):
            argument = self.word.arguments[self.index]
            follow = self._taken(argument.name, self.index + 1)
            found += [Choice(argument.help, follow, word=value, known=True) for value in self._known(argument)]
            if argument.type.choices is not None:
                found += [Choice(help_, follow, word=word) for word, help_ in argument.type.choices.items()]
            else:
                found.append(Choice(argument.help, follow, type_=argument.type))
        missing = self.index < len(self.word.arguments) and self.word.arguments[self.index].mandatory
        for option in self.word.options:
            if option.name not in self.given and (option.early or not missing):
                found.append(self._option(option))
        found.sort(key=lambda choice: choice.word)
        if self.word.statement and not self.given and self.index == 0:
            place = self.session.place(self.word.statement)
            found += [_follow(self, choice) for choice in place.choices()]
        return found

    def _known(self, argument: Argument) -> list[str]:
        return argument.known(self.session) if argument.known is not None else []

    def _word(self, child: Word) -> Choice:
        def enter(_: str) -> State:
            if child.statement and child.run is None:
                raise ValueError("a word with statements must have run")
            return CommandState(self.session, child, top=False)

        return Choice(child.help, enter, word=child.name, hidden=child.hidden)

    def _taken(self, name: str, index: int) -> Callable[[str], State]:
        def take(value: str) -> State:
            return CommandState(self.session, self.word, {**self.given, name: value}, index, top=False)

        return take

    def _option(self, option: Option) -> Choice:
        def enter(_: str) -> State:
            if option.type is None:
                return self._taken(option.name, self.index)("")
            if option.optional:
                given = {**self.given, option.name: ""}
                return CommandState(self.session, self.word, given, self.index, top=False, open_=option)
            return OptionState(self, option)

        return Choice(option.help, enter, word=option.name)


class OptionState(State):
    """After an option's name: its value."""

    def __init__(self, command: CommandState, option: Option) -> None:
        self.owner = command
        self.option = option

    def choices(self) -> list[Choice]:
        take = self.owner._taken(self.option.name, self.owner.index)
        assert self.option.type is not None
        if self.option.type.choices is not None:
            return [Choice(help_, take, word=word) for word, help_ in self.option.type.choices.items()]
        return [Choice(self.option.help, take, type_=self.option.type)]


class FollowState(State):
    """Configuration statements after a command's word."""

    def __init__(self, owner: CommandState, inner: State) -> None:
        self.owner = owner
        self.inner = inner

    def ends(self) -> bool:
        return self.inner.ends()

    def refuse(self, token: Token) -> str:
        return self.inner.refuse(token)

    def choices(self) -> list[Choice]:
        return [_follow(self.owner, choice) for choice in self.inner.choices()]

    def command(self) -> tuple[Word, Given, tuple[Operation, ...]]:
        result = getattr(self.inner, "result", None)
        assert result is not None
        return self.owner.word, self.owner.given, result()


def _follow(owner: CommandState, choice: Choice) -> Choice:
    return Choice(choice.help, lambda value: FollowState(owner, choice.next(value)), word=choice.word, type_=choice.type,
                  known=choice.known, hidden=choice.hidden, mark=choice.mark, aside=choice.aside)  # fmt: skip


__all__ = [
    "CONFIGURE",
    "LEVELS",
    "OPERATE",
    "VIEW",
    "Argument",
    "CommandState",
    "FollowState",
    "Late",
    "Option",
    "PlaceState",
    "Word",
]
