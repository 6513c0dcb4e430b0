"""A configuration as the dialect's JSON, written and read.

    document(tree, schema, attributes=None) -> str         `{"configuration" : {...}}`, indented
    element(text) -> Element                               what a JSON document says, for configuration_xml.apply()

Containers are objects, lists are arrays of objects (the key in `name`), leaf-lists arrays, numbers are numbers, statements
without a value are `[null]`. Attributes (inactive, comment, operation): `"@"` in an object, `"@leaf"` beside a leaf.
"""

from __future__ import annotations

import json

from . import tree as trees
from .nodes import CONTAINER, FLAG, LEAVES, LIST, Node
from .xmltree import Element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .tree import Mark, Tree

INDENT = "    "
DEEPEST = 64


class BadJson(ValueError):
    """Not JSON, or not of this form; one sentence."""


# ---- writing


def document(tree: Tree, schema: Node, attributes: dict[str, str] | None = None) -> str:
    """The whole tree in `configuration`."""
    members: dict[str, Any] = {"@": attributes} if attributes else {}
    return _text({"configuration": {**members, **_object(tree, schema)}}, 0) + "\n"


def _object(tree: Tree, schema: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in schema.all:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if child.kind == LIST:
            found[child.tag] = [
                {**_at("@", trees.marks(tree, child.name, key)), child.identifier: _scalar(child, key), **_object(entry, child)}
                for key, entry in ((key, value[key]) for key in trees.keys(child, value))
            ]
            continue
        kept = trees.marks(tree, child.name)
        if child.kind == CONTAINER:
            inside = {**_at("@", kept), **_object(value, child)}
            found[child.tag] = inside or [None]
            continue
        found |= _at(f"@{child.tag}", kept)
        if child.kind == LEAVES:
            found[child.tag] = [_scalar(child, item) for item in value]
        elif child.kind == FLAG:
            found[child.tag] = [None]
        else:
            found[child.tag] = _scalar(child, value)
    return found


def _at(name: str, kept: Mark) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if trees.COMMENT in kept:
        attributes["comment"] = f"/* {kept[trees.COMMENT]} */"
    if kept.get(trees.INACTIVE):
        attributes["inactive"] = True
    if trees.GROUP in kept:
        attributes["junos:group"] = kept[trees.GROUP]
    return {name: attributes} if attributes else {}


def _scalar(node: Node, value: str) -> str | int:
    return int(value) if node.type.numeric and value.isascii() and value.isdigit() else value


def _text(value: Any, depth: int) -> str:
    margin = INDENT * depth
    if isinstance(value, dict):
        if not value:
            return "{}"
        rows = [
            f"{margin}{INDENT}{json.dumps(name, ensure_ascii=False)} : {_text(inner, depth + 1)}" for name, inner in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{margin}}}"
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(f"{margin}{_text(inner, depth)}" for inner in value) + f"\n{margin}]"
        return "[" + ", ".join(json.dumps(inner, ensure_ascii=False) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


# ---- reading


def element(text: str) -> Element:
    """The `<configuration>` that a JSON document stands for. BadJson."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadJson(f"not JSON: {error}") from None
    if isinstance(value, dict) and isinstance(value.get("configuration"), (dict, list)):
        value = value["configuration"]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise BadJson('an object is needed: {"configuration" : {...}}')
    found = Element("configuration")
    _members(found, value, 0)
    return found


def _members(parent: Element, value: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise BadJson(f"objects are nested deeper than {DEEPEST}")
    for name, inner in value.items():
        if name == "@" or name == "attributes":
            _attributes(parent, inner)
        elif not name.startswith("@"):
            about = value.get(f"@{name}")
            for index, one in enumerate(_each(inner)):
                comment = _comment_of(one.get("@") if isinstance(one, dict) else None) or (
                    _comment_of(about) if index == 0 else ""
                )
                if comment:
                    parent.append(Element("junos:comment", comment))
                child = parent.append(Element(name))
                if isinstance(about, dict):
                    _attributes(child, about)
                elif isinstance(about, list) and index < len(about) and isinstance(about[index], dict):
                    _attributes(child, about[index])
                _value(child, one, depth)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _value(child: Element, value: Any, depth: int) -> None:
    if isinstance(value, dict):
        if set(value) - {"attributes"} == {"data"}:
            _attributes(child, value.get("attributes", {}))
            value = value["data"]
            _value(child, value[0] if isinstance(value, list) and len(value) == 1 else value, depth + 1)
            return
        _members(child, value, depth + 1)
    elif isinstance(value, list):
        raise BadJson(f"'{child.tag}': an array in an array")
    elif value is None or value is True:
        return
    elif value is False:
        raise BadJson(f"'{child.tag}': false has no meaning here")
    else:
        child.text = str(value)


def _comment_of(about: Any) -> str:
    found = about.get("comment") if isinstance(about, dict) else None
    return found if isinstance(found, str) else ""


def _attributes(target: Element, about: Any) -> None:
    if not isinstance(about, dict):
        raise BadJson("'@' needs an object")
    for name, value in about.items():
        if name == "comment":
            continue
        if name == "inactive":
            target.attributes["inactive"] = "inactive" if value is True or value == "inactive" else "false"
        elif name in ("active", "delete", "replace", "rename") and value is True:
            target.attributes[name] = name
        else:
            target.attributes[str(name)] = str(value)
