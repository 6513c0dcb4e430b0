"""The two text forms of a configuration, written: braces (`show configuration`) and `set` lines."""

from __future__ import annotations

from .nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST, Node
from .tokens import quote
from .tree import COMMENT, GROUP, INACTIVE, holds, keys, marks, statements_of, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .tree import Mark, Step, Tree

    Notes = Callable[[Node, str, Mark], list[str]]
    """Lines to print before a statement, given its node, what it is called, and its marks."""

INDENT = "    "
SECRET = " ## SECRET-DATA"
TAG = "inactive: "


# ---- set lines


def set_lines(tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> list[str]:
    """`set ...` lines, and `deactivate ...` after what is inactive. `above` are the steps that lead to `tree`."""
    lines: list[str] = []
    _set_level(tree, schema, above, lines)
    return lines


def _set_level(tree: Tree, schema: Node, above: tuple[Step, ...], lines: list[str]) -> None:
    for child in schema.all:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if child.kind == LIST:
            for key in keys(child, value):
                here = (*above, (child, key))
                _set_inside(value[key], child, here, lines)
                if marks(tree, child.name, key).get(INACTIVE):
                    lines.append(" ".join(["deactivate", *words(here)]))
            continue
        here = (*above, (child, None))
        if child.kind == CONTAINER:
            _set_inside(value, child, here, lines)
        else:
            lines.extend(leaf_lines(value, child, above))
        if marks(tree, child.name).get(INACTIVE):
            lines.append(" ".join(["deactivate", *words(here)]))


def leaf_lines(value: Any, node: Node, above: tuple[Step, ...]) -> list[str]:
    """`set` lines of a leaf, flag or leaf-list."""
    lines = []
    for steps, one in statements_of(value, node, above):
        lines.append(" ".join(["set", *words(steps), *([quote(one)] if one is not None else [])]))
    return lines


def _set_inside(value: Tree, node: Node, here: tuple[Step, ...], lines: list[str]) -> None:
    if not holds(value):
        lines.append(" ".join(["set", *words(here)]))
        return
    _set_level(value, node, here, lines)


# ---- braces


def braces(tree: Tree, schema: Node, notes: Notes | None = None) -> list[str]:
    """Curly-brace text, one line an element."""
    lines: list[str] = []
    for child in schema.all:
        if child.name in tree:
            lines.extend(child_braces(child, tree[child.name], tree, notes))
    return lines


def child_braces(node: Node, value: Any, tree: Tree, notes: Notes | None = None) -> Iterator[str]:
    """One child of a level. `tree` is the level, for its marks."""
    if node.kind in (LEAF, FLAG, LEAVES):
        yield from _told(leaf_lines_text(node, value), node, _shown(node, value), marks(tree, node.name), notes)
    elif node.joined:
        for child in node.children:
            if child.name in value:
                yield from joined_braces(node, child, value, notes)
    elif node.kind == CONTAINER:
        yield from _told(_block(node.name, node, value, notes), node, node.name, marks(tree, node.name), notes)
    elif node.gathered:
        yield f"{node.name} {{"
        for key in keys(node, value):
            yield from (INDENT + line for line in entry_braces(node, key, value[key], marks(tree, node.name, key), notes))
        yield "}"
    else:
        for key in keys(node, value):
            yield from entry_braces(node, key, value[key], marks(tree, node.name, key), notes)


def joined_braces(node: Node, child: Node, value: Tree, notes: Notes | None = None) -> Iterator[str]:
    """`family inet { ...`: what a joined container holds, each on its line."""
    inner = value[child.name]
    if child.kind in (LEAF, FLAG, LEAVES):
        lines = [f"{node.name} {line}" for line in leaf_lines_text(child, inner)]
    else:
        lines = _block(f"{node.name} {child.name}", child, inner, notes)
    yield from _told(lines, child, child.name, marks(value, child.name), notes)


def entry_braces(node: Node, key: str, value: Tree, kept: Mark, notes: Notes | None = None) -> Iterator[str]:
    """One entry of a list."""
    yield from _told(_block(head(node, key), node, value, notes), node, key, kept, notes)


def head(node: Node, key: str) -> str:
    return quote(key) if node.bare or node.gathered else f"{node.name} {quote(key)}"


def _told(lines: list[str], node: Node, name: str, kept: Mark, notes: Notes | None) -> Iterator[str]:
    """The lines of a statement, with its annotation before them and the tag of what is inactive."""
    if notes is not None:
        yield from notes(node, name, kept)
    if COMMENT in kept:
        yield from comment_lines(kept[COMMENT])
    if kept.get(INACTIVE):
        # Keys of one leaf-list on several lines are one statement: all are inactive.
        tagged = lines if all(line.split("; ")[0].endswith(";") or line.endswith(";") for line in lines) else lines[:1]
        yield from (TAG + line for line in tagged)
        yield from lines[len(tagged) :]
        return
    yield from lines


def comment_lines(text: str) -> list[str]:
    parts = text.split("\n")
    parts[0] = f"/* {parts[0]}"
    parts[-1] = f"{parts[-1]} */"
    return parts


def _block(title: str, node: Node, value: Tree, notes: Notes | None) -> list[str]:
    inner = braces(value, node, notes)
    if not inner:
        return [f"{title};"]
    if node.oneline and len(inner) == 1 and not inner[0].startswith(TAG):
        return [f"{title} {inner[0]}"]
    return [f"{title} {{", *(INDENT + line for line in inner), "}"]


def leaf_lines_text(node: Node, value: Any) -> list[str]:
    """`name value;` with the mark of secrets; secret leaf-lists have a line for each value."""
    mark = SECRET if node.secret else ""
    if node.kind == FLAG:
        return [f"{node.name};{mark}"]
    if node.bare:
        return [f"{quote(value)};{mark}"]
    if node.kind == LEAVES and node.secret:
        return [f"{node.name} {_secret(item)};{mark}" for item in value]
    if node.kind == LEAVES:
        inside = quote(value[0]) if len(value) == 1 else "[ " + " ".join(quote(item) for item in value) + " ]"
        return [f"{node.name} {inside};{mark}"]
    return [f"{node.name} {_secret(value) if node.secret else quote(value)};{mark}"]


def leaf_text(node: Node, value: Any) -> str:
    return "\n".join(leaf_lines_text(node, value))


def _shown(node: Node, value: Any) -> str:
    """What an inherited statement is called in its remark: the value, or the name of what has none."""
    if node.kind == FLAG:
        return node.name
    return " ".join(value) if node.kind == LEAVES else str(value)


def _secret(value: str) -> str:
    """Secrets stand always in quotes, as the original prints them."""
    text = quote(value)
    return text if text.startswith('"') else f'"{text}"'


def as_text(tree: Tree, schema: Node, notes: Notes | None = None) -> str:
    return "".join(line + "\n" for line in braces(tree, schema, notes))


# ---- remarks


def inheritance_notes(node: Node, name: str, kept: Mark) -> list[str]:
    """`display inheritance`: where a statement comes from."""
    return ["##", f"## '{name}' was inherited from group '{kept[GROUP]}'", "##"] if GROUP in kept else []


def detail_notes(node: Node, name: str, kept: Mark) -> list[str]:
    """`display detail`: what a statement is."""
    return [
        "##",
        f"## {node.name}: {node.help}",
        *([f"## value: {node.type.label}"] if node.kind in (LEAF, LEAVES) else []),
        "##",
    ]
