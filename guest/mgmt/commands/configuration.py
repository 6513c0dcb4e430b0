"""Configuration mode."""

from __future__ import annotations

from .. import text as texts
from .. import tree as trees
from .. import valuetypes as t
from ..datastore import Refused
from ..nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST, PROMPT
from ..parse import LoadError, apply_set, hashed, load_braces, load_set, sibling
from ..tokens import quote
from . import operational
from .words import CONFIGURE, VIEW, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from ..tree import Step, Tree
    from .words import Given

    Operations = tuple[Operation, ...]


def _set(session: Session, given: Given, operations: Operations) -> None:
    plain: list[Operation] = []
    for steps, value in operations:
        if steps and steps[-1][0].kind == PROMPT and value is None:
            password = _ask_password(session)
            if password is None:
                return
            plain.append((sibling(steps, steps[-1][0].into), hashed(password)))
        else:
            plain.append((steps, value))
    session.datastore.edit(lambda tree: apply_set(tree, tuple(plain)))


def _ask_password(session: Session) -> str | None:
    """A new password, asked for twice; None (and a word why) when it won't do."""
    first = session.channel.ask("New password:", echo=False)
    if first is None:
        session.fail("error: no password given")
        return None
    try:
        t.password.check(first)
    except ValueError as error:
        session.fail(f"error: {error}")
        return None
    if session.channel.ask("Retype new password:", echo=False) != first:
        session.fail("error: Passwords are not equal; aborting")
        return None
    return first


def _delete(session: Session, given: Given, operations: Operations) -> None:
    if not operations[0][0] or operations[0][0] == session.steps:
        question = "This will delete the entire configuration" if not session.steps else "Delete everything under this level?"
        if session.channel.tty:
            answer = session.channel.ask(
                f"{question}\nDelete everything under this level? [yes,no] (no) "
                if not session.steps
                else f"{question} [yes,no] (no) ",
                echo=True,
            )
            if (answer or "").strip().lower() not in ("y", "yes"):
                return

    def change(tree: Tree) -> None:
        for steps, _ in operations:
            trees.remove(tree, steps)

    try:
        session.datastore.edit(change)
    except trees.NotFound:
        session.channel.text("warning: statement not found\n")


def _show(session: Session, given: Given, operations: Operations) -> None:
    steps = operations[0][0] if operations else session.steps
    for name, options in session.stages:
        if name == "compare":
            show_difference(session, session.datastore.candidate, int(options.get("rollback", "0")), steps)
            return
    show_tree(session, session.datastore.candidate, steps)


def show_difference(session: Session, new: Tree, number: int, steps: tuple[Step, ...]) -> None:
    """Print what `new` changes of the committed configuration `number`, under the steps."""
    store = session.datastore
    old = store.active if number == 0 else store.committed(number)
    node = steps[-1][0] if steps else store.schema
    before = trees.get(old, steps) if steps else old
    after = trees.get(new, steps) if steps else new
    if not isinstance(before or {}, dict) or not isinstance(after or {}, dict):
        before, after, node, steps = old, new, store.schema, ()
    if session.level < CONFIGURE:
        before, after = (trees.without_secrets(tree or {}, node) for tree in (before, after))
    lines: list[str] = []
    texts.compare_at(before or {}, after or {}, node, trees.words(steps), lines)
    session.out("".join(line + "\n" for line in lines))


def show_tree(session: Session, tree: Tree, steps: tuple[Step, ...]) -> None:
    """Print what is under the steps: as braces, or as `set` lines when the pipes say so."""
    schema = session.datastore.schema
    if session.level < CONFIGURE:
        tree = trees.without_secrets(tree, schema)
    value = trees.get(tree, steps) if steps else tree
    if value is None:
        return
    node, key = steps[-1] if steps else (schema, None)
    if node.kind in (LEAF, FLAG, LEAVES):
        if session.displays_set():
            values = value if isinstance(value, list) else [None if node.kind == FLAG else value]
            session.out(
                "".join(" ".join(["set", *trees.words(steps), *([quote(str(one))] if one else [])]) + "\n" for one in values)
            )
        else:
            session.out(texts.leaf_text(node, value))
    elif node.kind == LIST and key is None:
        for name in sorted(value, key=trees.natural):
            if session.displays_set():
                here = (*steps[:-1], (node, name))
                lines = texts.set_lines(value[name], node, here) or [" ".join(["set", *trees.words(here)])]
            else:
                lines = list(texts.entry_braces(node, name, value[name], 0))
            session.out("".join(line + "\n" for line in lines))
    elif session.displays_set():
        session.out("".join(line + "\n" for line in texts.set_lines(value, node, steps)))
    else:
        session.out(texts.as_text(value, node))


def _edit(session: Session, given: Given, operations: Operations) -> None:
    steps = operations[0][0]
    if steps and steps[-1][0].kind not in (CONTAINER, LIST):
        session.fail("error: not a level that can be edited")
        return
    if steps and steps[-1][0].kind == LIST and steps[-1][1] is None:
        session.fail("error: missing argument")
        return
    session.steps = steps


def _up(session: Session, given: Given, operations: Operations) -> None:
    for _ in range(int(given.get("levels", "1"))):
        session.steps = session.steps[:-1]


def _top(session: Session, given: Given, operations: Operations) -> None:
    session.steps = ()


def _exit(session: Session, given: Given, operations: Operations) -> None:
    if session.steps and "configuration-mode" not in given:
        session.steps = session.steps[:-1]
        return
    leave(session)


def _quit(session: Session, given: Given, operations: Operations) -> None:
    _exit(session, given, operations)


def leave(session: Session) -> None:
    """Out of configuration mode; the candidate stays, and that is said."""
    store = session.datastore
    if store.changed() and len(store.editors) <= 1 and session.channel.tty:
        session.channel.text("The configuration has been changed but not committed\n")
        answer = session.channel.ask("Exit with uncommitted changes? [yes,no] (yes) ", echo=True)
        if (answer or "").strip().lower() in ("n", "no"):
            return
    session.steps = ()
    session.close()
    session.channel.text("Exiting configuration mode\n" if session.channel.tty else "")


def _commit(session: Session, given: Given, operations: Operations) -> None:
    store = session.datastore
    minutes = int(given.get("confirmed", "0") or "0")
    store.commit(user=session.user, via="cli", comment=given.get("comment", ""), minutes=minutes)
    session.out("".join(line + "\n" for line in store.warnings))
    if minutes:
        session.channel.text(f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed\n")
    session.out("commit complete")
    if "and-quit" in given:
        session.steps = ()
        session.close()
        if session.channel.tty:
            session.out("Exiting configuration mode")


def _commit_check(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.check()
    session.out("".join(line + "\n" for line in session.datastore.warnings))
    session.out("configuration check succeeds")


def _rollback(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.rollback(int(given.get("number", "0")))
    session.steps = ()
    session.out("load complete")


def _load(session: Session, given: Given, kind: str) -> None:
    text = _source(session, given)
    if text is None:
        return
    name = given["file"]
    steps = session.steps if "relative" in given else ()

    def change(tree: Tree) -> None:
        if kind == "set":
            load_set(text, tree, session.datastore.schema, steps)
            return
        if kind == "override":
            tree.clear()
        load_braces(text, tree, session.datastore.schema, steps)

    try:
        session.datastore.edit(change)
    except LoadError as error:
        lines = [f"{name}:{line}:({column}) {reason}" for line, column, reason in error.faults]
        raise Refused([*lines, f"load failed ({len(error.faults)} errors), nothing is changed"]) from error
    if kind == "override":
        session.steps = ()
    session.out("load complete")


def _source(session: Session, given: Given) -> str | None:
    if given["file"] == "terminal":
        if session.channel.tty:
            session.channel.text("[Type ^D at a new line to end input]\n")
        return session.channel.terminal()
    try:
        return session.channel.read(given["file"])
    except OSError as error:
        session.fail(f"error: {given['file']}: {error}")
        return None


def _save(session: Session, given: Given, operations: Operations) -> None:
    node = session.steps[-1][0] if session.steps else session.datastore.schema
    text = texts.as_text(session.here(), node)
    try:
        session.channel.write(given["file"], text)
    except OSError as error:
        session.fail(f"error: {given['file']}: {error}")
        return
    session.out(f"Wrote {len(text.splitlines())} lines of configuration to '{given['file']}'")


def _status(session: Session, given: Given, operations: Operations) -> None:
    for number, who in session.datastore.editors.items():
        session.out(f"  {who} (session {number}){' *' if number == session.number else ''}")


def _loader(kind: str, help_: str) -> Word:
    return Word(
        kind,
        help_,
        run=lambda session, given, operations: _load(session, given, kind),
        arguments=(
            Argument("file", t.file_name, "Filename, or 'terminal' to type", mandatory=True, known=lambda _: ["terminal"]),
        ),
        options=(Option("relative", "Load from the current edit level"),) if kind != "override" else (),
        level=CONFIGURE,
    )


COMMIT_OPTIONS = (
    Option("and-quit", "Quit configuration mode if commit succeeds"),
    Option("comment", "Message to write to commit log", t.text),
    Option("confirmed", "Minutes after which the commit is taken back unless confirmed", t.number("minutes", 1, 65535)),
)

RUN = Word("run", "Run an operational-mode command", *operational.ROOT.children)

ROOT = Word(
    "",
    "Configuration mode",
    Word(
        "commit",
        "Commit current set of changes",
        Word("check", "Check correctness of syntax; do not apply changes", run=_commit_check),
        run=_commit,
        options=COMMIT_OPTIONS,
        level=CONFIGURE,
    ),
    Word("delete", "Delete a data element", run=_delete, statement="delete", level=CONFIGURE),
    Word("edit", "Edit a sub-element", run=_edit, statement="edit", level=CONFIGURE),
    Word("exit", "Exit from this level", run=_exit, options=(Option("configuration-mode", "Exit from configuration mode"),)),
    Word(
        "load",
        "Load configuration from ASCII file",
        _loader("merge", "Merge contents with existing configuration"),
        _loader("override", "Override existing configuration"),
        _loader("set", "Execute set of commands on existing configuration"),
        level=CONFIGURE,
    ),
    Word("quit", "Quit from this level", run=_quit, options=(Option("configuration-mode", "Exit from configuration mode"),)),
    Word(
        "rollback",
        "Roll back to previous committed configuration",
        run=_rollback,
        arguments=(Argument("number", t.number("number", 0, 49), "Number of the committed configuration"),),
        level=CONFIGURE,
    ),
    RUN,
    Word(
        "save",
        "Save configuration to ASCII file",
        run=_save,
        arguments=(Argument("file", t.file_name, "Filename", mandatory=True),),
        level=CONFIGURE,
    ),
    Word("set", "Set a parameter", run=_set, statement="set", level=CONFIGURE),
    Word("show", "Show a parameter", run=_show, statement="show", level=VIEW),
    Word("status", "Show users currently editing configuration", run=_status),
    Word("top", "Exit to top level of configuration", run=_top),
    Word(
        "up",
        "Exit one level of configuration",
        run=_up,
        arguments=(Argument("levels", t.number("levels", 1, 64), "Number of levels"),),
    ),
)
