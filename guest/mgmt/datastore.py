"""The shared candidate configuration and the active one; commit is atomic."""

from __future__ import annotations

import threading
import time

from . import store
from . import tree as trees
from .check import Problem, check
from .effect import without_effect
from .parse import LoadError, load_braces
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


class Refused(Exception):
    """A request that can't be done; `lines` are what the user is told."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[-1])
        self.lines = lines


def _told(error: Exception) -> str:
    """An expected failure in one sentence; a fault of ours with its traceback."""
    if isinstance(error, (Failed, OSError)):
        return str(error)
    import traceback

    return "".join(traceback.format_exception(error))


class Datastore:
    """Active and candidate configuration of the router. Every method takes the lock; a caller that needs several holds `lock`."""

    def __init__(self, world: Machine, supervisor: Supervisor, schema: Node, log: Callable[[str], None]) -> None:
        self.world = world
        self.schema = schema
        self.lock = threading.RLock()
        self.active: Tree = {}
        self.candidate: Tree = {}
        self.editors: dict[int, str] = {}
        """Sessions in configuration mode: number -> `user terminal`."""
        self.sessions: dict[int, Session] = {}
        self.warnings: list[str] = []
        """What the last check had to say of statements that have no effect."""
        self.log = log
        self.loaded = 0
        """Seconds since the epoch of the active commit; 0 when there is none."""
        self._engine = Engine(world, supervisor, log)
        self._parts: dict[str, Part] = {}
        self._timer: threading.Timer | None = None

    # ---- start

    def start(self) -> None:
        """Read the last committed configuration and put it to work. A damaged one is passed over for the one before."""
        with self.lock:
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
                self.loaded = commit.seconds
                break
            self.candidate = trees.copy(self.active)
            for name, module in modules():
                try:
                    part = module.render(self.active, self.world)
                    self._parts[name] = part
                    module.apply(self._engine, None, part)
                except Exception as error:  # noqa: BLE001  # a router with a fault in one part must still come up with the others
                    self.log(f"configuration at start: {name}: {_told(error)}")

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

    # ---- candidate

    def changed(self) -> bool:
        return self.candidate != self.active

    def edit(self, change: Callable[[Tree], None]) -> None:
        """Change the candidate; when `change` raises, nothing is changed."""
        with self.lock:
            fresh = trees.copy(self.candidate)
            change(fresh)
            trees.prune(fresh, self.schema)
            self.candidate = fresh

    def rollback(self, number: int) -> None:
        """Make a committed configuration the candidate."""
        with self.lock:
            if number == 0:
                self.candidate = trees.copy(self.active)
                return
            self.candidate = self.committed(number)

    def committed(self, number: int) -> Tree:
        """The tree of rollback `number`; Refused when there is none."""
        try:
            commit = store.read(self.world, number)
        except (OSError, EOFError, ValueError) as error:
            raise Refused([f"error: rollback {number} is damaged: {error}"]) from error
        if commit is None:
            raise Refused([f"error: rollback {number} does not exist"])
        fresh: Tree = {}
        try:
            load_braces(commit.text, fresh, self.schema)
        except LoadError as error:
            raise Refused([f"error: rollback {number}, line {error.faults[0][0]}: {error.faults[0][2]}"]) from error
        return fresh

    # ---- commit

    def check(self) -> dict[str, Part]:
        """Validate and render the candidate, changing nothing; Refused with all that is wrong."""
        with self.lock:
            self.warnings = [line for warning in without_effect(self.candidate, self.schema) for line in warning.lines()]
            problems: list[Problem] = check(self.candidate, self.schema)
            if problems:
                lines = [line for problem in problems for line in problem.lines()]
                missing = all(problem.reason.startswith("Missing mandatory") for problem in problems)
                end = (
                    "error: commit failed: (missing mandatory statements)" if missing else "error: configuration check-out failed"
                )
                raise Refused([*lines, end])
            parts = {}
            for name, module in modules():
                try:
                    parts[name] = module.render(self.candidate, self.world)
                except Failed as error:
                    raise Refused([f"error: {error}", "error: configuration check-out failed"]) from error
            return parts

    def commit(self, *, user: str, via: str, comment: str = "", minutes: int = 0) -> None:
        """Put the candidate to work and keep it; Refused when that is not possible, and then nothing is changed.

        `minutes`: go back after that time unless another commit confirms it; 0 means at once confirmed.
        """
        with self.lock:
            parts = self.check()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self.changed() or not self.loaded:
                before = trees.copy(self.active)
                self._put_to_work(parts)
                try:
                    self._keep(self.candidate, user, via, comment)
                except OSError as error:
                    self._back(parts, list(self._parts))
                    raise Refused([f"error: configuration can't be kept: {error.strerror}"]) from error
                self._parts = parts
                self.active = trees.copy(self.candidate)
                self.log(f"configuration: committed by {user} via {via}")
                if minutes:
                    self._timer = threading.Timer(minutes * 60, self._unconfirmed, (before,))
                    self._timer.daemon = True
                    self._timer.start()

    def _keep(self, tree: Tree, user: str, via: str, comment: str) -> None:
        text = as_text(tree, self.schema)
        self.loaded = int(time.time())
        store.write(self.world, store.Commit(text, user=user, via=via, seconds=self.loaded, comment=comment))

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

    def _unconfirmed(self, before: Tree) -> None:
        with self.lock:
            self._timer = None
            self.candidate = before
            try:
                self.commit(user="root", via="other", comment="commit was not confirmed, gone back")
            except Refused as error:
                self.log(f"configuration: not confirmed, but going back failed: {error.lines[-1]}")

    # ---- what is running

    def daemons(self) -> list[str]:
        """Names of the running daemons."""
        return self._engine.supervisor.names()

    def restart(self, name: str) -> bool:
        """Stop and start a daemon; False when it does not run."""
        return self._engine.supervisor.restart(name)
