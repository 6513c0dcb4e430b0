"""`load` and `save` of configuration mode."""

from __future__ import annotations

from .. import text as texts
from .. import valuetypes as t
from ..parse import LoadError, load
from ..refused import Refused
from ..replies.files import unprefixed
from .words import CONFIGURE, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from ..tree import Tree
    from .words import Given

    Operations = tuple[Operation, ...]


def _load(session: Session, given: Given, action: str) -> None:
    text = _source(session, given)
    if text is None:
        return
    name = given["file"]
    steps = session.steps if "relative" in given else ()
    warnings: list[str] = []

    def change(tree: Tree) -> None:
        warnings.extend(load(text, action, tree, session.datastore.schema, steps))

    try:
        session.datastore.edit(change, session.number)
    except LoadError as error:
        lines = [f"{name}:{line}:({column}) {reason}" if line else f"{name}: {reason}" for line, column, reason in error.faults]
        raise Refused([*lines, f"load failed ({len(error.faults)} errors), nothing is changed"]) from error
    if action in ("override", "update") and not steps:
        session.steps = ()
    for warning in warnings:
        session.out(warning)
    session.out("load complete")


def _source(session: Session, given: Given) -> str | None:
    if given["file"] == "terminal":
        if session.channel.tty:
            session.channel.text("[Type ^D at a new line to end input]\n")
        return session.channel.terminal()
    try:
        return session.channel.read(unprefixed(given["file"]))
    except OSError as error:
        session.fail(f"error: {given['file']}: {error}")
        return None


def _factory(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.edit(lambda tree: tree.clear(), session.number)
    session.steps = ()
    session.out("warning: activating factory configuration")
    session.out("load complete")


def _patch(session: Session, given: Given, operations: Operations) -> None:
    raise Refused(["error: load patch is not supported on this router; use 'load set' or 'load replace'"])


def _save(session: Session, given: Given, operations: Operations) -> None:
    node = session.steps[-1][0] if session.steps else session.datastore.schema
    text = texts.as_text(session.here(), node)
    if given["file"] == "terminal":
        session.out(text)
        return
    try:
        session.channel.write(unprefixed(given["file"]), text)
    except OSError as error:
        session.fail(f"error: {given['file']}: {error}")
        return
    session.out(f"Wrote {len(text.splitlines())} lines of configuration to '{given['file']}'")


_FILE = Argument("file", t.file_name, "Filename, or 'terminal' to type", mandatory=True, known=lambda _: ["terminal"])


def _loader(action: str, help_: str) -> Word:
    return Word(
        action,
        help_,
        run=lambda session, given, operations: _load(session, given, action),
        arguments=(_FILE,),
        options=(Option("relative", "Load from the current edit level"),) if action != "override" else (),
        level=CONFIGURE,
    )


LOAD = Word(
    "load",
    "Load configuration from ASCII file",
    Word("factory-default", "Override existing configuration with factory default", run=_factory, level=CONFIGURE),
    _loader("merge", "Merge contents with existing configuration"),
    _loader("override", "Override existing configuration"),
    Word("patch", "Load patch file into configuration", run=_patch, arguments=(_FILE,), level=CONFIGURE),
    _loader("replace", "Replace configuration data"),
    _loader("set", "Execute set of commands on existing configuration"),
    _loader("update", "Update existing configuration"),
    level=CONFIGURE,
)

SAVE = Word(
    "save",
    "Save configuration to ASCII file",
    run=_save,
    arguments=(Argument("file", t.file_name, "Filename, or 'terminal' to show it", mandatory=True),),
    level=CONFIGURE,
)
