"""Reading and changing a configuration tree along schema steps.

A step is (node, key): key is the list entry's key, the value of a leaf-list, or None. The functions change `tree` in place.
Marks of statements (inactive, annotated) are kept in the dict that holds them, under `MARKS`: (name, key) -> {mark: value}.
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
    Mark = dict[str, Any]


MARKS = "@"
"""Key of a dict's marks; no statement has this name."""
INACTIVE = "inactive"
"""Mark of a statement that is kept but not applied; its value is True."""
COMMENT = "comment"
"""Mark of an annotated statement; its value is the text without `/*` and `*/`."""
GROUP = "group"
"""Mark of an inherited statement (in what `groups.inherited` gives); its value is the group's name."""


class NotFound(Exception):
    """What should be deleted or shown is not there."""


class Exists(Exception):
    """What should be made is there already."""


def natural(key: str) -> list[tuple[int, int, str]]:
    """Sorts ge-0/0/2 before ge-0/0/10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", key) if part]


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
            _drop(here, other)
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
        _forget(parent, node.name, key)
        if not parent[node.name]:
            del parent[node.name]
    elif key is not None and node.kind == LEAVES:
        parent[node.name].remove(key)
        if not parent[node.name]:
            _drop(parent, node.name)
    else:
        _drop(parent, node.name)


def _drop(here: Tree, name: str) -> None:
    """Take a statement away with the marks of all its entries."""
    here.pop(name, None)
    for other, key in list(here.get(MARKS, ())):
        if other == name:
            _forget(here, other, key)


def _forget(here: Tree, name: str, key: str | None) -> None:
    all_marks = here.get(MARKS, {})
    all_marks.pop((name, key), None)
    if not all_marks:
        here.pop(MARKS, None)


# ---- marks


def marks(here: Tree, name: str, key: str | None = None) -> Mark:
    """The marks of a statement in `here`; empty when it has none."""
    found: Mark = here.get(MARKS, {}).get((name, key), {})
    return found


def mark(tree: Tree, steps: tuple[Step, ...], what: str, value: Any) -> None:
    """Set a mark of what the steps name, or take it away when `value` is None; NotFound when the statement is not there.

    A list without a key and a container that prints with what it holds have no marks: all their entries get them.
    """
    node, key = steps[-1]
    here = get(tree, steps[:-1])
    if get(tree, steps) is None or not isinstance(here, dict):
        raise NotFound
    if node.kind == LIST and key is None:
        for entry in here[node.name]:
            mark(tree, (*steps[:-1], (node, entry)), what, value)
        return
    if node.joined:
        for child in node.children:
            if child.name in here[node.name]:
                mark(tree, (*steps, (child, None)), what, value)
        return
    place = (node.name, key if node.kind == LIST else None)
    if value is not None:
        here.setdefault(MARKS, {}).setdefault(place, {})[what] = value
        return
    found = here.get(MARKS, {}).get(place, {})
    found.pop(what, None)
    if not found:
        _forget(here, *place)


def marked(tree: Tree, steps: tuple[Step, ...], what: str) -> Any:
    """A mark of what the steps name, or None."""
    here = get(tree, steps[:-1])
    node, key = steps[-1]
    return marks(here, node.name, key if node.kind == LIST else None).get(what) if isinstance(here, dict) else None


# ---- whole entries


def rename(tree: Tree, steps: tuple[Step, ...], key: str) -> None:
    """Give a list entry another key; it keeps its place and its marks. NotFound, Exists."""
    _check_new(tree, steps, key)
    node, old = steps[-1]
    here = get(tree, steps[:-1])
    here[node.name] = {key if name == old else name: entry for name, entry in here[node.name].items()}
    kept = here.get(MARKS, {})
    if (node.name, old) in kept:
        kept[(node.name, key)] = kept.pop((node.name, old))


def duplicate(tree: Tree, steps: tuple[Step, ...], key: str) -> None:
    """Copy a list entry to another key; NotFound, Exists."""
    _check_new(tree, steps, key)
    node, old = steps[-1]
    here = get(tree, steps[:-1])
    here[node.name][key] = copy(here[node.name][old])
    kept = here.get(MARKS, {})
    if (node.name, old) in kept:
        kept[(node.name, key)] = dict(kept[(node.name, old)])


def _check_new(tree: Tree, steps: tuple[Step, ...], key: str) -> None:
    if get(tree, steps) is None:
        raise NotFound
    if get(tree, (*steps[:-1], (steps[-1][0], key))) is not None:
        raise Exists


def move(tree: Tree, steps: tuple[Step, ...], where: str, beside: str | None = None) -> None:
    """Put an entry of a list, or a value of a leaf-list, `before` or `after` another, `first` or `last`; NotFound."""
    node, key = steps[-1]
    here = get(tree, steps[:-1])
    if get(tree, steps) is None or key is None:
        raise NotFound
    names = [name for name in here[node.name] if name != key]
    if where in ("first", "last"):
        index = 0 if where == "first" else len(names)
    elif beside == key:
        return
    elif beside not in names:
        raise NotFound
    else:
        index = names.index(beside) + (where == "after")
    names.insert(index, key)
    here[node.name] = names if node.kind == LEAVES else {name: here[node.name][name] for name in names}


# ---- whole trees


def prune(tree: Tree, schema: Node) -> None:
    """Take away containers that hold nothing and mean nothing, and marks of what is not there."""
    for child in schema.all:
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
    for name, key in list(tree.get(MARKS, ())):
        if name not in tree or (key is not None and key not in tree[name]):
            _forget(tree, name, key)


def copy(tree: Tree) -> Tree:
    """A deep copy."""
    return {name: copy(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
            for name, value in tree.items()}  # fmt: skip


def same(one: Tree, two: Tree, schema: Node) -> bool:
    """Do both say the same? The order of entries counts where the user gives it."""
    return one == two and _same_order(one, two, schema)


def _same_order(one: Tree, two: Tree, schema: Node) -> bool:
    for child in schema.all:
        if child.name not in one or child.kind not in (CONTAINER, LIST):
            continue
        left, right = one[child.name], two[child.name]
        if child.kind == CONTAINER:
            if not _same_order(left, right, child):
                return False
            continue
        if child.ordered and list(left) != list(right):
            return False
        if any(not _same_order(left[key], right[key], child) for key in left):
            return False
    return True


def only(tree: Tree, steps: tuple[Step, ...]) -> Tree:
    """The part of the tree that the steps name, under all that leads to it."""
    if not steps:
        return tree
    node, key = steps[0]
    if node.name not in tree:
        return {}
    value = tree[node.name]
    found: Tree = {}
    if node.kind == LIST and key is not None:
        if key not in value:
            return {}
        found[node.name] = {key: only(value[key], steps[1:])}
    elif node.kind == CONTAINER:
        found[node.name] = only(value, steps[1:])
    else:
        found[node.name] = value
    kept = {place: value for place, value in tree.get(MARKS, {}).items() if place[0] == node.name and place[1] in (None, key)}
    if node.kind == LIST and key is None:
        kept = {place: value for place, value in tree.get(MARKS, {}).items() if place[0] == node.name}
    if kept:
        found[MARKS] = kept
    return found


def active(tree: Tree, schema: Node) -> Tree:
    """A copy without what is inactive, and without marks."""
    found: Tree = {}
    for child in schema.all:
        if child.name not in tree or marks(tree, child.name).get(INACTIVE):
            continue
        value = tree[child.name]
        if child.kind == CONTAINER:
            inner = active(value, child)
            if inner or child.presence:
                found[child.name] = inner
        elif child.kind == LIST:
            rows = {key: active(entry, child) for key, entry in value.items() if not marks(tree, child.name, key).get(INACTIVE)}
            if rows:
                found[child.name] = rows
        else:
            found[child.name] = list(value) if isinstance(value, list) else value
    return found


def statements(tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str | None]]:
    """All statements, in schema order, each as steps and the leaf's value; marks are left out."""
    for child in schema.all:
        if child.name in tree:
            yield from statements_of(tree[child.name], child, above)


def statements_of(here: Any, child: Node, above: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str | None]]:
    """All statements that a child with the value `here` is made of."""
    if child.kind == LEAF:
        yield (*above, (child, None)), here
    elif child.kind == FLAG:
        yield (*above, (child, None)), None
    elif child.kind == LEAVES:
        for value in here:
            yield (*above, (child, None)), value
    elif child.kind == CONTAINER:
        if not holds(here):
            yield (*above, (child, None)), None
        yield from statements(here, child, (*above, (child, None)))
    else:
        for key in keys(child, here):
            if not holds(here[key]):
                yield (*above, (child, key)), None
            yield from statements(here[key], child, (*above, (child, key)))


def holds(tree: Tree) -> bool:
    """Does it hold any statement?"""
    return any(name != MARKS for name in tree)


HIDDEN = "/* SECRET-DATA */"


def without_secrets(tree: Tree, schema: Node) -> Tree:
    """A copy whose secrets are replaced, for users who may look only."""
    found: Tree = {}
    for child in schema.all:
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
    if MARKS in tree:
        found[MARKS] = tree[MARKS]
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
