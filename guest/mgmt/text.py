"""The two text forms of a configuration, written: braces (`show configuration`) and `set` lines; and the difference of two."""

from __future__ import annotations

from .nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST, Node
from .tokens import quote
from .tree import keys, natural, statements, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .tree import Step, Tree

INDENT = "    "
SECRET = " ## SECRET-DATA"


def set_lines(tree: Tree, schema: Node, above: tuple[Step, ...] = ()) -> list[str]:
    """`set ...` lines. `above` are the steps that lead to `tree`."""
    lines = []
    for steps, value in statements(tree, schema, above):
        line = ["set", *words(steps)]
        if value is not None:
            line.append(quote(value))
        lines.append(" ".join(line))
    return lines


def braces(tree: Tree, schema: Node, depth: int = 0) -> list[str]:
    """Curly-brace text, one line an element."""
    lines: list[str] = []
    for child in schema.children:
        if child.name in tree:
            lines.extend(_child_braces(child, tree[child.name], depth))
    return lines


def _child_braces(node: Node, value: Any, depth: int) -> Iterator[str]:
    if node.kind in (LEAF, FLAG, LEAVES):
        yield INDENT * depth + leaf_text(node, value)
    elif node.joined:
        for child in node.children:
            if child.name in value:
                if child.kind in (LEAF, FLAG, LEAVES):
                    yield f"{INDENT * depth}{node.name} {leaf_text(child, value[child.name])}"
                else:
                    yield from _block(f"{node.name} {child.name}", child, value[child.name], depth)
    elif node.kind == CONTAINER:
        yield from _block(node.name, node, value, depth)
    else:
        for key in keys(node, value):
            yield from entry_braces(node, key, value[key], depth)


def entry_braces(node: Node, key: str, value: Tree, depth: int) -> Iterator[str]:
    """One entry of a list."""
    head = quote(key) if node.bare else f"{node.name} {quote(key)}"
    yield from _block(head, node, value, depth)


def _block(head: str, node: Node, value: Tree, depth: int) -> Iterator[str]:
    margin = INDENT * depth
    inner = braces(value, node)
    if not inner:
        yield f"{margin}{head};"
    elif node.oneline and len(inner) == 1:
        yield f"{margin}{head} {inner[0]}"
    else:
        yield f"{margin}{head} {{"
        for line in inner:
            yield margin + INDENT + line
        yield margin + "}"


def leaf_text(node: Node, value: Any) -> str:
    """`name value;` with the mark of secrets."""
    mark = SECRET if node.secret else ""
    if node.bare:
        return f"{quote(value)};{mark}"
    if node.kind == FLAG:
        return f"{node.name};{mark}"
    if node.kind == LEAVES and node.secret:
        return "\n".join(f"{node.name} {_secret(item)};{mark}" for item in value)
    if node.kind == LEAVES:
        inside = quote(value[0]) if len(value) == 1 else "[ " + " ".join(quote(item) for item in value) + " ]"
        return f"{node.name} {inside};{mark}"
    return f"{node.name} {_secret(value) if node.secret else quote(value)};{mark}"


def _secret(value: str) -> str:
    """Secrets stand always in quotes, as the original prints them."""
    text = quote(value)
    return text if text.startswith('"') else f'"{text}"'


def as_text(tree: Tree, schema: Node) -> str:
    return "".join(line + "\n" for line in braces(tree, schema))


def compare(old: Tree, new: Tree, schema: Node) -> list[str]:
    """What turns `old` into `new`: `[edit path]` headings, `-` and `+` lines."""
    lines: list[str] = []
    compare_at(old, new, schema, [], lines)
    return lines


def compare_at(old: Tree, new: Tree, schema: Node, path: list[str], lines: list[str]) -> None:
    """Own lines of this level first, then each level below that is in both and differs."""
    own: list[str] = []
    below: list[tuple[Tree, Tree, Node, list[str]]] = []
    for child in schema.children:
        before, after = old.get(child.name), new.get(child.name)
        if before == after:
            continue
        if child.kind == LIST:
            before, after = before or {}, after or {}
            for key in sorted({*before, *after}, key=natural):
                one, two = before.get(key), after.get(key)
                if one == two:
                    continue
                head = [quote(key)] if child.bare else [child.name, quote(key)]
                if one is not None and two is not None:
                    below.append((one, two, child, [*path, *head]))
                else:
                    own.extend(_signed("-" if two is None else "+", entry_braces(child, key, one or two or {}, 0)))
        elif child.joined:
            for grandchild in child.children:
                one, two = (before or {}).get(grandchild.name), (after or {}).get(grandchild.name)
                if grandchild.kind in (LEAF, FLAG, LEAVES):
                    for sign, value in (("-", one), ("+", two)):
                        if value is not None and one != two:
                            own.extend(_signed(sign, _child_braces(child, {grandchild.name: value}, 0)))
                elif one is not None and two is not None and one != two:
                    below.append((one, two, grandchild, [*path, child.name, grandchild.name]))
                elif one != two:
                    head_text = f"{child.name} {grandchild.name}"
                    own.extend(_signed("-" if two is None else "+", _block(head_text, grandchild, one or two or {}, 0)))
        elif child.kind == CONTAINER and before is not None and after is not None:
            below.append((before, after, child, [*path, child.name]))
        elif child.kind == LEAVES and before and after:
            own.extend(_signed("-", [leaf_text(child, [item]) for item in before if item not in after]))
            own.extend(_signed("+", [leaf_text(child, [item]) for item in after if item not in before]))
        else:
            if before is not None:
                own.extend(_signed("-", _child_braces(child, before, 0)))
            if after is not None:
                own.extend(_signed("+", _child_braces(child, after, 0)))
    if own:
        lines.append(" ".join(["[edit", *path]) + "]")
        lines.extend(own)
    for one, two, child, deeper in below:
        compare_at(one, two, child, deeper, lines)


def _signed(sign: str, lines: Iterable[str]) -> list[str]:
    """Lines of a difference; blocks stand one column further in than single statements, as in the original."""
    parts = [part for line in lines for part in line.split("\n")]
    gap = "   " if any(part.endswith("{") for part in parts) else "  "
    return [f"{sign}{gap}{part}" for part in parts]
