"""What was read and can't change: kept in memory by its key, the least used given up first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Safe to use from several threads.

    Args:
        most: sum of the sizes of all that is kept.
        size: of one value.
    """

    def __init__(self, *, most: int, size: Callable[[Value], int]) -> None:
        self._most = most
        self._size = size
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def take(self, keys: Iterable[str]) -> dict[str, Value]:
        """Those of these that are kept."""
        found = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    self._values.move_to_end(key)
                    found[key] = self._values[key]
        return found

    def keep(self, fresh: Mapping[str, Value]) -> dict[str, Value]:
        """Keep these, and give up what was not used for the longest time. Returns them."""
        with self._lock:
            for key, value in fresh.items():
                if key not in self._values:
                    self._total += self._size(value) + 1
                self._values[key] = value
            while self._total > self._most and self._values:
                _, gone = self._values.popitem(last=False)
                self._total -= self._size(gone) + 1
        return dict(fresh)
