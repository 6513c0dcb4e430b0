"""Configuration mode: entering and leaving it, moving in it, changing statements."""

from __future__ import annotations

import re

from .. import tree as trees
from .. import valuetypes as t
from ..changes import do, hashed, sibling
from ..datastore import SHARED
from ..nodes import CONTAINER, LIST, PROMPT
from ..refused import Refused
from ..replacing import Replacer
from . import operational
from .committing import COMMIT, ROLLBACK
from .display import show_difference, show_tree, stage
from .loading import LOAD, SAVE
from .pipes import PATTERN
from .words import CONFIGURE, VIEW, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from ..tree import Step, Tree
    from .words import Given

    Operations = tuple[Operation, ...]


# ---- changing


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
    _change(session, "set", tuple(plain))


def _change(session: Session, verb: str, operations: Operations) -> None:
    """Do it to the candidate; what can't be done is told and changes nothing."""
    try:
        session.datastore.edit(lambda tree: do(tree, verb, operations), session.number)
    except trees.NotFound:
        if verb in ("delete", "deactivate", "activate"):
            session.channel.text("warning: statement not found\n")
            return
        raise Refused(["error: statement not found"]) from None
    except ValueError as error:
        raise Refused([f"error: {error}"]) from None


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


def _yes(session: Session, question: str) -> bool:
    """The user's answer; who is no person is not asked."""
    if not session.channel.tty:
        return True
    answer = session.channel.ask(f"{question} [yes,no] (no) ", echo=True)
    return (answer or "").strip().lower() in ("y", "yes")


def _delete(session: Session, given: Given, operations: Operations) -> None:
    operations = operations or ((session.steps, None),)
    if operations[0][0] == session.steps:
        warning = "" if session.steps else "This will delete the entire configuration\n"
        if not _yes(session, f"{warning}Delete everything under this level?"):
            return
    _change(session, "delete", operations)


def _verb(verb: str, help_: str) -> Word:
    def run(session: Session, given: Given, operations: Operations) -> None:
        _change(session, verb, operations)

    return Word(verb, help_, run=run, statement=verb, level=CONFIGURE)


def _replace(session: Session, given: Given, operations: Operations) -> None:
    if "with" not in given:
        raise Refused(["error: missing argument: with"])
    replacer = Replacer(given["pattern"], given["with"], int(given.get("upto", "0")))

    def change(tree: Tree) -> None:
        here = trees.get(tree, session.steps) if session.steps else tree
        if isinstance(here, dict):
            replacer.run(here, session.steps[-1][0] if session.steps else session.datastore.schema, session.steps)

    try:
        session.datastore.edit(change, session.number)
    except ValueError as error:
        raise Refused([f"error: {error}"]) from None


def _wildcard_delete(session: Session, given: Given, operations: Operations) -> None:
    tree = session.datastore.tree(session.number)
    try:
        found = [one for steps, _ in operations for one in _matching(tree, steps)]
    except re.error as error:
        raise Refused([f"error: invalid pattern: {error}"]) from None
    if not found:
        session.channel.text("warning: statement not found\n")
        return
    session.channel.text("".join(f"  matched: {' '.join(trees.words(steps[len(session.steps) :]))}\n" for steps in found))
    if _yes(session, f"Delete {len(found)} objects?"):
        _change(session, "delete", tuple((steps, None) for steps in found))


def _matching(tree: Tree, steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """Steps that are there, for steps whose keys may be patterns: `<...>` with `*` and `?`, or regular expressions."""
    import fnmatch

    found: list[tuple[Step, ...]] = [()]
    for node, key in steps:
        if node.kind != LIST or key is None:
            found = [(*one, (node, key)) for one in found if trees.get(tree, (*one, (node, key))) is not None]
            continue
        wild = fnmatch.translate(key[1:-1]) if key.startswith("<") and key.endswith(">") else key
        names = [(one, name) for one in found for name in trees.keys(node, trees.get(tree, (*one, (node, None))) or {})]
        found = [(*one, (node, name)) for one, name in names if name == key or re.fullmatch(wild, name)]
    return found


# ---- looking


def _show(session: Session, given: Given, operations: Operations) -> None:
    store = session.datastore
    steps = operations[0][0] if operations else session.steps
    compared = stage(session, "compare")
    if compared is not None:
        number = int(compared.get("rollback", "0"))
        show_difference(session, store.active if number == 0 else store.committed(number), store.tree(session.number), steps)
        return
    show_tree(session, store.tree(session.number), steps, active=False)


def _status(session: Session, given: Given, operations: Operations) -> None:
    session.out("Users currently editing the configuration:")
    for editor in session.datastore.editors.values():
        session.out("\n".join(editor.lines()))


# ---- moving


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


# ---- entering and leaving


def enter(session: Session, mode: str = SHARED) -> None:
    """Into configuration mode; Refused when others are in the way."""
    store = session.datastore
    others = store.enter(session.number, session.user, session.terminal, mode)
    session.configuring = True
    session.steps = ()
    if not session.channel.tty:
        return
    lines = ["warning: uncommitted changes will be discarded on exit"] if mode != SHARED else []
    lines.append("Entering configuration mode")
    if others:
        lines += ["Users currently editing the configuration:", *(line for editor in others for line in editor.lines())]
    if store.changed(session.number):
        lines.append("The configuration has been changed but not committed")
    session.channel.text("".join(line + "\n" for line in lines))


def leave(session: Session) -> None:
    """Out of configuration mode; a shared candidate stays, others don't, and that is said."""
    store = session.datastore
    own = store.mode(session.number) != SHARED
    if store.changed(session.number) and (own or len(store.editors) <= 1) and session.channel.tty:
        session.channel.text("The configuration has been changed but not committed\n")
        question = "Discard uncommitted changes?" if own else "Exit with uncommitted changes?"
        answer = session.channel.ask(f"{question} [yes,no] (yes) ", echo=True)
        if (answer or "").strip().lower() in ("n", "no"):
            return
    session.steps = ()
    session.close()
    session.channel.text("Exiting configuration mode\n" if session.channel.tty else "")


def _update(session: Session, given: Given, operations: Operations) -> None:
    for place in session.datastore.update(session.number):
        session.out(f"{place}\n  warning: both changed, your private edits are kept")


_QUIT = (Option("configuration-mode", "Exit from configuration mode"),)

ROOT = Word(
    "",
    "Configuration mode",
    _verb("activate", "Remove the inactive tag from a statement"),
    _verb("annotate", "Annotate the statement with a comment"),
    COMMIT,
    _verb("copy", "Copy a statement"),
    _verb("deactivate", "Add the inactive tag to a statement"),
    Word("delete", "Delete a data element", run=_delete, statement="delete", level=CONFIGURE),
    Word("edit", "Edit a sub-element", run=_edit, statement="edit", level=CONFIGURE),
    Word("exit", "Exit from this level", run=_exit, options=_QUIT),
    _verb("insert", "Insert a new ordered data element"),
    LOAD,
    Word("quit", "Quit from this level", run=_exit, options=_QUIT),
    _verb("rename", "Rename a statement"),
    Word(
        "replace",
        "Replace character string in configuration",
        Word(
            "pattern",
            "Pattern to replace",
            run=_replace,
            arguments=(Argument("pattern", PATTERN, "Regular expression to match", mandatory=True),),
            options=(
                Option("upto", "Limit the number of objects replaced", t.number("number", 1, 65535)),
                Option("with", "String to replace the pattern with", t.Type("string", str)),
            ),
            level=CONFIGURE,
        ),
        level=CONFIGURE,
    ),
    ROLLBACK,
    Word("run", "Run an operational-mode command", *operational.ROOT.children),
    SAVE,
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
    Word("update", "Update private database", run=_update, level=CONFIGURE),
    Word(
        "wildcard",
        "Wildcard operations",
        Word(
            "delete", "Delete statements whose names match a pattern", run=_wildcard_delete, statement="wildcard", level=CONFIGURE
        ),
        level=CONFIGURE,
    ),
)
