"""What was sent, read: elements by their names without namespaces."""

from __future__ import annotations

from xml.etree import ElementTree


class Element:
    def __init__(self, node: ElementTree.Element) -> None:
        self._node = node

    @property
    def text(self) -> str:
        return self._node.text or ""

    @property
    def type(self) -> str:
        """xsi:type, or the type of the managed object that is named."""
        return self._node.get("{http://www.w3.org/2001/XMLSchema-instance}type", self._node.get("type", "")).rpartition(":")[2]

    def all(self, path: str) -> list[Element]:
        """Elements at `a/b/c`, from here."""
        level = [self._node]
        for part in path.split("/"):
            level = [child for node in level for child in node if child.tag.rpartition("}")[2] == part]
        return [Element(node) for node in level]

    def one(self, path: str) -> Element:
        found = self.all(path)
        assert len(found) == 1, f"{len(found)} of {path} in {ElementTree.tostring(self._node).decode()}"
        return found[0]

    def get(self, path: str) -> str:
        return self.one(path).text


def request(body: str) -> Element:
    """The method's element of a SOAP request."""
    (envelope,) = (ElementTree.fromstring(body),)
    inside = Element(envelope).one("Body")
    return Element(next(iter(inside._node)))
