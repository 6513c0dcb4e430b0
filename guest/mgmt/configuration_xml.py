"""A configuration as XML elements, written and read, with the names and attributes of the dialect.

    document(tree, schema, attributes=None) -> Element     `<configuration>`; `tree` may be one that trees.only() cut out
    apply(element, tree, schema, default="merge") -> list[Fault]
        Do in `tree` what a `<configuration>` element asks for; give a copy, and take it only when no fault is an error.
    selected(filter_, element) -> Element | None            what a subtree filter (RFC 6241, 6) keeps of an element

An `Element` is anything with `tag` (local name), `text`, `attributes` (prefix:name -> value) and `children`: `xmltree.Element`.

Attributes that `apply` knows: `operation` with any prefix (RFC 6241, 7.2: merge, replace, create, delete, remove) and the
dialect's `delete="delete"`, `replace="replace"`, `inactive="inactive"`, `active="active"`, `rename="rename" name="NEW"`,
`insert="before|after" name="OTHER"` and `insert="first|last"`. A `<junos:comment>` annotates the element after it.
`default`: RFC 6241's default-operation, `merge`, `replace` or `none`; `load override` is `merge` into an empty tree.
"""

from __future__ import annotations

from . import tree as trees
from .changes import comment as annotation
from .changes import hashed, sibling
from .nodes import CONTAINER, FLAG, LEAVES, LIST, PROMPT, Node
from .statements import key_of
from .xmltree import Element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tree import Mark, Step, Tree

COMMENT_TAG = "junos:comment"


class Fault:
    """What is wrong with an element. `tag` is RFC 6241's error-tag, `severity` error or warning, `path` the level as it is
    typed, `element` the tag it is about."""

    __slots__ = ("element", "message", "path", "severity", "tag")

    def __init__(self, tag: str, path: str, element: str, message: str, severity: str = "error") -> None:
        self.tag = tag
        self.path = path
        self.element = element
        self.message = message
        self.severity = severity

    def line(self) -> str:
        head = f"[edit {self.path}]" if self.path else "[edit]"
        return f"{self.severity}: {head} '{self.element}': {self.message}"


# ---- writing


def document(tree: Tree, schema: Node, attributes: dict[str, str] | None = None) -> Element:
    """The whole tree under `<configuration>`."""
    found = Element("configuration", attributes=attributes)
    _fill(found, tree, schema)
    return found


def _fill(parent: Element, tree: Tree, schema: Node) -> None:
    for child in schema.all:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if child.kind == LIST:
            for key in trees.keys(child, value):
                entry = _begin(parent, child, trees.marks(tree, child.name, key))
                entry.append(Element(child.identifier, key))
                _fill(entry, value[key], child)
            continue
        kept = trees.marks(tree, child.name)
        if child.kind == CONTAINER:
            _fill(_begin(parent, child, kept), value, child)
        elif child.kind == LEAVES:
            for item in value:
                _begin(parent, child, kept).text = item
                kept = {name: mark for name, mark in kept.items() if name != trees.COMMENT}
        elif child.kind == FLAG:
            _begin(parent, child, kept)
        else:
            _begin(parent, child, kept).text = value


def _begin(parent: Element, node: Node, kept: Mark) -> Element:
    if trees.COMMENT in kept:
        parent.append(Element(COMMENT_TAG, f"/* {kept[trees.COMMENT]} */"))
    attributes = {"inactive": "inactive"} if kept.get(trees.INACTIVE) else {}
    if trees.GROUP in kept:
        attributes["junos:group"] = kept[trees.GROUP]
    return parent.append(Element(node.tag, attributes=attributes))


# ---- reading


def apply(configuration: Element, tree: Tree, schema: Node, *, default: str = "merge",
          above: tuple[Step, ...] = ()) -> list[Fault]:  # fmt: skip
    """Do what the children of `configuration` ask for. `above`: steps to the level they belong to."""
    reader = _Reader(tree, schema)
    own = _operation(configuration)
    operation = own or default
    if operation in ("delete", "remove"):
        trees.remove(tree, above)
        return []
    if operation == "replace":
        if not above or own:
            _clear(tree, above)
        operation = "merge"
    reader.children(configuration, above, operation)
    trees.prune(tree, schema)
    return reader.faults


def _clear(tree: Tree, above: tuple[Step, ...]) -> None:
    here = trees.get(tree, above) if above else tree
    if isinstance(here, dict):
        here.clear()


def _operation(element: Element) -> str:
    """The operation that an element asks for itself; empty when it takes its parent's."""
    for name, value in element.attributes.items():
        if name == "operation" or name.endswith(":operation"):
            return value
    for name in ("delete", "replace"):
        if element.attributes.get(name) == name:
            return name
    return ""


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


OPERATIONS = ("merge", "replace", "create", "delete", "remove", "none")


class _Reader:
    def __init__(self, tree: Tree, schema: Node) -> None:
        self.tree = tree
        self.schema = schema
        self.faults: list[Fault] = []

    def fault(self, tag: str, steps: tuple[Step, ...], element: str, message: str, severity: str = "error") -> None:
        self.faults.append(Fault(tag, " ".join(trees.words(steps)), element, message, severity))

    def children(self, parent: Element, steps: tuple[Step, ...], operation: str) -> None:
        node = steps[-1][0] if steps else self.schema
        comment = ""
        cleared: set[str] = set()
        for element in parent.children:
            name = _local(element.tag)
            if name == "comment" and node.child("comment") is None:
                comment = annotation(element.text)
                continue
            if node.kind == LIST and name == node.identifier and not element.children and steps:
                continue
            child = node.by_tag(name)
            if child is None or (child.kind == PROMPT and not child.hidden):
                self.fault("unknown-element", steps, name, "syntax error, unknown statement" + _near(name, node))
                continue
            here = _operation(element) or operation
            if here not in OPERATIONS:
                self.fault("bad-attribute", steps, name, f"operation '{here}' is not known")
                continue
            try:
                made = self._one(element, child, steps, here, cleared)
            except ValueError as error:
                self.fault("invalid-value", steps, name, str(error))
                made = None
            if made is not None and trees.get(self.tree, made) is not None:
                self._mark(element, made, comment)
            comment = ""

    def _mark(self, element: Element, steps: tuple[Step, ...], comment: str) -> None:
        if element.attributes.get("inactive") == "inactive":
            trees.mark(self.tree, steps, trees.INACTIVE, True)
        elif "active" in element.attributes or element.attributes.get("inactive") in ("false", "active"):
            trees.mark(self.tree, steps, trees.INACTIVE, None)
        if comment:
            trees.mark(self.tree, steps, trees.COMMENT, comment)

    def _one(
        self, element: Element, child: Node, steps: tuple[Step, ...], operation: str, cleared: set[str]
    ) -> tuple[Step, ...] | None:
        """One statement; the steps to it when it is there afterwards."""
        if child.kind in (CONTAINER, LIST):
            return self._level(element, child, steps, operation)
        here = (*steps, (child, None))
        text = element.text.strip()
        if element.children and child.kind != FLAG:
            self.fault("unknown-element", steps, child.name, f"<{element.children[0].tag}> is not expected here")
            return None
        if child.kind == LEAVES and text:
            text = child.type.check(text)
        target = (*steps, (child, text)) if child.kind == LEAVES and text else here
        present = trees.get(self.tree, target) is not None
        if operation in ("delete", "remove"):
            self._remove(element, target, present, operation)
            return None
        if operation == "none":
            if not present:
                self.fault("data-missing", steps, child.name, "statement not found")
            return None
        if operation == "create" and present:
            self.fault("data-exists", steps, child.name, "statement already exists")
            return None
        if child.kind == FLAG:
            if text not in ("", "true"):
                raise ValueError(f"'{child.name}' has no value")
            trees.put(self.tree, here)
            return here
        fresh = child.kind == LEAVES and operation == "replace" and child.name not in cleared
        if fresh and trees.get(self.tree, here) is not None:
            trees.remove(self.tree, here)
        cleared.add(child.name)
        if not text:
            raise ValueError("missing argument")
        if child.kind == PROMPT:
            here = sibling(here, child.into)
            trees.put(self.tree, here, hashed(child.type.check(text)))
            return here
        trees.put(self.tree, here, text if child.kind == LEAVES else child.type.check(text))
        if "insert" in element.attributes and child.kind == LEAVES:
            self._insert(element, (*steps, (child, text)))
        return here

    def _remove(self, element: Element, steps: tuple[Step, ...], present: bool, operation: str) -> None:
        if present:
            trees.remove(self.tree, steps)
        elif operation == "delete":
            # The dialect's own attribute only warns.
            own = element.attributes.get("delete") == "delete"
            self.fault("data-missing", steps[:-1], steps[-1][0].name, "statement not found", "warning" if own else "error")

    def _level(self, element: Element, child: Node, steps: tuple[Step, ...], operation: str) -> tuple[Step, ...] | None:
        key = None
        if child.kind == LIST:
            named = [one for one in element.children if _local(one.tag) == child.identifier]
            if named and named[0].text.strip():
                key = key_of(child, steps, named[0].text.strip())
            elif operation not in ("delete", "remove"):
                self.fault("missing-element", steps, child.name, f"<{child.identifier}> is missing")
                return None
        elif element.text.strip():
            raise ValueError(f"'{child.name}' has no value")
        here = (*steps, (child, key))
        present = trees.get(self.tree, here) is not None
        if operation in ("delete", "remove"):
            self._remove(element, here, present, operation)
            return None
        if "rename" in element.attributes and key is not None:
            return self._rename(element, here)
        if operation == "create" and present and _operation(element) == "create":
            self.fault("data-exists", steps, child.name, "statement already exists")
            return None
        if operation == "none" and not present:
            if not _asks(element):
                self.fault("data-missing", steps, child.name, "statement not found")
                return None
        elif operation == "replace":
            if present:
                trees.get(self.tree, here).clear()
            operation = "merge"
        if operation != "none":
            trees.put(self.tree, here)
        self.children(element, here, operation)
        if "insert" in element.attributes and key is not None:
            self._insert(element, here)
        return here

    def _rename(self, element: Element, steps: tuple[Step, ...]) -> tuple[Step, ...] | None:
        node = steps[-1][0]
        key = key_of(node, steps[:-1], element.attributes.get("name", ""))
        try:
            trees.rename(self.tree, steps, key)
        except trees.NotFound:
            self.fault("data-missing", steps[:-1], node.name, "statement not found")
            return None
        except trees.Exists:
            self.fault("data-exists", steps[:-1], node.name, f"'{key}' already exists")
            return None
        return (*steps[:-1], (node, key))

    def _insert(self, element: Element, steps: tuple[Step, ...]) -> None:
        node = steps[-1][0]
        where = element.attributes["insert"]
        if where not in ("before", "after", "first", "last") or not (node.ordered or node.kind == LEAVES):
            self.fault("bad-attribute", steps[:-1], node.name, f"insert='{where}' is not possible here")
            return
        try:
            trees.move(self.tree, steps, where, element.attributes.get("name"))
        except trees.NotFound:
            self.fault("data-missing", steps[:-1], node.name, "no entry to insert beside")


def _asks(element: Element) -> bool:
    """Is there an operation of its own on it or on anything below?"""
    return bool(_operation(element)) or any(_asks(child) for child in element.children)


def _near(name: str, node: Node) -> str:
    import difflib

    found = difflib.get_close_matches(name, [child.name for child in node.all if not child.hidden], 1)
    return f", did you mean '{found[0]}'?" if found else ""


# ---- subtree filters


def selected(filter_: Element, element: Element) -> Element | None:
    """What the filter keeps of `element` (both have the same tag); None when nothing. RFC 6241, 6.2."""
    matches = [child for child in filter_.children if not child.children and child.text.strip()]
    for match in matches:
        if not any(
            _local(child.tag) == _local(match.tag) and child.text.strip() == match.text.strip() for child in element.children
        ):
            return None
    wanted = [child for child in filter_.children if child.children or not child.text.strip()]
    if not wanted:
        return element
    kept = Element(element.tag, element.text, attributes=dict(element.attributes))
    found = False
    for child in element.children:
        if any(_local(match.tag) == _local(child.tag) and match.text.strip() == child.text.strip() for match in matches):
            kept.append(child)
            continue
        for part in wanted:
            if _local(part.tag) != _local(child.tag):
                continue
            inner = selected(part, child)
            if inner is not None:
                kept.append(inner)
                found = True
                break
    if not found and not matches:
        return None
    return kept


__all__ = ["COMMENT_TAG", "Fault", "apply", "document", "selected"]
