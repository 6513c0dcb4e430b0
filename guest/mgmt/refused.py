"""The error of the management plane."""

from __future__ import annotations


class Refused(Exception):
    """A request that can't be done; `lines` are what the user is told."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[-1])
        self.lines = lines
