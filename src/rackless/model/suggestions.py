"""Words near to a misspelt one, for the hints of error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was most likely meant to be, or None when nothing is near."""
    # 0.6 is difflib's own cutoff; of words equally near the first wins.
    best, found = 0.6, None
    for choice in known:
        ratio = difflib.SequenceMatcher(None, choice.lower(), word.lower()).ratio()
        if ratio > best:
            best, found = ratio, choice
    return found


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """A hint such as "Did you mean 'west'? The routers are: east, west." `what` names the known words in the plural."""
    names = sorted(known)
    near = nearest(word, names)
    guess = f"Did you mean '{near}'?" if near is not None else ""
    if not names:
        return guess
    most = 12
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{guess} The {what} are: {', '.join(names[:most])}{more}.".strip()


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
