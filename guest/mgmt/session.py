"""One user at one prompt: mode, place in the configuration, and how a line is run."""

from __future__ import annotations

import itertools
import time

from . import tree as trees
from .commands import configuration, operational
from .commands.pipes import PIPES
from .commands.pipes import apply as filtered
from .commands.words import LEVELS, CommandState, FollowState
from .grammar import Assistance, Mismatch, State, assist, caret, match
from .refused import Refused
from .rights import denied, level_of, spelled
from .statements import PlaceState
from .tokens import Token, UnclosedQuote, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .commands.words import Word
    from .datastore import Datastore
    from .statements import Operation
    from .tree import Step, Tree

    class Channel(Protocol):
        """The user's end: what the daemon can ask of the client program, which acts with the user's own rights."""

        tty: bool
        """A person is there: ask, greet, page."""
        echoed: bool
        """The command stands on the screen, behind its prompt: a caret points up at it."""

        def text(self, text: str, *, paging: bool = False) -> None: ...
        def ask(self, prompt: str, *, echo: bool) -> str | None: ...
        def run(self, argv: list[str], *, capture: bool) -> tuple[int, str]: ...
        def terminal(self) -> str | None: ...
        def read(self, path: str) -> str: ...
        def write(self, path: str, text: str) -> None: ...


_numbers = itertools.count(1)
LIFTED = (
    "activate",
    "annotate",
    "copy",
    "deactivate",
    "delete",
    "edit",
    "insert",
    "load",
    "rename",
    "replace",
    "save",
    "set",
    "show",
)
"""Commands that may follow `top` and `up`."""


class Session:
    """`execute` runs a line, `assist` answers help keys, `prompt` says what to show next."""

    def __init__(self, datastore: Datastore, channel: Channel, user: str, terminal: str = "") -> None:
        self.datastore: Datastore = datastore
        self.channel = channel
        self.user = user
        self.terminal = terminal
        self.number = next(_numbers)
        self.configuring = False
        self.steps: tuple[Step, ...] = ()
        self.stages: list[tuple[str, dict[str, str]]] = []
        self.screen_length = -1
        """Lines of the screen; 0 never pages, -1 is what the terminal says."""
        self.screen_width = -1
        self.complete_on_space = True
        self.timestamp = ""
        """How the time before each command's output is written (strftime); empty: it is not."""
        self.closed = False
        self.ok = True
        self.notices: list[str] = []
        """What the router has to say to its users: shown after their next command."""
        self._buffer: list[str] = []

    # ---- who and where

    @property
    def level(self) -> int:
        """Rights of the user, by the class in the active configuration. root has all."""
        if self.user == "root":
            return LEVELS["super-user"]
        return level_of(self.datastore.running, self.user)

    @property
    def host_name(self) -> str:
        name = self.datastore.running.get("system", {}).get("host-name")
        if name is None:
            name = (self.datastore.world.read("/etc/hostname") or "").strip()
        return name if name and name != "localhost" else ""

    def banner(self) -> str:
        """The lines before a configuration prompt."""
        if not self.configuring:
            return ""
        left = self.datastore.unconfirmed
        pending = f"# commit confirmed will be rolled back in {max(1, -int(-left // 60))} minutes\n" if left is not None else ""
        return pending + " ".join(["[edit", *trees.words(self.steps)]) + "]"

    def prompt(self) -> str:
        at = f"{self.user}@{self.host_name}" if self.host_name else self.user
        return f"{at}{'#' if self.configuring else '>'} "

    def place(self, verb: str) -> PlaceState:
        store = self.datastore
        if not self.configuring:
            return PlaceState(verb, store.schema, store.active)
        return PlaceState(verb, store.schema, store.tree(self.number), self.steps, start=len(self.steps))

    def here(self) -> Tree:
        """The candidate's tree at the edit level."""
        candidate = self.datastore.tree(self.number)
        found = trees.get(candidate, self.steps) if self.steps else candidate
        return found if isinstance(found, dict) else {}

    def root(self) -> Word:
        return configuration.ROOT if self.configuring else operational.ROOT

    # ---- output

    def out(self, text: str) -> None:
        """Text of a command; it goes through the pipes when the command ends."""
        self._buffer.append(text if text.endswith("\n") or not text else text + "\n")

    def fail(self, *lines: str) -> None:
        """Say what went wrong; the command counts as failed. Errors don't go through pipes."""
        self.ok = False
        self.channel.text("".join(line + "\n" for line in lines))

    def paging(self) -> bool:
        return not any(name == "no-more" for name, _ in self.stages)

    def displays_set(self) -> bool:
        return any(name == "set" for name, _ in self.stages)

    # ---- lines

    def execute(self, line: str) -> bool:
        """Run one line; False when it failed."""
        self.ok = True
        self.stages = []
        self._buffer = []
        level = self.steps
        try:
            words = split(line)
            if not words or words[0].text.startswith("#"):
                return True
            words = self._lifted(words)
            lifted = self.steps is not level
            word, given, operations = self._parse(line, words)
            assert word.run is not None
            if self.timestamp:
                self.channel.text(time.strftime(self.timestamp) + "\n")
            word.run(self, given, operations)
            if lifted and word.statement != "edit" and self.configuring:
                self.steps = level
        except UnclosedQuote as error:
            self._complain(line, Mismatch(error.column, f"syntax error, {error}."))
        except Mismatch as error:
            self.steps = level
            self._complain(line, error)
        except Refused as error:
            self.steps = level
            self.fail(*error.lines)
        self._flush()
        self._announce()
        return self.ok

    def _announce(self) -> None:
        if self.notices and self.channel.tty:
            self.channel.text("".join(f"\nBroadcast Message from root@{self.host_name}\n\n{text}\n\n" for text in self.notices))
        self.notices.clear()

    def _lifted(self, words: list[Token]) -> list[Token]:
        """`top set ...` and `up 2 show ...`: go there, and the words that are run there. The caller goes back."""
        if not self.configuring or words[0].quoted or words[0].text not in ("top", "up"):
            return words
        count = 2 if words[0].text == "up" and len(words) > 1 and words[1].text.isdigit() else 1
        if len(words) <= count or words[count].text == "|" or words[count].text not in LIFTED:
            return words
        levels = len(self.steps) if words[0].text == "top" else int(words[1].text[:4]) if count == 2 else 1
        self.steps = self.steps[: max(0, len(self.steps) - levels)]
        return words[count:]

    def _parse(self, line: str, words: list[Token]) -> tuple[Word, dict[str, str], tuple[Operation, ...]]:
        segments = _segments(words)
        ends = [segment[0].column - 2 for segment in segments[1:] if segment] + [len(line)]
        begin = CommandState(self, self.root())
        state = match(begin, segments[0], max(ends[0], 0))
        if self.user != "root" and denied(self.datastore.running, self.user, spelled(begin, segments[0])):
            raise Mismatch(0, "permission denied.")
        for segment in segments[1:]:
            piped = match(CommandState(self, PIPES), segment, len(line))
            assert isinstance(piped, CommandState)
            self.stages.append((piped.word.name, piped.given))
        if not isinstance(state, (CommandState, FollowState)):
            raise Mismatch(len(line), "missing argument.")
        return state.command()

    def _complain(self, line: str, error: Mismatch) -> None:
        self.ok = False
        margin = " " * len(self.prompt())
        if not self.channel.echoed:
            margin = ""
            self.channel.text(line + "\n")
        shown = caret(error)
        self.channel.text("".join(part.replace("\x01", margin) + "\n" for part in shown))

    def _flush(self) -> None:
        text = "".join(self._buffer)
        self._buffer = []
        if not self.ok and not text:
            return
        text = filtered(text, self.stages)
        for name, given in self.stages:
            if name == "save":
                try:
                    self.channel.write(given["file"], text)
                except OSError as error:
                    self.fail(f"error: {given['file']}: {error}")
                    return
                text = f"Wrote {text.count(chr(10))} lines of output to '{given['file']}'\n"
        if text:
            self.channel.text(text, paging=self.paging())
        if self.channel.tty and any(name == "hold" for name, _ in self.stages):
            self.channel.ask("---(more 100%)---", echo=False)

    def assist(self, text: str, key: str) -> Assistance:
        """Help for what is left of the cursor. Lines may begin with \\x01, where the prompt's width goes."""
        if key == " " and not self.complete_on_space:
            return Assistance(" ", [])
        try:
            words = split(text)
        except UnclosedQuote:
            return Assistance(" " if key == " " else "", [])
        partial = words.pop() if words and text and not text[-1].isspace() and words[-1].text != "|" else None
        level = self.steps
        if words:
            words = self._lifted(words)
        try:
            return self._assist(text, key, words, partial)
        finally:
            self.steps = level

    def _assist(self, text: str, key: str, words: list[Token], partial: Token | None) -> Assistance:
        segments = _segments(words)
        state: State = CommandState(self, self.root() if len(segments) == 1 else PIPES)
        found = assist(state, segments[-1], partial, key, len(text))
        margin = " " * len(self.prompt()) if self.channel.echoed else ""
        found.lines = [line.replace("\x01", margin) for line in found.lines]
        return found

    # ---- running things

    def run_program(self, argv: list[str]) -> int:
        """Run a program at the user's terminal; with pipes its output is kept for them."""
        piped = any(name not in ("no-more", "hold") for name, _ in self.stages)
        code, text = self.channel.run(argv, capture=piped)
        self.out(text)
        if code != 0:
            self.ok = False
        return code

    def close(self) -> None:
        """Leave configuration mode, when in it."""
        self.datastore.leave(self.number)
        self.configuring = False


def _segments(words: list[Token]) -> list[list[Token]]:
    """The words of each part between pipes."""
    found: list[list[Token]] = [[]]
    for word in words:
        if word.text == "|" and not word.quoted:
            found.append([])
        else:
            found[-1].append(word)
    return found
