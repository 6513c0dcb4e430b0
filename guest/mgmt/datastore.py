"""The configurations: the active one, the shared candidate and the private ones; commit is atomic.

Sessions are known by their number. 0 stands for the router itself: it edits the shared candidate.
"""

from __future__ import annotations

import threading
import time

from . import groups, merging, store
from . import tree as trees
from .check import Problem, check
from .editors import EXCLUSIVE, PRIVATE, SHARED, Editor
from .effect import without_effect
from .parse import LoadError, load_braces
from .refused import Refused
from .render import Engine, Failed, Part, modules
from .text import as_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Node
    from .session import Session
    from .supervisor import Supervisor
    from .tree import Tree
    from .world import Machine

__all__ = ["EXCLUSIVE", "PRIVATE", "SHARED", "Datastore", "Refused"]


def _told(error: Exception) -> str:
    """An expected failure in one sentence; a fault of ours with its traceback."""
    if isinstance(error, (Failed, OSError)):
        return str(error)
    import traceback

    return "".join(traceback.format_exception(error))


class Datastore:
    """Active and candidate configurations of the router. Methods take the lock; who needs several together holds `lock`."""

    def __init__(self, world: Machine, supervisor: Supervisor, schema: Node, log: Callable[[str], None]) -> None:
        self.world = world
        self.schema = schema
        self.lock = threading.RLock()
        self.active: Tree = {}
        """As it was committed, with marks and groups; `running` is what it means."""
        self.running: Tree = {}
        self.candidate: Tree = {}
        """The shared one."""
        self.editors: dict[int, Editor] = {}
        """Sessions in configuration mode, by number."""
        self.sessions: dict[int, Session] = {}
        self.warnings: list[str] = []
        """What the last check had to say of a candidate that is in order."""
        self.log = log
        self.loaded = 0
        """Seconds since the epoch of the active commit; 0 when there is none."""
        self.loaded_by = ""
        """Who committed it."""
        self._engine = Engine(world, supervisor, log)
        self._parts: dict[str, Part] = {}
        self._confirm: store.Confirm | None = None
        self._timer: threading.Timer | None = None

    # ---- start

    def start(self) -> None:
        """Read the last committed configuration and put it to work. A damaged one is passed over for the one before; one that
        was not confirmed in time while the router was off, for the one that it replaced."""
        with self.lock:
            commit = self._newest()
            if commit is not None and commit.confirm is not None:
                if commit.confirm.remaining() > 0:
                    self._await_confirmation(commit.confirm)
                else:
                    self._gone_back_at_start(commit.confirm)
            self.running = groups.effective(self.active, self.schema)
            self.candidate = trees.copy(self.active)
            for name, module in modules():
                try:
                    part = module.render(self.running, self.world)
                    self._parts[name] = part
                    module.apply(self._engine, None, part)
                except Exception as error:  # noqa: BLE001  # a router with a fault in one part must still come up with the others
                    self.log(f"configuration at start: {name}: {_told(error)}")

    def _newest(self) -> store.Commit | None:
        for number in range(store.MOST + 1):
            try:
                commit = store.read(self.world, number)
                if commit is None:
                    continue
                fresh: Tree = {}
                load_braces(commit.text, fresh, self.schema)
            except (OSError, EOFError, ValueError, LoadError) as error:
                self.log(f"configuration {number}: unreadable ({error}), the one before is taken")
                continue
            self.active = fresh
            self.loaded, self.loaded_by = commit.seconds, commit.user
            return commit
        return None

    def _gone_back_at_start(self, confirm: store.Confirm) -> None:
        try:
            self.active = self._before(confirm.back)
            self._keep(self.active, "root", "other", UNCONFIRMED)
        except (Refused, OSError) as error:
            self.log(f"configuration: not confirmed, but going back failed: {error}")

    def links_changed(self) -> None:
        """A network interface came, went or changed: bring it to what is wanted."""
        from .render import interfaces, lldp

        with self.lock:
            part = self._parts.get("interfaces")
            if part is None:
                return
            try:
                interfaces.reconcile(self._engine, part.data)
                known = self._parts.get("lldp")
                if known is not None and known.data is not None:
                    lldp.refresh(self._engine, known)
            except Failed as error:
                self.log(str(error))

    # ---- who edits

    def enter(self, number: int, user: str, terminal: str, mode: str = SHARED) -> list[Editor]:
        """A session begins to edit; the others who do. Refused when the mode is not possible beside what is going on."""
        with self.lock:
            others = [editor for editor in self.editors.values() if editor.number != number]
            if mode != SHARED and any(editor.mode == EXCLUSIVE for editor in others):
                raise Refused(self._locked_by(others))
            if mode != SHARED and self.changed():
                raise Refused(["error: shared configuration database modified"])
            if mode == SHARED and any(editor.mode == PRIVATE for editor in others):
                raise Refused(["error: private edits in use. Try 'configure private' or 'configure exclusive'."])
            editor = Editor(number, user, terminal, mode)
            if mode == PRIVATE:
                editor.base = trees.copy(self.active)
                editor.tree = trees.copy(self.active)
            self.editors[number] = editor
            return others

    def leave(self, number: int) -> None:
        """A session ends to edit, or is gone: its private candidate goes with it, an exclusive one is put back."""
        with self.lock:
            editor = self.editors.pop(number, None)
            if editor is not None and editor.mode == EXCLUSIVE:
                self.candidate = trees.copy(self.active)

    def _locked_by(self, others: list[Editor]) -> list[str]:
        found = ["error: configuration database locked by:"]
        for editor in others:
            if editor.mode == EXCLUSIVE:
                found += editor.lines()
        return found

    def _may_change(self, number: int) -> None:
        others = [editor for editor in self.editors.values() if editor.number != number]
        if any(editor.mode == EXCLUSIVE for editor in others):
            raise Refused(self._locked_by(others))

    def mode(self, number: int) -> str:
        """How a session edits; shared also when it does not."""
        editor = self.editors.get(number)
        return editor.mode if editor is not None else SHARED

    def _private(self, number: int) -> Editor | None:
        editor = self.editors.get(number)
        return editor if editor is not None and editor.mode == PRIVATE else None

    # ---- candidate

    def tree(self, number: int = 0) -> Tree:
        """The candidate that a session edits. Not to be changed by the caller."""
        editor = self._private(number)
        return editor.tree if editor is not None else self.candidate

    def changed(self, number: int = 0) -> bool:
        """Has the session's candidate changes that are not committed?"""
        editor = self._private(number)
        base = editor.base if editor is not None else self.active
        return not trees.same(self.tree(number), base, self.schema)

    def edit(self, change: Callable[[Tree], None], number: int = 0) -> None:
        """Change the candidate; when `change` raises, nothing is changed. Refused when another session holds the lock."""
        with self.lock:
            self._may_change(number)
            fresh = trees.copy(self.tree(number))
            change(fresh)
            trees.prune(fresh, self.schema)
            self._take(fresh, number)

    def _take(self, fresh: Tree, number: int) -> None:
        editor = self._private(number)
        if editor is not None:
            editor.tree = fresh
        else:
            self.candidate = fresh
        if number in self.editors:
            self.editors[number].touched = time.time()

    def rollback(self, back: int, number: int = 0) -> None:
        """Make a committed configuration the candidate; `back` 0 is the active one."""
        with self.lock:
            self._may_change(number)
            self._take(trees.copy(self.active) if back == 0 else self.committed(back), number)

    def rescue(self, number: int = 0) -> None:
        """Make the rescue configuration the candidate."""
        with self.lock:
            self._may_change(number)
            self._take(self.rescue_tree(), number)

    def rescue_tree(self) -> Tree:
        """The rescue configuration; Refused when there is none."""
        try:
            commit = store.rescue(self.world)
        except (OSError, EOFError, ValueError) as error:
            raise Refused([f"error: rescue configuration is damaged: {error}"]) from error
        if commit is None:
            raise Refused(["error: rescue configuration does not exist"])
        return self._parsed(commit, "rescue configuration")

    def save_rescue(self) -> None:
        """Keep the active configuration as the rescue one."""
        with self.lock:
            text = as_text(self.active, self.schema)
            store.save_rescue(self.world, store.Commit(text, user="root", via="other", seconds=int(time.time())))

    def committed(self, number: int) -> Tree:
        """The tree of rollback `number`; Refused when there is none."""
        try:
            commit = store.read(self.world, number)
        except (OSError, EOFError, ValueError) as error:
            raise Refused([f"error: rollback {number} is damaged: {error}"]) from error
        if commit is None:
            raise Refused([f"error: rollback {number} does not exist"])
        return self._parsed(commit, f"rollback {number}")

    def _parsed(self, commit: store.Commit, name: str) -> Tree:
        fresh: Tree = {}
        try:
            load_braces(commit.text, fresh, self.schema)
        except LoadError as error:
            raise Refused([f"error: {name}, line {error.faults[0][0]}: {error.faults[0][2]}"]) from error
        return fresh

    def update(self, number: int) -> list[str]:
        """Bring what others have committed into a private candidate; the levels where both changed the same thing."""
        with self.lock:
            editor = self._private(number)
            if editor is None:
                raise Refused(["error: update is possible in private mode only"])
            fresh, conflicts = merging.merged(editor.base, editor.tree, self.active, self.schema)
            editor.tree = fresh
            editor.base = trees.copy(self.active)
            return [_place(steps) for steps in conflicts]

    def _to_commit(self, number: int) -> Tree:
        """What a commit of this session makes active; Refused when a private candidate contradicts what was committed since."""
        editor = self._private(number)
        if editor is None:
            return self.candidate
        if trees.same(editor.base, self.active, self.schema):
            return editor.tree
        fresh, conflicts = merging.merged(editor.base, editor.tree, self.active, self.schema)
        if conflicts:
            lines = [
                line
                for steps in conflicts
                for line in (_place(steps), "  warning: changed by another user since this session began")
            ]
            raise Refused(
                [*lines, "error: conflict with the committed configuration; 'update' takes it over and keeps your changes"]
            )
        return fresh

    # ---- commit

    def check(self, number: int = 0) -> dict[str, Part]:
        """Validate and render the candidate, changing nothing but that a commit that waits for it is confirmed; Refused with
        all that is wrong."""
        with self.lock:
            parts, _ = self._checked(self._to_commit(number))
            self._confirmed()
            return parts

    def _checked(self, tree: Tree) -> tuple[dict[str, Part], Tree]:
        """The parts of a configuration, and what it means."""
        running = groups.effective(tree, self.schema)
        self.warnings = [line for warning in without_effect(running, self.schema) for line in warning.lines()]
        problems = [
            Problem(" ".join(trees.words(steps)), f"apply-groups {name}", f"configuration group '{name}' is not defined")
            for steps, name in groups.undefined(tree, self.schema)
        ]
        problems += check(running, self.schema)
        if problems:
            lines = [line for problem in problems for line in problem.lines()]
            missing = all(problem.reason.startswith("Missing mandatory") for problem in problems)
            end = "error: commit failed: (missing mandatory statements)" if missing else "error: configuration check-out failed"
            raise Refused([*lines, end])
        parts = {}
        for name, module in modules():
            try:
                parts[name] = module.render(running, self.world)
            except Failed as error:
                raise Refused([f"error: {error}", "error: configuration check-out failed"]) from error
        return parts, running

    def commit(self, *, user: str, via: str, comment: str = "", minutes: int = 0, number: int = 0) -> None:
        """Put the candidate to work and keep it; Refused when that is not possible, and then nothing is changed.

        `minutes`: go back after that time unless another commit (or check) confirms it; 0 means at once confirmed.
        """
        with self.lock:
            self._may_change(number)
            fresh = self._to_commit(number)
            parts, running = self._checked(fresh)
            new = not self.loaded or not trees.same(fresh, self.active, self.schema)
            confirm = None
            if minutes and (new or self._confirm is not None):
                back = (self._confirm.back if self._confirm is not None else 0) + (1 if new else 0)
                confirm = store.Confirm(int(time.time()) + minutes * 60, back, minutes)
            if new:
                self._make_active(fresh, parts, running, user=user, via=via, comment=comment, confirm=confirm)
            elif confirm is not None:
                self._mark_confirm(confirm)
            elif self._confirm is not None:
                self._confirm_by_commit(fresh, user, via, comment)
            self._await_confirmation(confirm)
            editor = self._private(number)
            if editor is not None:
                editor.base, editor.tree = trees.copy(self.active), trees.copy(self.active)

    def _make_active(self, fresh: Tree, parts: dict[str, Part], running: Tree, *, user: str, via: str, comment: str,
                     confirm: store.Confirm | None = None) -> None:  # fmt: skip
        self._put_to_work(parts)
        try:
            self._keep(fresh, user, via, comment, confirm)
        except OSError as error:
            self._back(parts, list(self._parts))
            raise Refused([f"error: configuration can't be kept: {error.strerror}"]) from error
        self._parts = parts
        before, self.active, self.running = self.active, trees.copy(fresh), running
        if self.candidate is fresh or trees.same(self.candidate, before, self.schema):
            self.candidate = trees.copy(self.active)
        else:  # what others have in the shared candidate stays there
            self.candidate = merging.merged(before, self.candidate, self.active, self.schema)[0]
        self.log(f"configuration: committed by {user} via {via}")

    def _keep(self, tree: Tree, user: str, via: str, comment: str, confirm: store.Confirm | None = None) -> None:
        text = as_text(tree, self.schema)
        now = int(time.time())
        minutes = confirm.minutes if confirm is not None else 0
        store.write(self.world, store.Commit(text, user=user, via=via, seconds=now, comment=comment, confirm=confirm,
                                             minutes=minutes))  # fmt: skip
        self.loaded, self.loaded_by = now, user

    def _ask_checkers(self, parts: dict[str, Part]) -> None:
        """The daemons' own checkers, on what differs; Refused when one has a complaint."""
        for name, module in modules():
            if hasattr(module, "check") and not parts[name].same(self._parts.get(name)):
                try:
                    module.check(self._engine, parts[name])
                except Failed as error:
                    raise Refused([f"error: {error}", "error: configuration check-out failed"]) from error

    def _put_to_work(self, parts: dict[str, Part]) -> None:
        self._ask_checkers(parts)
        done: list[str] = []
        for name, module in modules():
            old = self._parts.get(name)
            if parts[name].same(old):
                continue
            done.append(name)
            try:
                module.apply(self._engine, old, parts[name])
            except Exception as error:  # whatever it is, the former configuration must be put back
                self.log(f"commit: {name}: {_told(error)}")
                self._back(parts, done)
                raise Refused([f"error: {error}", "error: commit failed, the configuration is as before"]) from error

    def _back(self, parts: dict[str, Part], names: list[str]) -> None:
        """Put the former parts back; what fails is logged, the rest goes on."""
        for name, module in reversed(modules()):
            old = self._parts.get(name)
            if name not in names or old is None or parts[name].same(old):
                continue
            try:
                module.apply(self._engine, parts[name], old)
            except Exception as error:  # noqa: BLE001  # the other parts must still go back
                self.log(f"configuration: going back: {name}: {_told(error)}")

    # ---- commit confirmed

    @property
    def unconfirmed(self) -> float | None:
        """Seconds until the active commit is taken back, or None when it is confirmed."""
        return self._confirm.remaining() if self._confirm is not None else None

    def _await_confirmation(self, confirm: store.Confirm | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._confirm = confirm
        if confirm is not None:
            self._timer = threading.Timer(confirm.remaining(), self._unconfirmed, (confirm,))
            self._timer.daemon = True
            self._timer.start()

    def _confirmed(self) -> None:
        """The active commit stays."""
        if self._confirm is not None:
            self._mark_confirm(None)
            self._await_confirmation(None)

    def _confirm_by_commit(self, tree: Tree, user: str, via: str, comment: str) -> None:
        """The commit that confirms is one of its own: the history tells who confirmed, and when."""
        try:
            self._keep(tree, user, via, comment)
        except OSError as error:
            raise Refused([f"error: configuration can't be kept: {error.strerror}"]) from error
        self.log(f"configuration: confirmed by {user} via {via}")

    def _mark_confirm(self, confirm: store.Confirm | None) -> None:
        """Write on the disk what becomes of the active commit."""
        try:
            commit = store.read(self.world, 0)
            if commit is not None:
                commit.confirm = confirm
                store.confirm(self.world, commit)
        except (OSError, EOFError, ValueError) as error:
            raise Refused([f"error: configuration can't be kept: {error}"]) from error

    def cancel_commit(self) -> None:
        """Go back at once from a commit that is not confirmed; Refused when there is none."""
        with self.lock:
            if self._confirm is None:
                raise Refused(["error: no confirmed commit is pending"])
            self._unconfirmed(self._confirm)

    def _before(self, back: int) -> Tree:
        """What was active `back` commits ago; nothing before the first one."""
        return self.committed(back) if store.read(self.world, back) is not None else {}

    def _unconfirmed(self, confirm: store.Confirm) -> None:
        with self.lock:
            if self._confirm is not confirm:
                return
            self._await_confirmation(None)
            try:
                fresh = self._before(confirm.back)
                running = groups.effective(fresh, self.schema)
                parts = {name: module.render(running, self.world) for name, module in modules()}
                self._make_active(fresh, parts, running, user="root", via="other", comment=UNCONFIRMED)
            except (Refused, Failed, OSError, EOFError, ValueError) as error:
                self.log(f"configuration: not confirmed, but going back failed: {error}")
                return
            self.log("configuration: the commit was not confirmed, gone back")
            for session in list(self.sessions.values()):
                session.notices.append("Commit was not confirmed; automatic rollback complete.")

    # ---- what is running

    def daemons(self) -> list[str]:
        """Names of the running daemons."""
        return self._engine.supervisor.names()

    def restart(self, name: str) -> bool:
        """Stop and start a daemon; False when it does not run."""
        return self._engine.supervisor.restart(name)


UNCONFIRMED = "commit was not confirmed, gone back"


def _place(steps: tuple[trees.Step, ...]) -> str:
    return f"[edit {' '.join(trees.words(steps))}]"
