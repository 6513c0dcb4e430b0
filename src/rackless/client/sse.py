"""Server-sent events, line by line (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sent:
    id: str
    event: str
    data: str


class Parser:
    """`last` is the id to come back with: one may come without an event, so that silence is not gone through again."""

    def __init__(self, last: str = "") -> None:
        self.last = last
        self._event = ""
        self._data: list[str] = []

    def feed(self, line: str) -> Sent | None:
        """The event that this line ended, if it did."""
        if not line:
            found = Sent(self.last, self._event or "message", "\n".join(self._data)) if self._data else None
            self._event, self._data = "", []
            return found
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self.last = value
        return None
