"""Looks cells up in the tables: each is made when it is first asked for, and kept for a short time."""

from __future__ import annotations

import bisect
import time

from snmp.agentx import encode_varbind
from snmp.smi import END_OF_VIEW, NO_SUCH_INSTANCE, NO_SUCH_OBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from snmp.agentx import Range
    from snmp.facts import Facts
    from snmp.smi import Builder, Oid, Value

FRESH = 1.0
"""Seconds for which a table is answered from memory: a walk asks for each row on its own."""
REST = 10
"""A table that took long to make (an emulated, busy machine) rests this many times as long: a walk must get ahead."""


class Table:
    """`subtrees`: what of it is registered with the master."""

    def __init__(self, root: Oid, build: Builder, subtrees: tuple[Oid, ...], facts: Facts) -> None:
        self.root = root
        self.subtrees = subtrees
        self._build = build
        self._facts = facts
        self._cells: dict[Oid, tuple[int, Value]] = {}
        self._order: list[Oid] = []
        self._encoded: dict[Oid, bytes] = {}
        """What was answered already; the same walk often comes from several sides."""
        self._until = float("-inf")

    def refresh(self) -> None:
        """Make it anew if it is not fresh. Raises whatever its builder does; it is then tried again at the next question."""
        began = time.monotonic()
        if began >= self._until:
            self._cells = {name: (kind, value) for name, kind, value in self._build(self._facts)}
            self._order = sorted(self._cells)
            self._encoded = {}
            ended = time.monotonic()
            self._until = ended + max(FRESH, REST * (ended - began))

    def expire(self) -> None:
        """Something has changed: what is kept counts no longer."""
        self._until = float("-inf")

    def at(self, oid: Oid) -> bytes | None:
        """The cell of that name as an encoded varbind."""
        found = self._encoded.get(oid)
        if found is None and oid in self._cells:
            found = self._encoded[oid] = encode_varbind(oid, *self._cells[oid])
        return found

    def after(self, oid: Oid, *, include: bool) -> Oid | None:
        """The name of the first cell behind `oid`; of `oid` itself, if it is to be included and there."""
        place = bisect.bisect_left(self._order, oid) if include else bisect.bisect_right(self._order, oid)
        return self._order[place] if place < len(self._order) else None


class Lookup:
    """All tables, by their place in the tree, where they do not overlap. `columns`: see tables.COLUMNS."""

    def __init__(self, tables: Mapping[Oid, Builder], columns: Mapping[Oid, tuple[Oid, ...]], facts: Facts) -> None:
        self.facts = facts
        self.tables = [Table(root, tables[root], columns.get(root, (root,)), facts) for root in sorted(tables)]

    def expire(self) -> None:
        for table in self.tables:
            table.expire()

    def get(self, oid: Oid) -> bytes:
        """An encoded varbind, with noSuchInstance or noSuchObject in the place of a value that there is not."""
        for table in self.tables:
            if oid[: len(table.root)] == table.root:
                table.refresh()
                return table.at(oid) or encode_varbind(oid, NO_SUCH_INSTANCE)
        return encode_varbind(oid, NO_SUCH_OBJECT)

    def next(self, asked: Range) -> tuple[Oid | None, bytes]:
        """The first cell of a range (RFC 2741, section 7.2.3.2): its name and the encoded varbind; None at the range's end."""
        start, include, end = asked
        for table in self.tables:
            if end and table.root >= end:
                break
            if start > table.root and start[: len(table.root)] != table.root:
                # Behind this subtree, and so is all that is asked for.
                continue
            table.refresh()
            found = table.after(start, include=include)
            if found is not None and (not end or found < end):
                varbind = table.at(found)
                assert varbind is not None
                return found, varbind
        return None, encode_varbind(start, END_OF_VIEW)
