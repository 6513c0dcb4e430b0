"""Three-way merge: what one editor changed of a configuration, done to what it has become since."""

from __future__ import annotations

from . import tree as trees
from .nodes import CONTAINER, LEAVES, LIST, Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .tree import Step, Tree

    Steps = tuple[Step, ...]
    Flat = dict[Steps, Any]


def merged(base: Tree, mine: Tree, theirs: Tree, schema: Node) -> tuple[Tree, list[Steps]]:
    """`theirs` with what turned `base` into `mine`; and the statements that both changed differently (mine wins)."""
    found = trees.copy(theirs)
    was, have, they = _flat(base, schema), _flat(mine, schema), _flat(theirs, schema)
    conflicts = []
    changed = [steps for steps in {**was, **have} if was.get(steps) != have.get(steps)]
    for steps in changed:
        if was.get(steps) != they.get(steps) and have.get(steps) != they.get(steps):
            conflicts.append(steps)
    for steps in changed:
        if steps in have:
            _make(found, steps, have[steps][0])
    for steps in reversed(changed):
        if steps not in have:
            _take(found, steps)
    for steps in changed:
        if steps in have:
            _remark(found, mine, steps)
    _reorder(found, base, mine, schema)
    trees.prune(found, schema)
    return found, conflicts


def _flat(tree: Tree, schema: Node) -> Flat:
    """Steps of each level and statement -> its value and marks."""
    found: Flat = {}
    _flatten(tree, schema, (), found)
    return found


def _flatten(tree: Tree, schema: Node, above: Steps, found: Flat) -> None:
    for child in schema.all:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if child.kind == LIST:
            for key, entry in value.items():
                here = (*above, (child, key))
                found[here] = (True, trees.marks(tree, child.name, key))
                _flatten(entry, child, here, found)
            continue
        here = (*above, (child, None))
        kept = trees.marks(tree, child.name)
        if child.kind == CONTAINER:
            found[here] = (True, kept)
            _flatten(value, child, here, found)
        else:
            found[here] = (list(value) if child.kind == LEAVES else value, kept)


def _make(tree: Tree, steps: Steps, value: Any) -> None:
    node = steps[-1][0]
    if node.kind != LEAVES:
        trees.put(tree, steps, value if isinstance(value, str) else None)
        return
    if trees.get(tree, steps) is not None:
        trees.remove(tree, steps)
    for one in value:
        trees.put(tree, steps, one)


def _take(tree: Tree, steps: Steps) -> None:
    """Remove a statement; a level stays when others have put something into it."""
    value = trees.get(tree, steps)
    if value is None or (isinstance(value, dict) and trees.holds(value)):
        return
    trees.remove(tree, steps)


def _remark(tree: Tree, mine: Tree, steps: Steps) -> None:
    for what in (trees.INACTIVE, trees.COMMENT):
        if not steps[-1][0].joined:
            trees.mark(tree, steps, what, trees.marked(mine, steps, what))


def _reorder(found: Tree, base: Tree, mine: Tree, schema: Node) -> None:
    """Where this editor moved entries, its order; entries of others go behind."""
    for child in schema.all:
        if child.name not in mine or child.name not in found or child.kind not in (CONTAINER, LIST):
            continue
        old = base.get(child.name, {})
        if child.kind == CONTAINER:
            _reorder(found[child.name], old, mine[child.name], child)
            continue
        order = list(mine[child.name])
        if child.ordered and order != list(old):
            entries = found[child.name]
            rest = [key for key in entries if key not in mine[child.name]]
            found[child.name] = {key: entries[key] for key in (*order, *rest) if key in entries}
        for key, entry in mine[child.name].items():
            if key in found[child.name]:
                _reorder(found[child.name][key], old.get(key, {}), entry, child)
