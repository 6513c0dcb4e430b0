"""A NETCONF session's hold on the configuration: lock, private copy, changes, and what is left when the client is gone."""

from __future__ import annotations

import time

from .. import configuration_xml as documents
from .. import tree as trees
from ..commands.words import CONFIGURE
from ..datastore import EXCLUSIVE, PRIVATE, Refused
from ..xmltree import Element
from .errors import Errors, RpcError, warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..datastore import Datastore
    from ..session import Session
    from ..tree import Tree

CONFIGURATION = "http://xml.juniper.net/xnm/1.1/xnm"
ON_EXIT = "uncommitted changes will be discarded on exit"


class Access:
    """What one session does with the datastore; every method says why not by RpcError or Errors."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.store: Datastore = session.datastore
        self._number = session.number
        self._own = False
        """The shared candidate was clean before this session changed it: all changes in it may go with the session."""
        self._until_closed = False

    def may_configure(self) -> None:
        if self.session.level < CONFIGURE:
            raise RpcError("access-denied", "permission denied")

    def _mode(self) -> str:
        editor = self.store.editors.get(self._number)
        return "" if editor is None else editor.mode

    def _enter(self, mode: str) -> None:
        if self._mode():
            raise RpcError("lock-denied", f"the configuration is already open ({self._mode()}) in this session",
                           info=(("session-id", str(self._number)),))  # fmt: skip
        try:
            self.store.enter(self._number, self.session.user, "netconf", mode)
        except Refused as error:
            holder = next((editor.number for editor in self.store.editors.values() if editor.mode == EXCLUSIVE), 0)
            reason = "\n".join(error.lines).removeprefix("error:").strip()
            raise RpcError("lock-denied", reason, info=(("session-id", str(holder)),)) from None

    # ---- lock, opening and closing

    def lock(self) -> None:
        self.may_configure()
        with self.store.lock:
            self._enter(EXCLUSIVE)

    def unlock(self) -> None:
        """Unlocking drops what was not committed (RFC 6241, 8.3.5.2)."""
        with self.store.lock:
            if self._mode() != EXCLUSIVE:
                raise RpcError("operation-failed", "configuration database is not locked by this session")
            self.store.leave(self._number)

    def open(self, mode: str) -> list[RpcError]:
        """open-configuration; the dialect warns of what closing does."""
        self.may_configure()
        if mode not in (EXCLUSIVE, PRIVATE):
            return []
        with self.store.lock:
            self._enter(mode)
        return [warning(ON_EXIT)]

    def close(self) -> None:
        """close-configuration."""
        self.store.leave(self._number)

    def gone(self, *, orderly: bool) -> None:
        """The session has ended. A client that vanished leaves no changes behind, unless others are editing too."""
        with self.store.lock:
            self.store.leave(self._number)
            if self._own and not orderly and not self.store.editors and self.store.changed():
                self.store.rollback(0)
            if self._until_closed and self.store.unconfirmed is not None:
                self.store.cancel_commit()

    # ---- reading

    def candidate(self) -> Tree:
        return self.store.tree(self._number)

    def tree(self, database: str) -> Tree:
        """candidate or running, without secrets for those who may only look."""
        with self.store.lock:
            found = self.store.active if database == "running" else self.candidate()
            if self.session.level < CONFIGURE:
                return trees.without_secrets(found, self.store.schema)
            return trees.copy(found)

    def document(self, tree: Tree, filter_: Element | None, *, running: bool) -> Element:
        """`<configuration>` as it goes to the client."""
        made = documents.document(tree, self.store.schema)
        if filter_ is not None:
            made = documents.selected(filter_, made) or Element("configuration")
        kind = "commit" if running else "changed"
        when = self.store.loaded or int(time.time())
        made.attributes = {
            "xmlns": CONFIGURATION,
            f"junos:{kind}-seconds": str(when),
            f"junos:{kind}-localtime": time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(when)),
        }
        return made

    # ---- changing

    def edit(self, change: Callable[[Tree], None]) -> None:
        self._change(lambda: self.store.edit(change, self._number))

    def apply(self, element: Element, *, default: str = "merge", clear: bool = False, keep_going: bool = False,
              dry: bool = False) -> list[RpcError]:  # fmt: skip
        """Do what a `<configuration>` asks; warnings come back, errors change nothing unless `keep_going`."""
        faults: list[documents.Fault] = []

        def change(tree: Tree) -> None:
            if clear:
                tree.clear()
            faults.extend(documents.apply(element, tree, self.store.schema, default=default))
            if any(fault.severity == "error" for fault in faults) and not keep_going:
                raise Errors([told(fault) for fault in faults])

        if dry:
            self.may_configure()
            change(trees.copy(self.candidate()))
        else:
            self.edit(change)
        return [told(fault) for fault in faults]

    def load(self, back: int) -> None:
        """The configuration of rollback `back` becomes the candidate."""
        self._change(lambda: self.store.rollback(back, self._number))

    def load_rescue(self) -> None:
        self._change(lambda: self.store.rescue(self._number))

    def discard(self) -> None:
        self.load(0)

    def _change(self, action: Callable[[], object]) -> None:
        """Do something to the candidate."""
        with self.store.lock:
            clean = not self.store.changed()
            self._do(action)
            self._own = self._own or (clean and not self._mode())

    def _do(self, action: Callable[[], object]) -> None:
        self.may_configure()
        with self.store.lock:
            try:
                action()
            except Refused as error:
                raise refusal(error) from None

    # ---- committing

    def check(self) -> list[RpcError]:
        """Warnings of what the configuration says."""
        self._do(lambda: self.store.check(self._number))
        return self._warnings()

    def commit(self, *, comment: str = "", minutes: int = 0, persist: str | None = None, persist_id: str | None = None,
               until_closed: bool = False) -> list[RpcError]:  # fmt: skip
        """Warnings come back. `until_closed`: a confirmed commit that ends with its session (RFC 6241, 8.4.1)."""
        self.may_configure()
        with self.store.lock:
            pending = _persisted.get(id(self.store)) if self.store.unconfirmed is not None else None
            if pending is not None and persist_id != pending:
                raise RpcError("invalid-value", "a confirmed commit with another persist-id is pending", bad="persist-id")
            self._do(
                lambda: self.store.commit(
                    user=self.session.user, via="netconf", comment=comment, minutes=minutes, number=self._number
                )
            )
            self._own = False
            self._until_closed = bool(minutes) and until_closed
            _persisted.pop(id(self.store), None)
            if minutes and persist is not None:
                _persisted[id(self.store)] = persist
        return self._warnings()

    def cancel(self, persist_id: str | None) -> None:
        """Take a confirmed commit back at once."""
        with self.store.lock:
            if self.store.unconfirmed is not None and persist_id != _persisted.get(id(self.store)):
                raise RpcError("invalid-value", "the persist-id is not that of the pending commit", bad="persist-id")
            self._do(self.store.cancel_commit)
            self._until_closed = False

    def _warnings(self) -> list[RpcError]:
        return [warning(line.removeprefix("warning:").strip()) for line in self.store.warnings]


_persisted: dict[int, str] = {}
"""Datastore -> the persist-id of its pending confirmed commit."""


def told(fault: documents.Fault) -> RpcError:
    return RpcError(
        fault.tag if fault.severity == "error" else "operation-failed",
        fault.message,
        severity=fault.severity,
        path=f"[edit {fault.path}]" if fault.path else "[edit]",
        bad=fault.element,
    )


def refusal(error: Refused) -> Errors:
    """The lines that a terminal would show, as errors."""
    return Errors(list(_refusals(error.lines)) or [RpcError("operation-failed", "refused")])


def _refusals(lines: list[str]) -> Iterator[RpcError]:
    """`[edit path]`, `  'statement'`, `    reason`; what begins otherwise is an error by itself."""
    path = bad = ""
    for line in lines:
        text = line.strip()
        if line.startswith("[edit"):
            path, bad = text, ""
        elif line.startswith("    "):
            yield RpcError("operation-failed", text, path=path, bad=bad.strip("'"))
        elif text.startswith("warning:"):
            yield warning(text.removeprefix("warning:").strip())
        elif line.startswith("  "):
            bad = text
        else:
            yield RpcError("operation-failed", text.removeprefix("error:").strip())
