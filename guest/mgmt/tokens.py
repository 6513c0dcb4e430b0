"""A command line cut into words, each with the column where it starts."""

from __future__ import annotations


class Token:
    """One word. `column` counts characters from 0; `quoted` words are never operators or abbreviations."""

    __slots__ = ("column", "quoted", "text")

    def __init__(self, text: str, column: int, quoted: bool = False) -> None:
        self.text = text
        self.column = column
        self.quoted = quoted

    def __repr__(self) -> str:
        return f"Token({self.text!r}, {self.column})"


class UnclosedQuote(ValueError):
    """A `"` with no partner; `column` says where."""

    def __init__(self, column: int) -> None:
        super().__init__("missing closing quote")
        self.column = column


ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def quoted_word(line: str, start: int) -> tuple[str, int]:
    """The word whose opening quote is at `start`, and the position after its closing quote."""
    out: list[str] = []
    at = start + 1
    while at < len(line):
        character = line[at]
        if character == "\\" and at + 1 < len(line):
            # Other escapes stay as they are: patterns are full of them.
            out.append(ESCAPES.get(line[at + 1], line[at : at + 2]))
            at += 2
            continue
        if character == '"':
            return "".join(out), at + 1
        out.append(character)
        at += 1
    raise UnclosedQuote(start)


def split(line: str, *, operators: str = "|") -> list[Token]:
    """Words of a line. Characters in `operators` are words of their own when not quoted; `[` and `]` too when alone."""
    found: list[Token] = []
    at = 0
    while at < len(line):
        character = line[at]
        if character.isspace():
            at += 1
        elif character == '"':
            text, end = quoted_word(line, at)
            found.append(Token(text, at, True))
            at = end
        elif character in operators or character in "[]":
            found.append(Token(character, at))
            at += 1
        else:
            end = at + wildcard(line, at)
            while end < len(line) and not line[end].isspace() and line[end] not in operators and line[end] not in '[]"':
                end += 1
            found.append(Token(line[at:end], at))
            at = end
    return found


def wildcard(line: str, at: int) -> int:
    """Characters of a `<...>` that begins at `at` (it may hold brackets: `<ge-0/0/[0-3]>`); 0 when there is none."""
    if line[at] != "<":
        return 0
    end = line.find(">", at)
    inner = line[at : end + 1]
    return 0 if end < 0 or any(character.isspace() or character in '|;{}"' for character in inner) else len(inner)


def commands(text: str) -> list[str]:
    """Commands parted by `;` or line ends, outside quotes (for `cli -c` and batch input)."""
    found: list[str] = []
    word = ""
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        if character == "\n" or (character == ";" and not quoted):
            found.append(word)
            word = ""
            quoted = False
        else:
            word += character
    found.append(word)
    return [command.strip() for command in found if command.strip()]


def quote(text: str) -> str:
    """The text as it must be written in a configuration: in quotes when it has to be."""
    if text and all(character.isalnum() or character in "-_./:@+,%*<>=~?" for character in text):
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{inner}"'
