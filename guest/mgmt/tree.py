"""Reading and changing a configuration tree along schema steps.

A step is (node, key): key is the list entry's key, the value of a leaf-list, or None. The functions change `tree` in place.
"""

from __future__ import annotations

import re

from .nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST, Node
from .tokens import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Step = tuple[Node, str | None]
    Tree = dict[str, Any]


class NotFound(Exception):
    """What should be deleted or shown is not there."""


def natural(key: str) -> list[tuple[int, int, str]]:
    """Sorts ge-0/0/2 before ge-0/0/10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", key) if part]


def keys(node: Node, entries: Tree) -> list[str]:
    """Keys of a list's entries in the order in which they are shown: the user's when it means something, else the natural one."""
    return list(entries) if node.ordered else sorted(entries, key=natural)


def get(tree: Tree, steps: tuple[Step, ...]) -> Any:
    """What is at the end of the steps, or None."""
    here: Any = tree
    for node, key in steps:
        if not isinstance(here, dict):
            return None
        here = here.get(node.name)
        if here is None:
            return None
        if node.kind == LIST and key is not None:
            here = here.get(key)
        elif node.kind == LEAVES and key is not None:
            here = key if key in here else None
    return here


def put(tree: Tree, steps: tuple[Step, ...], value: str | None = None) -> None:
    """Make what the steps name; `value` is the leaf's (or one value of a leaf-list). Replaces what it excludes."""
    here = tree
    for index, (node, key) in enumerate(steps):
        for other in node.excludes:
            here.pop(other, None)
        if node.kind == LEAF:
            here[node.name] = value
        elif node.kind == FLAG:
            here[node.name] = True
        elif node.kind == LEAVES:
            values = here.setdefault(node.name, [])
            if value not in values:
                values.append(value)
        elif node.kind == LIST:
            here = here.setdefault(node.name, {})
            if key is None:
                raise ValueError(f"{node.name} needs a key")
            here = here.setdefault(key, {})
        else:
            here = here.setdefault(node.name, {})
        if node.kind not in (LIST, CONTAINER) and index != len(steps) - 1:
            raise ValueError(f"{node.name} holds no statements")


def remove(tree: Tree, steps: tuple[Step, ...]) -> None:
    """Delete what the steps name; NotFound when it is not there."""
    if not steps:
        tree.clear()
        return
    parent = get(tree, steps[:-1])
    node, key = steps[-1]
    if not isinstance(parent, dict) or node.name not in parent or get(tree, steps) is None:
        raise NotFound
    if key is not None and node.kind == LIST:
        del parent[node.name][key]
        if not parent[node.name]:
            del parent[node.name]
    elif key is not None and node.kind == LEAVES:
        parent[node.name].remove(key)
        if not parent[node.name]:
            del parent[node.name]
    else:
        del parent[node.name]


def prune(tree: Tree, schema: Node) -> None:
    """Take away containers that hold nothing and mean nothing."""
    for child in schema.children:
        if child.name not in tree:
            continue
        if child.kind == CONTAINER:
            prune(tree[child.name], child)
            if not tree[child.name] and not child.presence:
                del tree[child.name]
        elif child.kind == LIST:
            for entry in tree[child.name].values():
                prune(entry, child)
            if not tree[child.name]:
                del tree[child.name]
        elif child.kind == LEAVES and not tree[child.name]:
            del tree[child.name]


def copy(tree: Tree) -> Tree:
    """A deep copy."""
    return {name: copy(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
            for name, value in tree.items()}  # fmt: skip


def merge(tree: Tree, other: Tree, schema: Node) -> None:
    """Put everything of `other` into `tree`, as if each statement had been `set`."""
    for steps, value in statements(other, schema):
        put(tree, steps, value)


def statements(tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str | None]]:
    """All statements, in schema order, each as steps and the leaf's value."""
    for child in schema.children:
        if child.name not in tree:
            continue
        here = tree[child.name]
        if child.kind == LEAF:
            yield (*above, (child, None)), here
        elif child.kind == FLAG:
            yield (*above, (child, None)), None
        elif child.kind == LEAVES:
            for value in here:
                yield (*above, (child, None)), value
        elif child.kind == CONTAINER:
            if not here:
                yield (*above, (child, None)), None
            yield from statements(here, child, (*above, (child, None)))
        else:
            for key in keys(child, here):
                if not here[key]:
                    yield (*above, (child, key)), None
                yield from statements(here[key], child, (*above, (child, key)))


HIDDEN = "/* SECRET-DATA */"


def without_secrets(tree: Tree, schema: Node) -> Tree:
    """A copy whose secrets are replaced, for users who may look only."""
    found: Tree = {}
    for child in schema.children:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if child.secret:
            found[child.name] = [HIDDEN] if isinstance(value, list) else HIDDEN
        elif child.kind == CONTAINER:
            found[child.name] = without_secrets(value, child)
        elif child.kind == LIST:
            found[child.name] = {key: without_secrets(entry, child) for key, entry in value.items()}
        else:
            found[child.name] = value
    return found


def words(steps: tuple[Step, ...]) -> list[str]:
    """The steps as they are typed."""
    found: list[str] = []
    for node, key in steps:
        if not node.bare:
            found.append(node.name)
        if key is not None:
            found.append(quote(key))
    return found
