"""Matching, completing and explaining a line of words, for commands and statements alike.

A `State` says what may come next (`choices`) and whether Enter may be pressed (`ends`). Everything the user sees of
syntax - help, completion, abbreviations, carets - is computed here from states, so that there is one behaviour.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .tokens import Token
    from .valuetypes import Type


class Choice:
    """One thing that may come next: a keyword (`word`), or a value of `type`. `known` values are offered, never abbreviated.
    `aside`: possible everywhere, so errors do not name it."""

    __slots__ = ("aside", "help", "hidden", "known", "mark", "next", "type", "word")

    def __init__(
        self,
        help_: str,
        next_: Callable[[str], State],
        *,
        word: str = "",
        type_: Type | None = None,
        known: bool = False,
        hidden: bool = False,
        mark: str = " ",
        aside: bool = False,
    ) -> None:
        self.aside = aside
        self.help = help_
        self.next = next_
        self.word = word
        self.type = type_
        self.known = known
        self.hidden = hidden
        self.mark = mark


class State:
    """Where a line has come to. Subclasses say what may follow."""

    def choices(self) -> list[Choice]:
        return []

    def ends(self) -> bool:
        """May the line end here?"""
        return False

    def refuse(self, token: Token) -> str:
        """Why `token` can't be here; the words of the error."""
        return ""


class Mismatch(Exception):
    """The line is wrong: at `column`, for `reason`, with the possible words when there are several."""

    def __init__(self, column: int, reason: str, possible: list[tuple[str, str]] | None = None) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.possible = possible or []


def expected(state: State) -> str:
    """Short text of what may come, for errors."""
    found = []
    for choice in state.choices():
        if choice.hidden or choice.known or choice.aside:
            continue
        found.append(f"<{choice.type.label}>" if choice.type is not None else choice.word)
    if len(found) > 6:
        return ""
    return " or ".join(found) if len(found) < 3 else ", ".join(found[:-1]) + " or " + found[-1]


def step(state: State, token: Token) -> State:
    """The state after one word; Mismatch when it can't stand here."""
    choices = state.choices()
    keywords = [choice for choice in choices if choice.word and not choice.known]
    if not token.quoted:
        for choice in keywords:
            if choice.word == token.text:
                return choice.next(choice.word)
    reasons = []
    values = [choice for choice in choices if choice.type is not None]
    near = [] if token.quoted else [choice for choice in keywords if choice.word.startswith(token.text) and not choice.hidden]
    if len({choice.word for choice in near}) == 1:
        return near[0].next(near[0].word)
    if not near:
        for choice in values:
            assert choice.type is not None
            try:
                return choice.next(choice.type.check(token.text))
            except ValueError as error:
                reasons.append(str(error))
    if len(near) > 1:
        raise Mismatch(token.column, f"'{token.text}' is ambiguous.", [(choice.word, choice.help) for choice in near])
    if reasons and all(choice.aside for choice in keywords):
        raise Mismatch(token.column, reasons[0])
    special = state.refuse(token)
    if special:
        raise Mismatch(token.column, special)
    if not choices:
        raise Mismatch(token.column, "syntax error, expecting end of line.")
    wanted = expected(state)
    reason = f"syntax error, expecting {wanted}." if wanted else "syntax error."
    raise Mismatch(token.column, reason + nearest(token.text, keywords))


def nearest(word: str, keywords: list[Choice]) -> str:
    """The keyword that was probably meant, as a sentence to add; empty when none is near."""
    import difflib

    found = difflib.get_close_matches(word, [choice.word for choice in keywords if not choice.hidden], 1)
    return f" Did you mean '{found[0]}'?" if found else ""


def match(state: State, tokens: list[Token], end: int) -> State:
    """The state after the whole line; Mismatch also when something is still missing (its column is `end`)."""
    for token in tokens:
        state = step(state, token)
    if not state.ends():
        wanted = expected(state)
        raise Mismatch(end, f"missing argument, expecting {wanted}." if wanted else "missing argument.")
    return state


class Assistance:
    """What `?`, Tab or Space bring: text to insert at the cursor, and lines to show."""

    __slots__ = ("insert", "lines")

    def __init__(self, insert: str, lines: list[str]) -> None:
        self.insert = insert
        self.lines = lines


def common(words: list[str]) -> str:
    """The longest text that all begin with."""
    shortest = min(words, key=len)
    for index, character in enumerate(shortest):
        if any(word[index] != character for word in words):
            return shortest[:index]
    return shortest


def possible(state: State, partial: str, *, pipe: bool = True) -> list[tuple[str, str]]:
    """(shown, help) rows of what may come next and begins with `partial`."""
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    for choice in state.choices():
        if choice.word and choice.word.startswith(partial) and not choice.hidden and choice.word not in seen:
            seen.add(choice.word)
            rows.append((choice.mark + " " + choice.word, choice.help))
    for choice in state.choices():
        if choice.type is not None and (not partial or _could(choice.type, partial)) and not choice.hidden:
            row = (f"{choice.mark} <{choice.type.label}>", choice.help)
            if row not in rows:
                rows.append(row)
    if not partial and state.ends():
        rows.insert(0, ("  <[Enter]>", "Execute this command"))
        if pipe:
            rows.append(("  |", "Pipe through a command"))
    return rows


def _could(type_: Type, partial: str) -> bool:
    """A value being typed is shown as possible unless it is surely a keyword."""
    return type_.choices is None and bool(partial)


def assist(state: State, tokens: list[Token], partial: Token | None, key: str, end: int) -> Assistance:
    """Answer a help key. `partial` is the word under the cursor, None after a blank. `key` is `?`, Tab or Space."""
    try:
        for token in tokens:
            state = step(state, token)
    except Mismatch as error:
        return Assistance("", caret(error))
    if partial is not None and partial.quoted:
        return Assistance(" " if key == " " else "", [])
    text = partial.text if partial is not None else ""
    words = sorted(
        {choice.word for choice in state.choices() if choice.word.startswith(text) and choice.word and not choice.hidden}
    )
    keywords = sorted(
        {
            choice.word
            for choice in state.choices()
            if choice.word.startswith(text) and choice.word and not choice.hidden and not choice.known
        }
    )
    exact = any(choice.word == text for choice in state.choices())
    takes_value = any(choice.type is not None and choice.type.choices is None for choice in state.choices())
    if key == " ":
        return _space(state, partial, text, exact, keywords, takes_value)
    if key == "\t" and partial is not None:
        if exact and len(words) == 1:
            return Assistance(" ", [])
        if len(words) == 1:
            return Assistance(words[0][len(text) :] + " ", [])
        if words and len(common(words)) > len(text):
            return Assistance(common(words)[len(text) :], [])
    rows = possible(state, text)
    if not rows:
        return Assistance("", _refusal(state, partial, end))
    return Assistance("", table(rows))


def _space(state: State, partial: Token | None, text: str, exact: bool, keywords: list[str], takes_value: bool) -> Assistance:
    """Space completes an unambiguous keyword, and complains of an ambiguous or unknown one."""
    if partial is None or exact:
        return Assistance(" ", [])
    if len(keywords) == 1:
        return Assistance(keywords[0][len(text) :] + " ", [])
    if takes_value:
        return Assistance(" ", [])
    if len(keywords) > 1:
        rows = possible(state, text)
        return Assistance("", [" " * partial.column + "^", f"'{text}' is ambiguous.", *table(rows)])
    return Assistance("", _refusal(state, partial, partial.column))


def _refusal(state: State, partial: Token | None, end: int) -> list[str]:
    if partial is None:
        return caret(Mismatch(end, "syntax error, expecting end of line."))
    try:
        step(state, partial)
    except Mismatch as error:
        return caret(error)
    return table([("  <[Enter]>", "Execute this command")])


def caret(error: Mismatch) -> list[str]:
    """A line with `^` under the word (the shower adds the prompt's width), the reason, and what would be possible."""
    return ["\x01" + " " * error.column + "^", error.reason, *(table([("  " + word, text) for word, text in error.possible]))]


def table(rows: list[tuple[str, str]]) -> list[str]:
    """`Possible completions:` in two columns."""
    if not rows:
        return []
    width = max(20, *(len(shown) + 2 for shown, _ in rows))
    return ["Possible completions:", *(f"{shown:<{width}} {text}".rstrip() for shown, text in rows)]
