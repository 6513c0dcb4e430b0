"""Who is in configuration mode, and how: shared, exclusive or private."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tree import Tree

SHARED, EXCLUSIVE, PRIVATE = "shared", "exclusive", "private"


class Editor:
    """A session in configuration mode. `base` and `tree` belong to a private one: what was active when it began (or was last
    brought up to date), and its candidate."""

    __slots__ = ("base", "mode", "number", "since", "terminal", "touched", "tree", "user")

    def __init__(self, number: int, user: str, terminal: str, mode: str) -> None:
        self.number = number
        self.user = user
        self.terminal = terminal
        self.mode = mode
        self.since = time.time()
        self.touched = self.since
        self.base: Tree = {}
        self.tree: Tree = {}

    def lines(self) -> list[str]:
        """As others are told of it."""
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self.since))
        idle = max(0, int(time.time() - self.touched))
        clock = f"{idle // 3600:02}:{idle % 3600 // 60:02}:{idle % 60:02}"
        mode = "" if self.mode == SHARED else f"{self.mode} "
        return [
            f"  {self.user} terminal {self.terminal or 'none'} (session {self.number}) on since {since}, idle {clock}",
            f"      {mode}[edit]",
        ]
