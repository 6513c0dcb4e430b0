"""Rows of an answer, declared once: which elements they have, where the values come from, and how the columns of the text are.

A column is (element, source, title, width). The source is a key of the row, or a function of it; the value may be None, then
the element is left out. Width 0 is a column that takes what is left of the line, a negative one is right-aligned; a column
without a title is not in the text.
"""

from __future__ import annotations

from ..xmltree import Element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Row = Mapping[str, Any]
    Column = tuple[str, str | Callable[[Row], object], str, int]


class Table:
    """`tag` is the element of one row."""

    def __init__(self, tag: str, *columns: Column) -> None:
        self.tag = tag
        self.columns = columns

    def add(self, above: Element, row: Row) -> Element:
        """One more row, as the last child of `above`."""
        made = above.add(self.tag)
        fill(made, row, *self.columns)
        return made

    def head(self) -> str:
        return self._line([title for _, _, title, _ in self.columns])

    def line(self, one: Element) -> str:
        return self._line([one.value(tag) for tag, _, _, _ in self.columns])

    def text(self, rows: Iterable[Element]) -> str:
        """The titles, and a line a row."""
        return self.head() + "".join(self.line(one) for one in rows)

    def _line(self, cells: list[str]) -> str:
        shown = [
            cell.rjust(-width) if width < 0 else cell.ljust(width)
            for cell, (_, _, title, width) in zip(cells, self.columns, strict=True)
            if title
        ]
        return " ".join(shown).rstrip() + "\n"


def fill(made: Element, row: Row, *columns: Column) -> None:
    """Elements of a row, without those that have no value."""
    for tag, source, _, _ in columns:
        value = row.get(source, "") if isinstance(source, str) else source(row)
        if value is not None:
            made.add(tag, value if isinstance(value, int) else str(value))
