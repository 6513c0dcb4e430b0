"""What a server holds for long is not looked at by each full collection, and is not lost for ever when it becomes garbage."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from rackless.keepers import collecting


class Cyclic:
    def __init__(self) -> None:
        self.me = self


@asynccontextmanager
async def kept() -> AsyncIterator[None]:
    task = asyncio.create_task(collecting.keep())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_outlived_a_collection_is_not_looked_at_by_the_next() -> None:
    held = [Cyclic() for _ in range(100_000)]
    async with kept():
        assert gc.get_freeze_count() > len(held)
        assert len(gc.get_objects()) < len(held)
        young = weakref.ref(Cyclic())
        gc.collect()
        assert young() is None
    assert gc.get_freeze_count() == 0


async def test_garbage_that_was_set_aside_goes_with_the_next_look_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "AGAIN", 0.01)
    held = Cyclic()
    seen = weakref.ref(held)
    async with kept():
        del held
        async with asyncio.timeout(60):
            while seen() is not None:
                await asyncio.sleep(0.01)
