"""The difference of two configurations, as `show | compare` prints it.

`[edit LEVEL]` heads the changes of a level: `-` and `+` before what went and came, `!` before what was moved, activated or
deactivated. Entries of lists that the user orders stand between their neighbours. A statement is indented by its depth
below the top (one column more when it is a level itself), as in the original.
"""

from __future__ import annotations

from . import text as texts
from .nodes import CONTAINER, LEAVES, LIST, Node
from .tree import COMMENT, INACTIVE, MARKS, marks, natural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .tree import Mark, Step, Tree

    Below = list[tuple[Tree, Tree, Node, list[str], int]]


def difference(old: Tree, new: Tree, schema: Node, steps: tuple[Step, ...] = ()) -> list[str]:
    """What turns `old` into `new`, both whole trees, under the steps; empty when nothing differs."""
    from .tree import only

    lines: list[str] = []
    _level(only(old, steps), only(new, steps), schema, [], 0, lines)
    return lines


def _level(old: Tree, new: Tree, schema: Node, path: list[str], depth: int, lines: list[str]) -> None:
    """Own lines of this level first, then each level below that is in both and differs."""
    own: list[str] = []
    below: Below = []
    for child in schema.all:
        if child.name not in old and child.name not in new:
            continue
        if child.gathered:
            _gathered(old, new, child, path, depth, own, below)
        elif child.kind == LIST:
            _entries(old, new, child, path, depth, own, below)
        elif child.joined:
            _joined(old.get(child.name, {}), new.get(child.name, {}), child, path, depth, own, below)
        else:
            _child(old, new, child, path, depth, own, below)
    if own:
        lines.append(" ".join(["[edit", *path]) + "]")
        lines.extend(own)
    for one, two, child, deeper, level in below:
        _level(one, two, child, deeper, level, lines)


def _signed(sign: str, lines: Iterable[str], node: Node, depth: int) -> list[str]:
    gap = " " * (depth + (2 if node.kind in (CONTAINER, LIST) else 1))
    return [f"{sign}{gap}{line}" for line in lines]


def _marks(title: str, node: Node, before: Mark, after: Mark, depth: int) -> list[str]:
    """Lines for a statement that is in both: its annotation and whether it is active."""
    found: list[str] = []
    for sign, kept, other in (("-", before, after), ("+", after, before)):
        if COMMENT in kept and kept[COMMENT] != other.get(COMMENT):
            found += _signed(sign, texts.comment_lines(kept[COMMENT]), node, depth)
    if bool(before.get(INACTIVE)) != bool(after.get(INACTIVE)):
        found += _signed("!", [f"{'inactive' if after.get(INACTIVE) else 'active'}: {title}"], node, depth)
    elif found:
        found += _signed(" ", [title], node, depth)
    return found


def _short(title: str, node: Node, value: Any) -> str:
    """A statement on one line, its inside left out."""
    lines = list(texts.entry_braces(node, "", value, {})) if node.kind == LIST else []
    return f"{title} {{ ... }}" if node.kind == CONTAINER or not lines or lines[-1] == "}" else f"{title};"


def _child(old: Tree, new: Tree, child: Node, path: list[str], depth: int, own: list[str], below: Below) -> None:
    before, after = old.get(child.name), new.get(child.name)
    both = before is not None and after is not None
    if both:
        title = f"{child.name} {{ ... }}" if child.kind == CONTAINER else texts.leaf_lines_text(child, after)[0]
        own += _marks(title, child, marks(old, child.name), marks(new, child.name), depth)
    if child.kind == CONTAINER and both:
        below.append((before or {}, after or {}, child, [*path, child.name], depth + 1))
    elif before == after:
        return
    elif child.kind == LEAVES and child.secret and both:
        own += _signed("-", [texts.leaf_text(child, [one]) for one in before or () if one not in (after or ())], child, depth)
        own += _signed("+", [texts.leaf_text(child, [one]) for one in after or () if one not in (before or ())], child, depth)
    else:
        if before is not None:
            own += _signed("-", texts.child_braces(child, before, {} if both else old), child, depth)
        if after is not None:
            own += _signed("+", texts.child_braces(child, after, {} if both else new), child, depth)


def _gathered(old: Tree, new: Tree, node: Node, path: list[str], depth: int, own: list[str], below: Below) -> None:
    """A list in one block: like a container whose entries have no keyword."""
    before, after = old.get(node.name), new.get(node.name)
    inside = Node(LIST, node.name, node.help, type_=node.type, children=node.children, bare=True, ordered=node.ordered,
                  oneline=node.oneline)  # fmt: skip
    view = Node(CONTAINER, node.name, node.help, children=(inside,))
    if before is not None and after is not None:
        one, two = ({node.name: entries, MARKS: tree.get(MARKS, {})} for entries, tree in ((before, old), (after, new)))
        below.append((one, two, view, [*path, node.name], depth + 1))
    else:
        tree, sign = (old, "-") if before is not None else (new, "+")
        own += _signed(sign, texts.child_braces(node, tree[node.name], tree), view, depth)


def _joined(old: Tree, new: Tree, node: Node, path: list[str], depth: int, own: list[str], below: Below) -> None:
    for child in node.children:
        before, after = old.get(child.name), new.get(child.name)
        if before is not None and after is not None:
            own += _marks(f"{node.name} {child.name} {{ ... }}", child, marks(old, child.name), marks(new, child.name), depth)
            if isinstance(before, dict):
                below.append((before, after, child, [*path, node.name, child.name], depth + 2))
                continue
        if before == after:
            continue
        if before is not None:
            own += _signed("-", texts.joined_braces(node, child, old), child, depth)
        if after is not None:
            own += _signed("+", texts.joined_braces(node, child, new), child, depth)


def _entries(old: Tree, new: Tree, node: Node, path: list[str], depth: int, own: list[str], below: Below) -> None:
    before, after = old.get(node.name, {}), new.get(node.name, {})
    moved: set[str] = set()
    if node.ordered:
        order, moved = _merged(list(before), list(after))
    else:
        order = sorted({*before, *after}, key=natural)
    rows: list[tuple[bool, list[str]]] = []
    for key in order:
        one, two = before.get(key), after.get(key)
        was, now = marks(old, node.name, key), marks(new, node.name, key)
        if one is not None and two is not None:
            title = _short(texts.head(node, key), node, two)
            found = _marks(title, node, was, now, depth)
            if key in moved and not found:
                found = _signed("!", [title], node, depth)
            rows.append((bool(found), found or _signed(" ", [title], node, depth)))
            below.append((one, two, node, [*path, *texts.head(node, key).split(" ", 0 if node.bare else 1)], depth + 1))
        elif one is not None:
            rows.append((False, []))
            rows.append((True, _signed("-", texts.entry_braces(node, key, one, was), node, depth)))
        else:
            rows.append((True, _signed("+", texts.entry_braces(node, key, two or {}, now), node, depth)))
    for index, (changed, found) in enumerate(rows):
        near = node.ordered and any(0 <= at < len(rows) and _placed(rows[at]) for at in (index - 1, index + 1))
        if changed or near:
            own += found


def _placed(row: tuple[bool, list[str]]) -> bool:
    """Is it a change whose neighbours say where it is?"""
    return row[0] and row[1][0][0] in "+!"


def _merged(old: list[str], new: list[str]) -> tuple[list[str], set[str]]:
    """All keys in the new order, those that went after what they followed; and which of them changed their place."""
    stay = _longest([key for key in old if key in new], [key for key in new if key in old])
    order = list(new)
    for index, key in enumerate(old):
        if key not in new:
            order.insert(order.index(old[index - 1]) + 1 if index else 0, key)
    return order, {key for key in new if key in old and key not in stay}


def _longest(one: list[str], two: list[str]) -> set[str]:
    """The longest sequence that both have in common (a permutation each: the longest increasing one of the places)."""
    import bisect

    place = {key: index for index, key in enumerate(two)}
    ends: list[int] = []
    last: list[str] = []
    before: dict[str, str | None] = {}
    for key in one:
        at = bisect.bisect_left(ends, place[key])
        before[key] = last[at - 1] if at else None
        ends[at : at + 1] = [place[key]]
        last[at : at + 1] = [key]
    found: set[str] = set()
    here = last[-1] if last else None
    while here is not None:
        found.add(here)
        here = before[here]
    return found
