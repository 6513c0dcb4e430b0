"""Verbs that are done again when what stopped them passes by itself: a connection that broke, a host that reconnects, a change
that somebody else made at the same moment. All verbs are safe to repeat."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from rackless.providers.vsphere.faults import BrokenError, RefusedError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try."""


def repeated(verb: Callable[Parameters, Coroutine[Any, Any, Result]]) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    @functools.wraps(verb)
    async def again(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        for pause in PAUSES:
            try:
                return await verb(*arguments, **named)
            except BrokenError:
                await asyncio.sleep(pause)
            except RefusedError as error:
                if not error.transient:
                    raise
                await asyncio.sleep(pause)
        return await verb(*arguments, **named)

    return again
