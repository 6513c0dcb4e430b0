"""Teardown: take away each thing that carries the lab's mark, until the place itself says that nothing is left.

An error does not stop it: the rest is removed, then what is left is tried again, and what still is left is named. Hooks of the
phase `teardown` find the lab as it was, those of `cleanup` find it gone; one that fails is told at the end.
"""

from __future__ import annotations

import asyncio
import shutil
from functools import partial

import sqlalchemy as sa

from rackless import durable
from rackless.model.errors import ProviderError, RacklessError
from rackless.model.hooks import Phase
from rackless.model.lifecycle import MachineState, SandboxState
from rackless.providers.contract import Provider, Ref, RefKind, survey
from rackless.sandboxes import booking, hooks, snapshots
from rackless.store import machines, sandboxes
from rackless.workflows.hooks import beside
from rackless.workflows.save import save_one
from rackless.workflows.verb import CLERICAL, Work, carried_out

ROUNDS = 3
REMOVING = 120.0
"""Seconds for one round."""
SAVING = 60.0
"""Seconds to read the configuration of a router that goes."""
SILENT = "what is at "
"""Begin of what is told of a place that does not answer."""
ORDER = (frozenset({RefKind.MACHINE, RefKind.PROCESS}), frozenset({RefKind.SEGMENT, RefKind.INTERFACE}), frozenset(RefKind))
"""What is removed at once: first what runs, then what joined it, then what it was made of."""


@durable.workflow("teardown")
async def teardown(job: str) -> None:
    await carried_out(job, _teardown, fails_lab=True)


async def _teardown(work: Work) -> dict[str, list[str]]:
    """Returns what hooks that failed said, if some did."""
    wanted = hooks.of(work.job.arguments)
    async with beside(work, [hook for hook in wanted if hook.phase is Phase.TEARDOWN]) as failed:
        for router in work.job.arguments.get("save", ()):
            await work.step(
                f"save {router}", partial(_save, work, router), deadline=SAVING, about=f"keeping the configuration of {router}"
            )
    await _remove_all(work)
    async with beside(work, [hook for hook in wanted if hook.phase is Phase.CLEANUP]) as failed_late:
        pass
    failed += failed_late
    await work.step("release", lambda: _release(work, failed), deadline=CLERICAL, about="giving back ports and secrets")
    return _result(failed)


async def _remove_all(work: Work) -> None:
    left: list[str] = []
    for count in range(ROUNDS):
        name = "remove" + (f" ({count})" if count else "")
        left = await work.step(name, lambda: _remove(work), deadline=REMOVING, about="removing all that carries the lab's mark")
        if not left:
            return
    raise ProviderError(
        f"Still there after {ROUNDS} rounds: {'; '.join(left)}.",
        hint=f"Run `rackless down {work.lab.name}` again; the server's log has the reasons.",
        made=tuple(left),
    )


def _result(failed: list[str]) -> dict[str, list[str]]:
    return {"failed": failed} if failed else {}


async def _save(work: Work, router: str) -> None:
    """Keep the configuration. A router that can't be read keeps nobody from the end of the lab: the reason is noted."""
    tell = work.tell(f"save {router}")
    try:
        path = await save_one(work.world, work.lab, router, work.world.kept / f"{work.lab.name}-{work.lab.id}", SAVING - 5)
    except RacklessError as error:
        tell(f"not kept: {error.message}")
    else:
        tell(f"kept in {path}")


async def _remove(work: Work) -> list[str]:
    world = work.world
    await world.consoles.close(work.lab.name)
    left = await remove_owned(world.provider, work.lab.name)

    def record(db: sa.Connection) -> None:
        for row in machines.of(db, work.lab.id):
            spec = work.lab.plan.machine(row.name)
            unknown = f"{SILENT}{work.lab.plan.place_of(spec)} " if spec is not None else SILENT
            if not any(text.startswith((f"machine {row.name}", unknown)) for text in left):
                machines.move(db, work.lab.id, row.name, MachineState.REMOVED, "taken down")

    await world.database.run(record)
    return left


async def remove_owned(provider: Provider, sandbox: str) -> list[str]:
    """Remove all that carries the mark; returns what the place still has afterwards, with the reasons known. A place that does
    not answer keeps nobody from removing what is elsewhere, and has all that it had."""
    reasons: dict[str, str] = {}
    for kinds in ORDER:
        found = [ref for ref in (await survey(provider, sandbox)).refs if ref.kind in kinds]
        results = await asyncio.gather(*(provider.remove(ref) for ref in found), return_exceptions=True)
        for ref, result in zip(found, results, strict=True):
            if isinstance(result, RacklessError):
                reasons[_text(ref)] = result.message
            elif isinstance(result, BaseException):
                raise result
    rest = await survey(provider, sandbox)
    left = [_text(ref) + (f" ({reasons[_text(ref)]})" if _text(ref) in reasons else "") for ref in rest.refs]
    return left + [f"{SILENT}{place} ({why})" for place, why in sorted(rest.silent.items())]


def _text(ref: Ref) -> str:
    return f"{ref.kind.value} {ref.name}" + (f" at {ref.place}" if ref.place else "")


async def _release(work: Work, failed: list[str]) -> None:
    world = work.world
    if (await world.database.read(sandboxes.by_id, work.lab.id)).state is SandboxState.ENDED:
        return  # repeated after a crash: another lab may have the name by now
    for path in (world.transcripts / work.lab.name, world.saved / work.lab.name):
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
    await asyncio.to_thread(snapshots.remove_of, world.settings.state, work.lab.name)
    await world.database.run(booking.release, work.lab.id, work.job.id, _result(failed))
    world.changed.set()  # what it held may be what another waits for
