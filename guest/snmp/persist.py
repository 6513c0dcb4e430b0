"""snmpd's pass_persist protocol (snmpd.conf(5)): one process for a table, asked line by line."""

from __future__ import annotations

import bisect
import sys
import time

from snmp.facts import CHASSIS
from snmp.tables import TABLES, Oid, Row, dotted

TYPE_CHECKING = False  # typing takes an emulated processor a third of a second to import
if TYPE_CHECKING:
    from typing import TextIO

FRESH = 1.0
"""Seconds for which a table is answered from memory: a walk asks for each cell on its own."""
REST = 10
"""A table that took long to build (an emulated, busy machine) rests this many times as long: a walk must get ahead."""


class Table:
    def __init__(self, name: str, chassis: str) -> None:
        self._build = TABLES[name]
        self._chassis = chassis
        self._rows: dict[Oid, Row] = {}
        self._order: list[Oid] = []
        self._until = float("-inf")

    def _refresh(self) -> None:
        began = time.monotonic()
        if began >= self._until:
            self._rows = {row[0]: row for row in self._build(self._chassis)}
            self._order = sorted(self._rows)
            ended = time.monotonic()
            self._until = ended + max(FRESH, REST * (ended - began))

    def get(self, oid: Oid) -> Row | None:
        self._refresh()
        return self._rows.get(oid)

    def after(self, oid: Oid) -> Row | None:
        self._refresh()
        at = bisect.bisect_right(self._order, oid)
        return self._rows[self._order[at]] if at < len(self._order) else None


def parse(text: str) -> Oid | None:
    try:
        return tuple(int(part) for part in text.strip().strip(".").split("."))
    except ValueError:
        return None


def answer(table: Table, verb: str, oid: Oid | None) -> str:
    row = None
    if oid is not None:
        row = table.get(oid) if verb == "get" else table.after(oid)
    return f"{dotted(row[0])}\n{row[1]}\n{row[2]}\n" if row else "NONE\n"


def serve(table: Table, asked: TextIO, said: TextIO) -> None:
    """Until snmpd closes the line."""
    for line in asked:
        verb = line.strip()
        if verb == "PING":
            said.write("PONG\n")
        elif verb in {"get", "getnext"}:
            said.write(answer(table, verb, parse(asked.readline())))
        elif verb == "set":
            asked.readline()
            asked.readline()
            said.write("not-writable\n")
        elif verb:
            said.write("NONE\n")
        said.flush()


def main(arguments: list[str]) -> int:
    chassis = CHASSIS
    if arguments[:1] == ["--chassis"]:
        chassis, arguments = arguments[1], arguments[2:]
    name = arguments[0] if arguments else "box"
    if len(arguments) > 1 or name not in TABLES:
        sys.stderr.write(f"usage: run [--chassis FILE] [{'|'.join(TABLES)}]\n")
        return 2
    serve(Table(name, chassis), sys.stdin, sys.stdout)
    return 0
