"""For the few commands that act by themselves: most ask the server, and asyncio takes 30 ms to load."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def awaited(work: Coroutine[Any, Any, Result]) -> Result:
    """What comes of it, in an event loop of its own."""
    import asyncio

    return asyncio.run(work)
