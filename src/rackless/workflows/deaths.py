"""Wait for what a machine is to do, and see at once when that machine has died: its silence would cost a whole deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from rackless.model.errors import GuestError
from rackless.model.lifecycle import MachineState
from rackless.model.plan import MachineSpec
from rackless.providers.contract import RefKind, survey
from rackless.store import machines
from rackless.workflows.verb import Work

LOOK = 1.5
"""Seconds between two looks at the place."""
LOOKS = 2
"""Looks in a row at which a machine must be found dead: between two of them another job may just have switched it on."""

Result = TypeVar("Result")


class DiedError(GuestError):
    """`names` are not running any more."""

    def __init__(self, lab: str, names: tuple[str, ...]) -> None:
        self.names = names
        plural = "is" if len(names) == 1 else "are"
        super().__init__(
            f"{', '.join(names)} {plural} not running any more.",
            hint=f"See `rackless console {lab} {names[0]} --transcript`, then run `rackless up` again.",
        )


async def unless_dead(work: Work, specs: Iterable[MachineSpec], body: Coroutine[Any, Any, Result]) -> Result:
    """The result of `body`, which is cancelled when one of the machines is seen dead.

    Raises:
        DiedError: a machine that was started is not running.
    """
    doing = asyncio.ensure_future(body)
    looking = asyncio.ensure_future(_death(work, frozenset(spec.name for spec in specs)))
    try:
        await asyncio.wait({doing, looking}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return await doing
        raise DiedError(work.lab.name, await looking)
    finally:
        for task in (doing, looking):
            task.cancel()
        await asyncio.gather(doing, looking, return_exceptions=True)


async def _death(work: Work, names: frozenset[str]) -> tuple[str, ...]:
    """Returns when some of the machines are dead: which."""
    found = 0
    while True:
        await asyncio.sleep(LOOK)
        dead = await _dead(work, names)
        found = found + 1 if dead else 0
        if found == LOOKS:
            return dead


async def _dead(work: Work, names: frozenset[str]) -> tuple[str, ...]:
    """Those that were on and are not. One that is still waiting for its turn to start is not dead."""
    rows = await work.world.database.read(machines.of, work.lab.id)
    begun = {MachineState.BOOTSTRAPPING, MachineState.RUNNING, MachineState.STOPPED}
    suspects = {row.name for row in rows if row.name in names and row.state in begun}
    if not suspects:
        return ()
    return tuple(sorted(suspects - await running(work)))


async def running(work: Work) -> frozenset[str]:
    """Names of the lab's machines that run, as the place itself says; those of a place that does not answer are not taken for
    dead."""
    seen, plan = await survey(work.world.provider, work.lab.name), work.lab.plan
    unknown = frozenset(spec.name for spec in plan.machines if plan.place_of(spec) in seen.silent)
    return unknown | frozenset(ref.name for ref in seen.refs if ref.kind is RefKind.MACHINE and ref.running)
