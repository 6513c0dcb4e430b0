"""`replace pattern A with B`: in all values and names below a level."""

from __future__ import annotations

import re

from . import tree as trees
from .nodes import CONTAINER, FLAG, LEAVES, LIST, Node
from .statements import key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tree import Step, Tree


class Replacer:
    """`most`: values and names to change at most; 0 is no limit. `count`: how many were."""

    def __init__(self, pattern: str, text: str, most: int = 0) -> None:
        self._pattern = re.compile(pattern)
        self._text = text
        self._most = most
        self.count = 0

    def run(self, tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> None:
        """Change the tree in place. ValueError when a result is not possible there."""
        for child in schema.all:
            if child.name not in tree:
                continue
            value = tree[child.name]
            here = (*above, (child, None))
            if child.kind == CONTAINER:
                self.run(value, child, here)
            elif child.kind == LIST:
                self._entries(tree, child, above)
            elif child.kind == LEAVES:
                tree[child.name] = list(dict.fromkeys(self._one(item, child, above) for item in value))
            elif child.kind != FLAG:
                tree[child.name] = self._one(value, child, above)

    def _entries(self, tree: Tree, node: Node, above: tuple[Step, ...]) -> None:
        for key in trees.keys(node, tree[node.name]):
            fresh = self._one(key, node, above)
            if fresh != key:
                try:
                    trees.rename(tree, ((node, key),), fresh)
                except trees.Exists:
                    raise ValueError(f"'{node.name} {fresh}' already exists") from None
            self.run(tree[node.name][fresh], node, (*above, (node, fresh)))

    def _one(self, text: str, node: Node, above: tuple[Step, ...]) -> str:
        if (self._most and self.count >= self._most) or self._pattern.search(text) is None:
            return text
        try:
            fresh = self._pattern.sub(self._text, text)
        except (re.error, IndexError) as error:
            raise ValueError(f"'{self._text}': {error}") from None
        if fresh == text:
            return text
        self.count += 1
        return key_of(node, above, fresh) if node.kind == LIST else node.type.check(fresh)
