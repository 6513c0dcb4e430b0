"""Short pauses of a server that holds much for long.

A full collection of CPython looks at every object that can be part of a cycle, and nobody is answered meanwhile: 2 s at 10,000
routers (docs/reference/benchmarks.md). So what outlived one is set aside (`gc.freeze`) and the next looks at newer things only.
Garbage in cycles that was set aside while it was in use stays until all is looked at again, which happens a few times a day.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping

AGAIN = 6 * 3600.0
"""Seconds between two looks at all that there is."""
OLDEST = 2


async def keep() -> None:
    """Until cancelled; then the collector works as it does by itself."""
    gc.callbacks.append(_set_aside)
    try:
        gc.freeze()
        while True:
            await asyncio.sleep(AGAIN)
            gc.unfreeze()
            gc.collect()
    finally:
        gc.callbacks.remove(_set_aside)
        gc.unfreeze()


def _set_aside(phase: str, about: Mapping[str, int]) -> None:
    if phase == "stop" and about["generation"] == OLDEST:
        gc.freeze()
