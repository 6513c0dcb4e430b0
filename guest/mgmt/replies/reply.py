"""One operational answer in all its forms: an element tree, from which text, XML and JSON are made."""

from __future__ import annotations

from system.product import DIALECT

from ..datastore import Refused
from ..xmltree import Element, as_json, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..session import Session
    from ..statements import Operation

    Given = dict[str, str]
    Build = Callable[[Session, Given], Element]
    Text = Callable[[Element, Given], str]

JUNOS = f"http://xml.juniper.net/junos/{DIALECT}/junos"
RELEASE = "/usr/lib/rackless-router/version"
"""File of one line that the image's builder writes."""


class Reply:
    """What a command's word runs. `rpc` is the name of the same request in XML, `also` other names of it. `answer` is
    `module.function` of this package: the function makes the elements, and `function_text` beside it, or `text`, the text of
    them; without either the text is the root's. They are imported when first asked for: a router boots without them.
    `fixed` is what the command's words themselves mean in the request. `names` maps an RPC's element to the command's argument
    where they differ.
    """

    def __init__(self, rpc: str, answer: str, text: str = "", *, fixed: Given | None = None, names: Given | None = None,
                 hidden: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> None:  # fmt: skip
        self.rpc = rpc
        self.also = also
        self._answer = answer
        self._text_name = text
        self._made: tuple[Build, Text] | None = None
        self.fixed = fixed or {}
        self.names = names or {}
        self.hidden = hidden
        """Elements that are accepted in the RPC and change nothing."""

    @property
    def _functions(self) -> tuple[Build, Text]:
        if self._made is None:
            self._made = (found(self._answer), found(self._text_name or self._answer + "_text", plain))
        return self._made

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
        return self._functions[0](session, {**given, **self.fixed})

    def text(self, session: Session, given: Given) -> str:
        every = {**given, **self.fixed}
        build, text = self._functions
        made = build(session, every)
        return made.text if made.tag == "output" else text(made, every)

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


def found(name: str, default: Any = None) -> Any:
    """`module.function` of this package; AttributeError when it is not there and there is no default."""
    from importlib import import_module

    module, _, function = name.rpartition(".")
    place = import_module(f"{__package__}.{module}")
    return getattr(place, function) if default is None else getattr(place, function, default)


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
