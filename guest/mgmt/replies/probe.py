"""A command that runs a program of the user: its own text at a terminal, elements for those who ask for them."""

from __future__ import annotations

from .reply import Reply, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from ..xmltree import Element

    Given = dict[str, str]

DEFAULT_COUNT = "5"
"""Requests where nobody is there to stop them."""


class Probe(Reply):
    """`NAME_argv` of `answer`'s module makes the command, `NAME_elements` the elements of what it says."""

    def __call__(self, session: Session, given: Given, operations: tuple[Operation, ...]) -> None:
        form = dict(session.stages)
        if "xml" in form or "json" in form:
            super().__call__(session, given, operations)
        else:
            session.run_program(found(self._answer + "_argv")(session, given))

    def _captured(self, session: Session, given: Given) -> str:
        counted = {"count": DEFAULT_COUNT, **given}  # somebody waits for the whole answer: it must have an end
        return session.channel.run(found(self._answer + "_argv")(session, counted), capture=True)[1]

    def element(self, session: Session, given: Given) -> Element:
        made: Element = found(self._answer + "_elements")(self._captured(session, given), given)
        return made

    def text(self, session: Session, given: Given) -> str:
        return self._captured(session, given)
