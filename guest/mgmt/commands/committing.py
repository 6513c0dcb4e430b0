"""Commit, rollback, the rescue configuration and the history of commits."""

from __future__ import annotations

from .. import store as stored
from .. import valuetypes as t
from ..refused import Refused
from .display import show_difference, show_tree
from .words import CONFIGURE, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]

DEFAULT_MINUTES = 10


def _commit(session: Session, given: Given, operations: Operations) -> None:
    store = session.datastore
    if "at" in given:
        raise Refused(["error: commit at is not supported on this router"])
    if "check" in given:
        store.check(session.number)
        _warn(session)
        session.out("configuration check succeeds")
        return
    minutes = int(given["confirmed"] or DEFAULT_MINUTES) if "confirmed" in given else 0
    store.commit(user=session.user, via="cli", comment=given.get("comment", ""), minutes=minutes, number=session.number)
    _warn(session)
    if minutes and store.unconfirmed is not None:
        session.channel.text(f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed\n")
    session.out("commit complete")
    if "and-quit" in given:
        session.steps = ()
        session.close()
        if session.channel.tty:
            session.out("Exiting configuration mode")


def _warn(session: Session) -> None:
    if session.datastore.warnings:
        session.channel.text("".join(line + "\n" for line in session.datastore.warnings))


def _rollback(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.rollback(int(given.get("number", "0")), session.number)
    session.steps = ()
    session.out("load complete")


def _rollback_rescue(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.rescue(session.number)
    session.steps = ()
    session.out("load complete")


def _save_rescue(session: Session, given: Given, operations: Operations) -> None:
    session.datastore.save_rescue()


def _delete_rescue(session: Session, given: Given, operations: Operations) -> None:
    stored.delete_rescue(session.datastore.world)


def _show_rollback(session: Session, given: Given, operations: Operations) -> None:
    number = int(given["number"])
    show_tree(session, session.datastore.active if number == 0 else session.datastore.committed(number), (), active=True)


def _show_rollback_compare(session: Session, given: Given, operations: Operations) -> None:
    store = session.datastore
    one, two = (store.active if given[name] == "0" else store.committed(int(given[name])) for name in ("number", "other"))
    show_difference(session, one, two, ())


def _show_rescue(session: Session, given: Given, operations: Operations) -> None:
    tree = session.datastore.rescue_tree()
    show_tree(session, tree, (), active=True)


_NUMBER = t.number("number", 0, 49)

COMMIT = Word(
    "commit",
    "Commit current set of changes",
    run=_commit,
    options=(
        Option("and-quit", "Quit configuration mode if commit succeeds"),
        Option("at", "Time at which to activate configuration changes", t.text),
        Option("check", "Check correctness of syntax; do not apply changes"),
        Option("comment", "Message to write to commit log", t.text),
        Option("confirmed", "Automatically rollback if not confirmed (minutes)", t.number("minutes", 1, 65535), optional=True),
        Option("force", "Force commit"),
        Option("full", "Activate configuration all daemons"),
        Option("synchronize", "Synchronize commit on both Routing Engines"),
    ),
    level=CONFIGURE,
)

ROLLBACK = Word(
    "rollback",
    "Roll back to previous committed configuration",
    Word("rescue", "Roll back to rescue configuration", run=_rollback_rescue, level=CONFIGURE),
    run=_rollback,
    arguments=(Argument("number", _NUMBER, "Number of the committed configuration"),),
    level=CONFIGURE,
)

REQUEST_CONFIGURATION = Word(
    "configuration",
    "Request operation on system configuration",
    Word(
        "rescue",
        "Request operation on system rescue configuration",
        Word("delete", "Delete rescue configuration", run=_delete_rescue, level=CONFIGURE),
        Word("save", "Save rescue configuration", run=_save_rescue, level=CONFIGURE),
        level=CONFIGURE,
    ),
    level=CONFIGURE,
)

SHOW_RESCUE = Word(
    "configuration",
    "Show configuration information",
    Word("rescue", "Show rescue configuration", run=_show_rescue, level=CONFIGURE),
    level=CONFIGURE,
)

SHOW_ROLLBACK = Word(
    "rollback",
    "Show rolled back configuration",
    Word(
        "compare",
        "Compare two rollback configurations",
        run=_show_rollback_compare,
        arguments=(
            Argument("number", _NUMBER, "Number of the older configuration", mandatory=True),
            Argument("other", _NUMBER, "Number of the newer configuration", mandatory=True),
        ),
        level=CONFIGURE,
    ),
    run=_show_rollback,
    arguments=(Argument("number", _NUMBER, "Number of the committed configuration", mandatory=True),),
    level=CONFIGURE,
)
