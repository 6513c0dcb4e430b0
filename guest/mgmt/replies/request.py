"""Commands about another machine: what it says may be of any form, and what it is asked for may take long."""

from __future__ import annotations

from ..xmltree import Element
from .reply import Reply, fail, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session
    from ..statements import Operation

    Given = dict[str, str]
    Tell = Callable[[str], None]
    Does = Callable[[Session, Given, Tell], list[str]]

STRANGE = "error: the VM host's answer is not of the form that is known"


class Told(Reply):
    """What is made of something that another machine says: it may say what nobody expects."""

    def element(self, session: Session, given: Given) -> Element:
        try:
            return super().element(session, given)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise fail(STRANGE) from None

    def text(self, session: Session, given: Given) -> str:
        try:
            return super().text(session, given)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise fail(STRANGE) from None


class Request(Reply):
    """`answer` is a function of session, arguments and `tell`, which gives what there is to say at the end. `questions` are asked
    one after the other where a person is; `always`: also where none is, so that a script has to answer them. `root` is the
    answer's element, `line` that of each line in it; `also_says` are elements with a fixed text beside."""

    def __init__(self, rpc: str, answer: str, *, questions: tuple[str, ...] = (), always: bool = False, warning: str = "",
                 root: str = "", line: str = "output", also_says: tuple[tuple[str, str], ...] = (),
                 fixed: Given | None = None, names: Given | None = None, hidden: tuple[str, ...] = ()) -> None:  # fmt: skip
        super().__init__(rpc, answer, fixed=fixed, names=names, hidden=hidden)
        self._does = answer
        self._questions = questions
        self._always = always
        self._warning = warning
        self._root = root or f"{rpc}-results"
        self._line = line
        self._also = also_says

    def __call__(self, session: Session, given: Given, operations: tuple[Operation, ...]) -> None:
        form = dict(session.stages)
        if "rpc" in form.get("xml", {}) or not self._sure(session):
            if "rpc" in form.get("xml", {}):
                super().__call__(session, given, operations)
            return
        if "xml" in form or "json" in form:
            super().__call__(session, given, operations)
            return
        piped = any(name not in ("no-more", "hold") for name, _ in session.stages)

        def tell(line: str) -> None:
            if piped:
                session.out(line)
            else:
                session.channel.text(line + "\n")

        for line in found(self._does)(session, {**given, **self.fixed}, tell):
            session.out(line)

    def _sure(self, session: Session) -> bool:
        if not session.channel.tty and not self._always:
            return True
        if self._warning:
            session.channel.text(self._warning + "\n")
        for question in self._questions:
            answer = session.channel.ask(f"{question} [yes,no] (no) ", echo=True)
            if (answer or "").strip().lower() not in ("y", "yes"):
                return False
        return True

    def element(self, session: Session, given: Given) -> Element:
        """Nobody is asked: an RPC says what it wants."""
        made = Element(self._root)
        lines: list[str] = []
        ends = found(self._does)(session, {**given, **self.fixed}, lines.append)
        for tag, text in self._also:
            made.add(tag, text)
        for line in [*lines, *ends]:
            made.add(self._line, line)
        return made

    def text(self, session: Session, given: Given) -> str:
        return "".join(child.text + "\n" for child in self.element(session, given).children if child.tag == self._line)
