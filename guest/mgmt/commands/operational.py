"""Operational mode: the words. What they show is in the `show_` files."""

from __future__ import annotations

from .. import valuetypes as t
from ..editors import EXCLUSIVE, PRIVATE, SHARED
from ..nodes import LIST
from . import programs
from .clearing import CLEAR
from .requesting import REQUEST, RESTART
from .show_routing import SHOW_ROUTING
from .show_system import SHOW_SYSTEM
from .words import CONFIGURE, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..nodes import Node
    from ..session import Session
    from ..statements import Operation
    from .words import Given, Run

    Operations = tuple[Operation, ...]


def _configure(mode: str) -> Run:
    def run(session: Session, given: Given, operations: Operations) -> None:
        from .configuration import enter

        enter(session, mode)

    return run


def _quit(session: Session, given: Given, operations: Operations) -> None:
    session.closed = True


def _screen_length(session: Session, given: Given, operations: Operations) -> None:
    session.screen_length = int(given["lines"])
    session.out(f"Screen length set to {given['lines']}")


def _screen_width(session: Session, given: Given, operations: Operations) -> None:
    session.screen_width = int(given["columns"])
    session.out(f"Screen width set to {given['columns']}")


def _complete_on_space(session: Session, given: Given, operations: Operations) -> None:
    session.complete_on_space = given["state"] == "on"
    session.out(f"{'Enabling' if session.complete_on_space else 'Disabling'} complete-on-space")


def _timestamp(session: Session, given: Given, operations: Operations) -> None:
    session.timestamp = "" if "disable" in given else given.get("format", "%b %d %T")
    session.out(f"CLI timestamp set to: {session.timestamp}" if session.timestamp else "CLI timestamp disabled")


def _idle_timeout(session: Session, given: Given, operations: Operations) -> None:
    """Sessions of this router never time out; a time is taken and said, as clients expect it."""
    minutes = int(given.get("minutes", "0"))
    session.out(f"Idle timeout set to {minutes} minutes" if minutes else "Idle timeout disabled")


def _apropos(session: Session, given: Given, operations: Operations) -> None:
    """Commands whose words or help hold the text."""
    wanted = given["text"].lower()

    def search(word: Word, path: str) -> None:
        for child in word.children:
            here = f"{path} {child.name}".strip()
            if child.run is not None and (wanted in here or wanted in child.help.lower()):
                session.out(f"{here}\n    {child.help}")
            search(child, here)

    search(ROOT, "")


def _reference(session: Session, given: Given, operations: Operations) -> None:
    """Statements of the configuration whose name holds the text, with their places and what they are for."""
    wanted = given["text"].lower()
    lines: list[str] = []

    def search(node: Node, path: str) -> None:
        for child in node.children:
            key = "" if child.kind != LIST else f" <{child.type.label}>"
            here = f"{path}{key}" if child.bare and child.kind == LIST else f"{path} {child.name}{key}".strip()
            if wanted in child.name:
                effect = f" ({child.ignored})" if child.ignored else ""
                lines.append(f"{here.strip()}\n    {child.help}{effect}")
            search(child, here)

    search(session.datastore.schema, "")
    if not lines:
        session.fail(f"error: no statement matches '{given['text']}'")
    for line in lines:
        session.out(line)


_TEXT = (Argument("text", t.text, "Text to look for", mandatory=True),)

HELP = Word(
    "help",
    "Provide help information",
    Word("apropos", "Find commands by a word", run=_apropos, arguments=_TEXT),
    Word("reference", "Find configuration statements by name", run=_reference, arguments=_TEXT),
    Word("topic", "Find configuration statements by name", run=_reference, arguments=_TEXT),
)

SET = Word(
    "set",
    "Set CLI properties",
    Word(
        "cli",
        "Set CLI properties",
        Word(
            "complete-on-space",
            "Set whether typing space completes current word",
            run=_complete_on_space,
            arguments=(
                Argument("state", t.one_of("state", on="Enable", off="Disable"), "Whether Space completes", mandatory=True),
            ),
        ),
        Word(
            "idle-timeout",
            "Set maximum idle time before login session ends",
            run=_idle_timeout,
            arguments=(Argument("minutes", t.number("minutes", 0, 100000), "Minutes; 0 is never"),),
        ),
        Word(
            "screen-length",
            "Set number of lines on screen",
            run=_screen_length,
            arguments=(Argument("lines", t.number("lines", 0, 10000), "Number of lines; 0 never pages", mandatory=True),),
        ),
        Word(
            "screen-width",
            "Set number of characters on a line",
            run=_screen_width,
            arguments=(Argument("columns", t.number("columns", 0, 1024), "Number of columns", mandatory=True),),
        ),
        Word(
            "timestamp",
            "Timestamp CLI output",
            run=_timestamp,
            options=(Option("disable", "Disable timestamp"), Option("format", "Format of the time (strftime)", t.text)),
        ),
    ),
)

ROOT = Word(
    "",
    "Operational mode",
    CLEAR,
    Word(
        "configure",
        "Manipulate software configuration information",
        Word(EXCLUSIVE, "Obtain exclusive lock (other users cannot make changes)", run=_configure(EXCLUSIVE), level=CONFIGURE),
        Word(
            PRIVATE,
            "Work in private database (other users do not view or modify changes)",
            run=_configure(PRIVATE),
            level=CONFIGURE,
        ),
        run=_configure(SHARED),
        level=CONFIGURE,
    ),
    Word("exit", "Exit the management session", run=_quit),
    programs.FILE,
    HELP,
    programs.JUNOSCRIPT,
    programs.MONITOR,
    programs.PING,
    Word("quit", "Exit the management session", run=_quit),
    REQUEST,
    RESTART,
    SET,
    Word("show", "Show system information", *sorted((*SHOW_ROUTING, *SHOW_SYSTEM), key=lambda word: word.name)),
    programs.SSH,
    programs.START,
    programs.TRACEROUTE,
)
