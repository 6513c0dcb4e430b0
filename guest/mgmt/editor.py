"""A line editor for terminals and plain serial lines: history, editing keys, help at once on `?`, completion on Tab and Space."""

from __future__ import annotations

import os
import select
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HISTORY = 200
ESCAPES = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "[1~": "home",
    "[4~": "end",
    "[3~": "delete",
    "[7~": "home",
    "[8~": "end",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "OH": "home",
    "OF": "end",
    "b": "word-left",
    "f": "word-right",
    "d": "delete-word",
    "\x7f": "erase-word",
}
CONTROLS = {
    "\x01": "home",
    "\x02": "left",
    "\x03": "interrupt",
    "\x04": "delete-or-end",
    "\x05": "end",
    "\x06": "right",
    "\x08": "erase",
    "\x0b": "kill",
    "\x0c": "redraw",
    "\x0e": "down",
    "\x10": "up",
    "\x12": "search",
    "\x15": "kill-line",
    "\x17": "erase-word",
    "\x18": "kill-line",
    "\x19": "yank",
    "\x1a": "suspend",
    "\x7f": "erase",
    "\r": "enter",
    "\n": "enter",
}


class Editor:
    """Reads lines from descriptor 0. `assist(key, text left of the cursor)` gives (text to insert, lines to show)."""

    def __init__(self, assist: Callable[[str, str], tuple[str, str]]) -> None:
        self._assist = assist
        self._saved: list[Any] | None = None
        self._pending = ""
        self._bytes = b""
        self._history: list[str] = []
        self._killed = ""
        self._prompt = ""
        self._text = ""
        self._at = 0
        self._row = 0
        """Screen rows between the prompt's and the cursor's."""

    # ---- the terminal

    def start(self) -> None:
        """Keys one by one, no echo; output stays as it is."""
        self._saved = termios.tcgetattr(0)
        fresh = termios.tcgetattr(0)
        fresh[0] &= ~(termios.ICRNL | termios.IXON | termios.INLCR)
        fresh[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
        fresh[6][termios.VMIN] = 1
        fresh[6][termios.VTIME] = 0
        termios.tcsetattr(0, termios.TCSADRAIN, fresh)

    def stop(self) -> None:
        if self._saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
            self._saved = None

    def size(self) -> tuple[int, int]:
        """(lines, columns); a serial line that doesn't know has 24 by 80."""
        try:
            found = os.get_terminal_size(1)
        except OSError:
            return 24, 80
        return found.lines or 24, found.columns or 80

    def _put(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(1, data) :]

    def _waiting(self, seconds: float = 0.0) -> bool:
        return bool(self._pending or self._bytes) or bool(select.select([0], [], [], seconds)[0])

    def _character(self) -> str:
        """The next character typed; empty at the end of input."""
        while not self._pending:
            part = os.read(0, 4096)
            if not part:
                return ""
            self._bytes += part
            try:
                self._pending, self._bytes = self._bytes.decode(), b""
            except UnicodeDecodeError as error:
                if error.start == 0 and len(self._bytes) >= 4:
                    self._pending, self._bytes = self._bytes.decode("utf-8", "replace"), b""
                else:
                    self._pending, self._bytes = self._bytes[: error.start].decode(), self._bytes[error.start :]
        character, self._pending = self._pending[0], self._pending[1:]
        return character

    def _key(self) -> str:
        """A printable character, or the name of a key between < and >."""
        character = self._character()
        if not character:
            return "<hang-up>"
        if character in CONTROLS:
            return f"<{CONTROLS[character]}>"
        if character != "\x1b":
            return character if character >= " " or character == "\t" else "<nothing>"
        sequence = ""
        while self._waiting(0.1) and len(sequence) < 8:
            sequence += self._character()
            if sequence in ESCAPES:
                return f"<{ESCAPES[sequence]}>"
            if sequence[0] not in "[O" or (len(sequence) > 1 and sequence[-1].isalpha()) or sequence[-1] == "~":
                break
        return "<nothing>"

    # ---- small dialogues

    def ask(self, prompt: str, echo: bool) -> str | None:
        """One answer; None when the user gives up. What is not echoed never enters the history."""
        self._put(prompt)
        text = ""
        while True:
            key = self._key()
            if key in ("<enter>", "<interrupt>", "<hang-up>", "<delete-or-end>"):
                self._put("\n")
                return text if key == "<enter>" else None
            if key == "<erase>" and text:
                text = text[:-1]
                self._put("\b \b" if echo else "")
            elif key == "<kill-line>":
                self._put("\b \b" * len(text) if echo else "")
                text = ""
            elif len(key) == 1:
                text += key
                self._put(key if echo else "")

    def more(self) -> str:
        """At the end of a screen; `q` when the user has enough."""
        self._put("---(more)---")
        while True:
            key = self._key()
            if key in ("q", "Q", "<interrupt>", "<hang-up>"):
                self._put("\r\x1b[K")
                return "q"
            if key in (" ", "<enter>", "<right>", "<down>"):
                self._put("\r\x1b[K")
                return " "

    # ---- the line

    def line(self, prompt: str) -> str | None:
        """A line; None at ^D on an empty one or when the terminal is gone."""
        self._prompt, self._text, self._at, self._row = prompt, "", 0, 0
        place = len(self._history)
        draft = ""
        self._put(prompt)
        while True:
            key = self._key()
            if key == "<enter>":
                return self._finish()
            if key == "<hang-up>" or (key == "<delete-or-end>" and not self._text):
                self._put("\n")
                return None
            if key == "<interrupt>":
                self._move(len(self._text))
                self._put("^C\n")
                self._text, self._at, self._row = "", 0, 0
                return ""
            if key in ("<up>", "<down>"):
                if place == len(self._history):
                    draft = self._text
                place = max(0, min(len(self._history), place + (-1 if key == "<up>" else 1)))
                self._replace(self._history[place] if place < len(self._history) else draft)
            elif key == "<search>":
                self._search()
            elif len(key) == 1:
                self._typed(key)
            else:
                self._edit(key)

    def _finish(self) -> str:
        self._move(len(self._text))
        self._put("\n")
        line = self._text
        if line.strip() and (not self._history or self._history[-1] != line) and "plain-text-password-value" not in line:
            self._history.append(line)
            del self._history[:-HISTORY]
        return line

    def _quoted(self) -> bool:
        return self._text[: self._at].replace('\\"', "").count('"') % 2 == 1

    def _typed(self, key: str) -> None:
        if (key in "?\t" and not self._quoted()) or (
            key == " " and not self._quoted() and self._at == len(self._text) and not self._waiting()
        ):
            self._help(key)
        elif key != "\t":
            self._insert(key)

    def _help(self, key: str) -> None:
        insert, lines = self._assist(key, self._text[: self._at])
        if insert:
            self._insert(insert)
        if lines:
            end = len(self._text)
            here = self._at
            self._move(end)
            self._put(("?" if key == "?" else "") + "\n" + lines + "\n")
            self._row = 0
            self._put(self._prompt + self._text)
            self._at = end
            self._row = self._rows(end)
            self._move(here)

    def _insert(self, text: str) -> None:
        self._text = self._text[: self._at] + text + self._text[self._at :]
        if self._at + len(text) == len(self._text):
            self._put(text)
            self._at = len(self._text)
            self._row = self._rows(self._at)
            self._wrap()
        else:
            self._at += len(text)
            self._redraw()

    def _wrap(self) -> None:
        """A terminal that stands behind its last column is brought to the next row, so that rows can be counted."""
        if (len(self._prompt) + self._at) % self.size()[1] == 0:
            self._put(" \b")

    def _rows(self, at: int) -> int:
        return (len(self._prompt) + at) // self.size()[1]

    def _redraw(self) -> None:
        up = f"\x1b[{self._row}A" if self._row else ""
        self._put(f"{up}\r{self._prompt}{self._text}\x1b[K")
        self._row = self._rows(len(self._text))
        if (len(self._prompt) + len(self._text)) % self.size()[1] == 0:
            self._put(" \b")
        self._put("\x1b[J")
        here, self._at = self._at, len(self._text)
        self._move(here)

    def _move(self, to: int) -> None:
        """Bring the cursor to another place in the text."""
        width = self.size()[1]
        row, column = divmod(len(self._prompt) + to, width)
        if row == self._row:
            distance = to - self._at
            self._put("\b" * -distance if distance < 0 else self._text[self._at : to])
        else:
            self._put(f"\x1b[{self._row - row}A" if row < self._row else f"\x1b[{row - self._row}B")
            self._put("\r" + (f"\x1b[{column}C" if column else ""))
        self._at, self._row = to, row

    def _replace(self, text: str) -> None:
        self._move(0)
        self._text = text
        self._at = len(text)
        self._redraw()

    def _word_left(self) -> int:
        at = self._at
        while at and self._text[at - 1] == " ":
            at -= 1
        while at and self._text[at - 1] != " ":
            at -= 1
        return at

    def _word_right(self) -> int:
        at = self._at
        while at < len(self._text) and self._text[at] == " ":
            at += 1
        while at < len(self._text) and self._text[at] != " ":
            at += 1
        return at

    def _cut(self, start: int, end: int) -> None:
        """Delete from `start` to `end`; the cursor goes to `start`."""
        if start == end:
            return
        last = end == len(self._text) and start == end - 1 and self._at == end and (len(self._prompt) + end) % self.size()[1] != 0
        self._text = self._text[:start] + self._text[end:]
        if last:
            self._put("\b \b")
            self._at = start
        else:
            self._move(start)
            self._redraw()

    def _edit(self, key: str) -> None:
        end = len(self._text)
        if key in ("<left>", "<right>", "<home>", "<end>", "<word-left>", "<word-right>"):
            targets = {"<left>": max(0, self._at - 1), "<right>": min(end, self._at + 1), "<home>": 0, "<end>": end}
            self._move(targets[key] if key in targets else self._word_left() if key == "<word-left>" else self._word_right())
        elif key == "<erase>":
            self._cut(max(0, self._at - 1), self._at)
        elif key in ("<delete>", "<delete-or-end>"):
            self._cut(self._at, min(end, self._at + 1))
        elif key == "<yank>":
            self._insert(self._killed)
        elif key == "<redraw>":
            self._put("\x1b[H\x1b[2J")
            self._row = 0
            self._redraw()
        elif key in ("<erase-word>", "<kill-line>", "<kill>", "<delete-word>"):
            start, stop = {
                "<erase-word>": (self._word_left(), self._at),
                "<kill-line>": (0, end),
                "<kill>": (self._at, end),
                "<delete-word>": (self._at, self._word_right()),
            }[key]
            self._killed = self._text[start:stop]
            self._cut(start, stop)

    def _search(self) -> None:
        """^R: the newest line of the history that holds what is typed."""
        prompt, wanted, back = self._prompt, "", 1
        found = self._text
        while True:
            self._move(0)
            self._prompt = f"(history search '{wanted}'): "
            self._text, self._at = found, len(found)
            self._redraw()
            key = self._key()
            if key == "<search>":
                back += 1
            elif len(key) == 1 and key != "\t":
                wanted, back = wanted + key, 1
            elif key == "<erase>":
                wanted, back = wanted[:-1], 1
            else:
                break
            hits = [line for line in reversed(self._history) if wanted in line]
            if hits:
                back = min(back, len(hits))
                found = hits[back - 1]
        self._move(0)
        self._prompt = prompt
        self._text, self._at = ("", 0) if key == "<interrupt>" else (found, len(found))
        self._redraw()
        if key == "<enter>":
            self._pending = "\r" + self._pending
