"""What somebody asked for that changes the host: upgrade, rollback, snapshot, reboot and the like, one at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from rackless.model.errors import RacklessError, StateError
from rackless.vmhost import software
from rackless.vmhost.actions import EndHost, WriteLoader
from rackless.vmhost.boot import bootable
from rackless.vmhost.facts import Host, Slot
from rackless.vmhost.ledger import Ledger
from rackless.vmhost.record import ANSWERS, Operation, Record
from rackless.vmhost.software import Kind

Tell = Callable[[str], None]


class Operations:
    """`oldest`: version below which no bundle is taken."""

    def __init__(self, ledger: Ledger, *, oldest: str = "") -> None:
        self._ledger, self._world, self._oldest = ledger, ledger.world, oldest
        self._running: asyncio.Task[None] | None = None

    @property
    def busy(self) -> str:
        """The operation that runs, in words."""
        operation = self._ledger.record.operation
        return operation.kind if operation is not None else ""

    async def add(self, bundle: Path, *, reboot: bool, by: str, tell: Tell, id: str = "", validate: bool = False) -> str:
        """Raises:
        InputError: the bundle is refused; nothing has changed.
        StateError: not now, or not on this host.
        """
        if (answer := self._answered(id)) is not None:
            return answer
        self._free()
        software.appliance(await self._world.look())
        verified = await self._world.verify(bundle)
        tell(f"Verified {bundle.name}: version {verified.version}")
        host = await self._world.look()
        slot = software.to_add(host, verified, oldest=self._oldest, validate=validate)
        return await self._begin(Kind.ADD, slot, by, tell, id, bundle=str(bundle), version=verified.version, reboot=reboot)

    async def roll_back(self, *, by: str, tell: Tell, id: str = "") -> str:
        return await self._simple(Kind.ROLL_BACK, software.to_roll_back, by, tell, id)

    async def abort(self, *, by: str, id: str = "") -> str:
        """Also of an upgrade that is being written: what was written is not booted."""
        if self._running is not None and self.busy == Kind.ADD:
            return await self._abort_running()
        return await self._simple(Kind.ABORT, software.to_abort, by, lambda line: None, id)

    async def _abort_running(self) -> str:
        task, operation = self._running, self._ledger.record.operation
        if task is not None and operation is not None:
            task.cancel()
            await asyncio.wait([task])
            await self._finish(operation, "aborted")
        return "The upgrade was stopped; the next boot takes the set that runs."

    async def snapshot(self, *, recovery: bool, partition: bool, by: str, tell: Tell, id: str = "") -> str:
        check = software.to_recover if recovery else partial(software.to_snapshot, partition=partition)
        kind = Kind.RECOVERY if recovery else Kind.SNAPSHOT
        return await self._simple(kind, check, by, tell, id, partition=partition)

    async def _simple(
        self, kind: Kind, check: Callable[[Host], Slot], by: str, tell: Tell, id: str, *, partition: bool = False
    ) -> str:
        if (answer := self._answered(id)) is not None:
            return answer
        self._free()
        return await self._begin(kind, check(await self._world.look()), by, tell, id, partition=partition)

    def _answered(self, id: str) -> str | None:
        """The answer to a request that was made before: whoever lost it asks again, and nothing is done twice."""
        return dict(self._ledger.record.answers).get(id) if id else None

    def _free(self) -> None:
        if self.busy:
            raise StateError(f"{self.busy} runs.", hint="Wait for its end; an upgrade can be aborted.")
        if self._ledger.ending:
            raise StateError(f"The host is going down: {self._ledger.ending}.")

    async def _begin(
        self,
        kind: Kind,
        slot: Slot,
        by: str,
        tell: Tell,
        id: str,
        *,
        bundle: str = "",
        version: str = "",
        reboot: bool = False,
        partition: bool = False,
    ) -> str:
        operation = Operation(
            id=id or uuid.uuid4().hex,
            kind=kind.value,
            by=by,
            slot=slot,
            bundle=bundle,
            version=version,
            reboot=reboot,
            partition=partition,
            boot_id=self._world.boot_id,
        )
        self._world.log(f"operation {kind.value}: asked => running (by {by})")
        await self._ledger.remember(lambda record: replace(record, operation=operation))
        self._running = asyncio.create_task(self._go_on(operation, tell))
        try:
            await asyncio.shield(asyncio.wait([self._running]))
            if self._running.cancelled():
                raise StateError(f"{kind.value} was aborted.")
            self._running.result()
        finally:
            if self._running.done():
                self._running = None
        return dict(self._ledger.record.answers)[operation.id]

    async def resume(self) -> None:
        """What a loss of power, or our own end, cut off."""
        operation = self._ledger.record.operation
        if operation is None:
            return
        self._world.log(f"operation {operation.kind}: cut off => running (from step {operation.stage + 1} on)")
        try:
            await self._go_on(operation, lambda line: None)
        except RacklessError as error:
            self._world.log(f"failed: {operation.kind}: {error.message}")

    async def _go_on(self, operation: Operation, tell: Tell) -> None:
        try:
            while operation.stage < software.length(operation):
                for action in software.actions(operation, await self._world.look()):
                    tell(f"{str(action)[0].upper()}{str(action)[1:]}")
                    await self._ledger.act(action)
                operation = replace(operation, stage=operation.stage + 1)
                await self._note(operation)
        except RacklessError as error:
            await self._finish(operation, f"failed: {error.message}")
            raise
        await self._finish(operation, "done")
        if operation.reboot and await self._waits(operation):
            await self._ledger.act(EndHost(how="reboot", why=f"{operation.kind} asked for it"))

    async def _waits(self, operation: Operation) -> bool:
        """The new set was not booted yet: a loss of power may have been the reboot that was asked for."""
        host, slot = await self._world.look(), operation.slot
        return slot is not None and host.booted is not slot and not bootable(host.set(slot), host.loader)

    async def _note(self, operation: Operation) -> None:
        await self._ledger.remember(lambda record: replace(record, operation=operation))

    async def _finish(self, operation: Operation, end: str) -> None:
        self._world.log(
            f"operation {operation.kind}: running => {end.partition(':')[0]}"
            + (f" ({end.partition(': ')[2]})" if ":" in end else "")
        )
        now = self._world.now()

        def over(record: Record) -> Record:
            fresh = replace(record, operation=None, answers=((operation.id, end), *record.answers)[:ANSWERS])
            if end != "done":
                return fresh
            if operation.kind == Kind.ADD:
                return replace(fresh, upgraded_at=now)
            return replace(fresh, snapshot_at=now) if operation.kind == Kind.SNAPSHOT else fresh

        await self._ledger.remember(over)

    # ---- the host's own end, and switches

    async def end_host(self, how: str, *, by: str, once: Slot | None = None) -> None:
        """Does not come back where it works."""
        self._free()
        if once is not None:
            host = await self._world.look()
            why = f"{by} asked for it"
            await self._ledger.act(WriteLoader(loader=replace(host.loader, once=once), why=why))
        await self._ledger.act(EndHost(how=how, why=f"{by} asked for it"))

    async def auto_recovery(self, *, on: bool, by: str) -> None:
        if on is self._ledger.record.auto_recovery:
            return
        words = {True: "on", False: "off"}
        self._world.log(f"auto-recovery: {words[not on]} => {words[on]} ({by} asked for it)")
        await self._ledger.remember(lambda record: replace(record, auto_recovery=on))

    async def switch(self, guest: str, *, on: bool, by: str) -> None:
        """A guest off, or on again; its keeper does it with its next look."""
        self._world.log(f"guest {guest}: {'off => on' if on else 'on => off'} wanted ({by} asked for it)")

        def change(record: Record) -> Record:
            return replace(record, off=record.off - {guest} if on else record.off | {guest})

        await self._ledger.remember(change)
