"""One operational answer in all its forms: an element tree, from which text, XML and JSON are made."""

from __future__ import annotations

from system.product import DIALECT

from ..datastore import Refused
from ..xmltree import Element, as_json, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session
    from ..statements import Operation

    Given = dict[str, str]
    Build = Callable[[Session, Given], Element]
    Text = Callable[[Element, Given], str]

JUNOS = f"http://xml.juniper.net/junos/{DIALECT}/junos"
RELEASE = "/usr/lib/rackless-router/version"
"""File of one line that the image's builder writes."""


class Reply:
    """What a command's word runs. `rpc` is the name of the same request in XML, `fixed` what the command's words themselves
    mean in it (`show interfaces terse`: terse). `names` maps an RPC's element to the command's argument where they differ.
    """

    def __init__(self, rpc: str, build: Build, text: Text | None = None, *, fixed: Given | None = None,
                 names: Given | None = None, hidden: tuple[str, ...] = ()) -> None:  # fmt: skip
        self.rpc = rpc
        self._build = build
        self._text = text or plain
        self.fixed = fixed or {}
        self.names = names or {}
        self.hidden = hidden
        """Elements that are accepted in the RPC and change nothing."""

    def __call__(self, session: Session, given: Given, operations: tuple[Operation, ...]) -> None:
        form = dict(session.stages)
        if "rpc" in form.get("xml", {}):
            session.out(reply_text([self.request(given)]))
        elif "xml" in form:
            session.out(reply_text([self.element(session, given)]))
        elif "json" in form:
            session.out(as_json([self.element(session, given)]))
        else:
            session.out(self.text(session, given))

    def element(self, session: Session, given: Given) -> Element:
        """The answer as elements; Refused when there is none."""
        return self._build(session, {**given, **self.fixed})

    def text(self, session: Session, given: Given) -> str:
        every = {**given, **self.fixed}
        return self._text(self._build(session, every), every)

    def request(self, given: Given) -> Element:
        """The RPC that asks for the same: `| display xml rpc`."""
        made = Element("rpc")
        call = made.add(self.rpc)
        back = {argument: name for name, argument in self.names.items()}
        for name, value in {**self.fixed, **given}.items():
            call.add(back.get(name, name), value)
        return made

    def given(self, call: Element) -> Given:
        """The command's arguments of an RPC; KeyError with the element that is not known is the caller's to raise."""
        return {
            self.names.get(child.tag, child.tag): child.text.strip() for child in call.children if child.tag not in self.hidden
        }


def plain(element: Element, given: Given) -> str:
    return element.text


def output(text: str) -> Element:
    """What has no structure: the text itself."""
    return Element("output", text)


def fail(*lines: str) -> Refused:
    return Refused(list(lines))


def reply_text(elements: list[Element]) -> str:
    """`| display xml`."""
    made = Element("rpc-reply", "", *elements, attributes={"xmlns:junos": JUNOS})
    made.add("cli").add("banner")
    return write(made)


def information(name: str, kind: str) -> Element:
    """The root of an answer, with the dialect's namespace of its kind (`junos-interface`)."""
    return Element(name, attributes={"xmlns": f"http://xml.juniper.net/junos/{DIALECT}/junos-{kind}"})


def columns(rows: list[tuple[str, ...]], widths: tuple[int, ...]) -> str:
    """Rows in columns; a negative width is right-aligned, 0 the last one as it is."""
    lines = []
    for row in rows:
        cells = [cell.rjust(-width) if width < 0 else cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(" ".join(cells).rstrip() + "\n")
    return "".join(lines)
