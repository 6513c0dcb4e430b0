"""A small element tree: parsed by expat with hard limits, written as XML and as the dialect's JSON.

`xml.etree` would do, but takes an emulated processor much longer to import and resolves entities. Namespaces: an element
keeps its local name, the namespace only where one is asked for; the dialect's clients compare local names.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

DEEPEST = 64
"""Levels of elements; a configuration has about twenty."""
MOST_ELEMENTS = 500_000


class BadXml(ValueError):
    """The text is not well-formed, or has what is not accepted: a document type, entities, more than the limits."""


class Element:
    """`attributes` keep their order and prefixes. An element has either text or children; spaces beside children are dropped."""

    __slots__ = ("attributes", "children", "namespace", "tag", "text")

    def __init__(self, tag: str, text: str | int = "", *children: Element, attributes: dict[str, str] | None = None) -> None:
        self.tag = tag
        self.text = str(text)
        self.attributes = attributes or {}
        self.children = list(children)
        self.namespace = ""

    def add(self, tag: str, text: str | int = "", **attributes: str) -> Element:
        """A new last child; `_` in a keyword stands for `:` (junos_seconds) as keywords can't hold it."""
        fresh = Element(tag, text, attributes={name.replace("_", ":", 1): value for name, value in attributes.items()})
        self.children.append(fresh)
        return fresh

    def append(self, child: Element) -> Element:
        self.children.append(child)
        return child

    def find(self, path: str) -> Element | None:
        """The first element at a path of local names, as in `a/b`."""
        here: Element | None = self
        for name in path.split("/"):
            here = next((child for child in here.children if child.tag == name), None) if here is not None else None
        return here

    def all(self, tag: str) -> list[Element]:
        return [child for child in self.children if child.tag == tag]

    def value(self, path: str, default: str = "") -> str:
        """The text at a path, without the spaces around it."""
        found = self.find(path)
        return default if found is None else found.text.strip()

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            yield from child.walk()


# ---- reading


def parse(data: bytes | str) -> Element:
    """The root element of a document. BadXml for all that is not accepted."""
    import pyexpat

    reader = pyexpat.ParserCreate(None, " ")
    reader.namespace_prefixes = True
    reader.buffer_text = True
    builder = _Builder()
    reader.StartElementHandler = builder.start
    reader.EndElementHandler = builder.end
    reader.CharacterDataHandler = builder.characters
    reader.StartDoctypeDeclHandler = _refuse_doctype
    reader.EntityDeclHandler = _refuse_doctype
    try:
        reader.Parse(data.encode() if isinstance(data, str) else data, True)
    except pyexpat.ExpatError as error:
        raise BadXml(f"line {error.lineno}: {pyexpat.ErrorString(error.code)}") from None
    except (UnicodeError, LookupError) as error:
        raise BadXml(f"encoding: {error}") from None
    assert builder.root is not None
    return builder.root


def _refuse_doctype(*_: object) -> None:
    raise BadXml("document type declarations and entities are not accepted")


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._stack: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._stack) >= DEEPEST:
            raise BadXml(f"elements are nested deeper than {DEEPEST}")
        if self._count > MOST_ELEMENTS:
            raise BadXml(f"more than {MOST_ELEMENTS} elements")
        namespace, local = _split(name)[:2]
        fresh = Element(local)
        fresh.namespace = namespace
        for key, value in attributes.items():
            space, plain, prefix = _split(key)
            fresh.attributes[f"{prefix}:{plain}" if prefix else plain] = value
            if prefix and prefix != "xml":
                fresh.attributes.setdefault(f"xmlns:{prefix}", space)
        if self._stack:
            self._stack[-1].children.append(fresh)
        else:
            self.root = fresh
        self._stack.append(fresh)

    def end(self, _: str) -> None:
        here = self._stack.pop()
        if here.children and not here.text.strip():
            here.text = ""

    def characters(self, text: str) -> None:
        self._stack[-1].text += text


def _split(name: str) -> tuple[str, str, str]:
    """(namespace, local name, prefix) of an expat name."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


# ---- writing


def escape(text: str) -> str:
    """Text as character data. Characters that XML can't hold become question marks."""
    if not text.isprintable():
        text = "".join(sign if sign >= " " or sign in "\n\t\r" else "?" for sign in text)
        text = text.encode("utf-8", "replace").decode()
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(text: str) -> str:
    return '"' + escape(text).replace('"', "&quot;").replace("\n", "&#10;") + '"'


def write(element: Element, depth: int = 0) -> str:
    """The element and all below it, indented, each on its own line."""
    parts: list[str] = []
    _write(element, "    " * depth, parts)
    return "".join(parts)


def start_tag(element: Element) -> str:
    return element.tag + "".join(f" {name}={quoted(value)}" for name, value in element.attributes.items())


def _write(element: Element, margin: str, parts: list[str]) -> None:
    head = start_tag(element)
    if element.children:
        parts.append(f"{margin}<{head}>{escape(element.text)}\n")
        for child in element.children:
            _write(child, margin + "    ", parts)
        parts.append(f"{margin}</{element.tag}>\n")
    elif element.text:
        parts.append(f"{margin}<{head}>{escape(element.text)}</{element.tag}>\n")
    else:
        parts.append(f"{margin}<{head}/>\n")


# ---- JSON


def as_json(elements: list[Element]) -> str:
    """The dialect's JSON of operational replies: an element is a list of objects, text in `data`, attributes in `attributes`."""
    import json

    return json.dumps(_members(elements), indent=4, ensure_ascii=False) + "\n"


def _members(elements: list[Element]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in elements:
        found.setdefault(element.tag, []).append(_object(element))
    return found


def _object(element: Element) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if element.attributes:
        made["attributes"] = dict(element.attributes)
    if element.children:
        made |= _members(element.children)
    elif element.text:
        made["data"] = element.text
    else:
        made["data"] = [None]
    return made
