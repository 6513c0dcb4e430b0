"""Names of the cards' ports in the controller's Unix interfaces. Pure."""

from __future__ import annotations


def card_port(kernel: str) -> tuple[int, int] | None:
    """(card, port) of a Unix interface such as ge-1-0-3; None for others, also for a unit of one (ge-1-0-3.100)."""
    words = kernel.split("-")
    if len(words) == 4 and words[0] == "ge" and words[2] == "0" and words[1].isdecimal() and words[3].isdecimal():
        return int(words[1]), int(words[3])
    return None
