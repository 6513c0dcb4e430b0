"""Statements that are known but do nothing on this router: found in a configuration, to be told at commit. Pure."""

from __future__ import annotations

from .check import Problem
from .nodes import CONTAINER, LIST, Node
from .tokens import quote
from .tree import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree


class Warning_(Problem):
    """The same three lines as a problem's, with `warning:` before the reason."""

    def lines(self) -> list[str]:
        head, statement, reason = super().lines()
        return [head, statement, f"    warning: {reason.strip()}"]


def without_effect(tree: Tree, schema: Node, path: str = "") -> Iterator[Warning_]:
    """One warning for the topmost statement of each part of the tree that has no effect."""
    for child in schema.children:
        if child.name not in tree:
            continue
        if child.ignored:
            yield Warning_(path, child.name, child.ignored)
        elif child.kind == CONTAINER:
            yield from without_effect(tree[child.name], child, f"{path} {child.name}".strip())
        elif child.kind == LIST:
            for key in keys(child, tree[child.name]):
                head = quote(key) if child.bare else f"{child.name} {quote(key)}"
                yield from without_effect(tree[child.name][key], child, f"{path} {head}".strip())
