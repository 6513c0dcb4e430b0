"""Lists in pages: `{items, next}`. A cursor is the key of the last item, so that a page costs the same wherever it begins, and
what comes or goes meanwhile neither repeats nor hides an item that stays."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from rackless.model.errors import InputError

Item = TypeVar("Item")
Row = TypeVar("Row")

LIMIT, MOST = 100, 1000
Key = tuple[Any, ...]
"""What a list is ordered by; the last part tells apart what is else the same."""


class Page(BaseModel, Generic[Item]):
    """`next`: what to give as `after` for the items that follow; null when these were the last."""

    items: list[Item]
    next: str | None = Field(None, examples=["WyJ3ZXN0Il0"])


class Asked:
    """Which page was asked for."""

    def __init__(self, limit: int, after: str | None) -> None:
        self.limit = limit
        self._after = after

    @property
    def more(self) -> int:
        """Rows to read: one beyond the page tells whether there is another."""
        return self.limit + 1

    def after(self, *kinds: type) -> Key | None:
        """The key after which the page begins; None for the first page.

        Args:
            kinds: types of the key's parts.

        Raises:
            InputError: the cursor is not one of this list's.
        """
        if self._after is None:
            return None
        try:
            text = self._after + "=" * (-len(self._after) % 4)
            key = json.loads(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, RecursionError):
            key = None
        if not isinstance(key, list) or [type(part) for part in key] != list(kinds) or not all(map(_bounded, key)):
            raise InputError(f"'{self._after[:40]}' is no cursor of this list.", hint="Give the `next` of the page before.")
        return tuple(key)

    def page(self, rows: Sequence[Row], key: Callable[[Row], Key], shown: Callable[[Row], Item]) -> Page[Item]:
        """The page of these rows (at most `more`)."""
        kept = rows[: self.limit]
        return Page(items=[shown(row) for row in kept], next=cursor(key(kept[-1])) if len(rows) > self.limit else None)

    def of_all(self, rows: Iterable[Row], key: Callable[[Row], Key], shown: Callable[[Row], Item], *kinds: type) -> Page[Item]:
        """The page of a list that is there as a whole; ordered by the key."""
        after = self.after(*kinds)
        left = sorted((row for row in rows if after is None or key(row) > after), key=key)
        return self.page(left, key, shown)


def cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def _bounded(part: object) -> bool:
    """What both stores take as a number or a text."""
    if isinstance(part, str):
        return "\0" not in part and part.isprintable() and part.encode("utf-8", "replace").decode() == part
    return not isinstance(part, int) or abs(part) < 1 << 31


async def _asked(
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items of a page at most")] = LIMIT,
    after: Annotated[
        str | None, Query(max_length=1024, description="`next` of the page before; without it the first page")
    ] = None,
) -> Asked:
    return Asked(limit, after)


Pages = Annotated[Asked, Depends(_asked)]
